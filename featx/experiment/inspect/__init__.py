"""``featx inspect``: what the texts of a data set and their tokens look like."""

from featx.experiment.inspect.data import Cut, InspectedData, inspect_data
from featx.experiment.inspect.long import Kept, suggestion
from featx.experiment.inspect.tokens import InspectedText, inspect_tokens

__all__ = ["Cut", "InspectedData", "InspectedText", "Kept", "inspect_data", "inspect_tokens", "suggestion"]

"""Where things are kept."""

from __future__ import annotations

#: Where runs are written unless the user says otherwise.
DEFAULT_RESULTS = "results"

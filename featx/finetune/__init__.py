"""Texts to `Predictions` with the Transformers `Trainer`.

Shares extraction's tokenizer, computes no metric of its own and never imports ``baselines``. May import
``errors``, ``config``, ``data``, ``evaluation`` and the token side of ``features``.
"""

from featx.finetune.inference import classify, load_classifier
from featx.finetune.preflight import check_labels
from featx.finetune.training import Finetuned, finetune

__all__ = ["Finetuned", "check_labels", "classify", "finetune", "load_classifier"]

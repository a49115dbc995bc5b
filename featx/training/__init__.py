"""Texts to `Predictions` with the Transformers `Trainer`.

Shares extraction's tokenizer, computes no metric of its own and never imports ``baselines``. May import
``errors``, ``config``, ``data``, ``evaluation`` and the token side of ``features``.
"""

from featx.training.checks import check_settings
from featx.training.diagnosis import Diagnosis, judge
from featx.training.head import LinearHead
from featx.training.inference import classify, load_classifier
from featx.training.loss import constant_loss
from featx.training.preflight import check_labels
from featx.training.search import Searched, search
from featx.training.signals import Interrupts, interrupts
from featx.training.training import Finetuned, Hooks, finetune
from featx.training.trials import SearchTrial

__all__ = [
    "Diagnosis",
    "Finetuned",
    "Hooks",
    "Interrupts",
    "LinearHead",
    "SearchTrial",
    "Searched",
    "check_labels",
    "check_settings",
    "classify",
    "constant_loss",
    "finetune",
    "interrupts",
    "judge",
    "load_classifier",
    "search",
]

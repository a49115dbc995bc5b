"""Texts to `Predictions` with the Transformers `Trainer`.

Shares extraction's tokenizer, computes no metric of its own and never imports ``baselines``. May import
``errors``, ``settings``, ``data``, ``evaluation`` and the token side of ``features``.
"""

from featx.training.checks import check_settings
from featx.training.diagnosis import Diagnosis, judge, one_class_only
from featx.training.finetuned import Finetuned
from featx.training.fitting import finetune, fit
from featx.training.head import LinearHead
from featx.training.hooks import Hooks
from featx.training.inference import classify, load_classifier
from featx.training.loss import constant_loss, least_loss
from featx.training.preflight import check_labels
from featx.training.preparing import Prepared, prepare
from featx.training.search import Searched, search
from featx.training.signals import Interrupts, interrupts
from featx.training.trials import SearchTrial

__all__ = [
    "Diagnosis",
    "Finetuned",
    "Hooks",
    "Interrupts",
    "LinearHead",
    "Prepared",
    "SearchTrial",
    "Searched",
    "check_labels",
    "check_settings",
    "classify",
    "constant_loss",
    "finetune",
    "fit",
    "interrupts",
    "judge",
    "least_loss",
    "load_classifier",
    "one_class_only",
    "prepare",
    "search",
]

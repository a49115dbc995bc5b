"""Texts to `Predictions` with the Transformers `Trainer`.

Shares extraction's tokenizer, computes no metric of its own and never imports ``baselines``. May import
``errors``, ``config``, ``data``, ``evaluation`` and the token side of ``features``.
"""

from featx.finetune.checks import check_settings
from featx.finetune.head import LinearHead
from featx.finetune.inference import classify, load_classifier
from featx.finetune.loss import constant_loss
from featx.finetune.preflight import check_labels
from featx.finetune.search import Searched, search
from featx.finetune.signals import Interrupts, interrupts
from featx.finetune.training import Finetuned, Hooks, finetune
from featx.finetune.trials import Trial
from featx.finetune.verdict import Verdict, judge

__all__ = [
    "Finetuned",
    "Hooks",
    "Interrupts",
    "LinearHead",
    "Searched",
    "Trial",
    "Verdict",
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

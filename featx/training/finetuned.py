"""A fine-tuned classifier, and its folder. May import ``errors``, ``data``, ``evaluation`` and ``features.tokens``."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from featx.data import Split
from featx.evaluation import Predictions
from featx.features.checkpoint import quiet_transformers
from featx.features.tokens import Tokenizer
from featx.settings import Long
from featx.training.inference import classify


@dataclass(frozen=True)
class Finetuned:
    """A fine-tuned classifier: that of the best epoch on validation.

    Attributes
    ----------
    model : PreTrainedModel
    tokenizer : Tokenizer
    history : tuple of dict
        The Trainer's log: loss and learning rate by step, validation metrics by epoch.
    fit_seconds : float
        Training with its evaluations, of all processes that had a part in it one after the other; loading the
        checkpoint not included.
    n_truncated : mapping of split name to int
        Texts that lost tokens, since they were longer than the maximum length.
    best_epoch, best_score : float
        Passes over train at the evaluation that is kept, and its `SELECTION_METRIC` on validation.
    last_epoch : float
        Passes over train in all.
    resumed_step : int or None
        The step that it went on from.
    long : Long
        How it reads long texts.
    """

    model: Any
    tokenizer: Tokenizer
    history: tuple[dict[str, Any], ...]
    fit_seconds: float
    n_truncated: Mapping[str, int]
    best_epoch: float
    best_score: float
    last_epoch: float
    resumed_step: int | None = None
    long: Long = Long.CUT

    def predict(self, split: Split) -> tuple[Predictions, float]:
        """Return predictions for a split in float32, and the seconds they took, tokenising included."""
        started = time.perf_counter()
        y_score = classify(self.model, self.tokenizer, split.texts, long=self.long)
        seconds = time.perf_counter() - started
        return Predictions(split.labels, y_score.argmax(axis=1), y_score, split.label_names), seconds

    def save(self, folder: Path) -> None:
        """Write weights (safetensors), configuration and tokenizer for plain ``from_pretrained`` and ``pipeline``.

        The tokenizer that is saved states the length at which this training cut texts.

        Raises
        ------
        OSError
            If they cannot be written.
        """
        from safetensors import SafetensorError

        hf = self.tokenizer.hf
        limit, hf.model_max_length = hf.model_max_length, self.tokenizer.max_length
        try:
            with quiet_transformers():
                self.model.save_pretrained(folder)
                hf.save_pretrained(folder)
        except SafetensorError as e:
            raise OSError(str(e)) from e
        finally:
            hf.model_max_length = limit

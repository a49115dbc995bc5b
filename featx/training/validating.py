"""Validation while a training runs: scores by all processes, and the metrics of an evaluation.

May import ``settings``, ``evaluation`` and the token side of ``features``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from featx.evaluation import METRICS, Predictions, f1_macro_standard_error, measure, temperature_scaled_log_loss
from featx.settings import SELECTION_METRIC
from featx.training.inference import scores_of_tokens
from featx.training.preparing import Prepared
from featx.training.processes import rank, summed, world_size

#: Names in the log of what is chosen by, and of what decides where the score alone cannot.
SCORE = f"eval_{SELECTION_METRIC}"
STANDARD_ERROR, SCALED_LOG_LOSS = "eval_f1_macro_standard_error", "eval_temperature_scaled_log_loss"


def validation_metrics(model: Any, prepared: Prepared, device: Any) -> dict[str, Any]:
    """Return the metrics of `model` on validation, under their names in the log."""
    y_score = _scores(model, prepared, device)
    made = Predictions(prepared.validation.labels, y_score.argmax(axis=1), y_score, prepared.label_names)
    measured = measure(made)
    return {f"eval_{name}": measured[name] for name in METRICS if name in measured} | {
        STANDARD_ERROR: f1_macro_standard_error(made),
        SCALED_LOG_LOSS: temperature_scaled_log_loss(made),
        "eval_loss": measured["log_loss"],
    }


def _scores(model: Any, prepared: Prepared, device: Any) -> NDArray[np.float64]:
    """Return the scores of all texts; each process computes its share."""
    import torch

    tokens, shares = prepared.validation.tokens, world_size()
    mine = np.arange(rank(), tokens.n_texts, shares)
    y_score = np.zeros((tokens.n_texts, len(prepared.label_names)))
    y_score[mine] = scores_of_tokens(model, tokens, prepared.tokenizer.pad_id, texts=mine)
    if shares == 1:
        return y_score
    # float32: MPS has no other, and float64 would not be kept by all back ends.
    whole = summed(torch.from_numpy(y_score.astype(np.float32)).to(device)).cpu().numpy()
    return np.asarray(whole / whole.sum(axis=1, keepdims=True), np.float64)

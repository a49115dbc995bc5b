"""A fine-tuned model on texts: probabilities in the order of the texts, batches of like lengths."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featx.errors import DivergedError, RunError, TrainingError
from featx.features.batches import pad, token_batches
from featx.features.memory import TextTooLargeError, halving
from featx.features.tokens import TokenizedTexts, Tokenizer, load_config
from featx.features.weights import load_weights
from featx.settings import Checkpoint
from featx.training.padding import tokenizer_for_training

#: Tokens of a batch, padding included, on a CPU and elsewhere.
_CPU_BATCH_TOKENS, _GPU_BATCH_TOKENS = 1_024, 16_384


def classify(
    model: Any,
    tokenizer: Tokenizer,
    texts: Sequence[str],
    batch_tokens: int | None = None,
) -> NDArray[np.float64]:
    """Return probabilities of each class.

    Parameters
    ----------
    model : PreTrainedModel
        With a sequence-classification head; its device is used.
    tokenizer : Tokenizer
    texts : sequence of str
    batch_tokens : int, optional
        Tokens of a batch, padding included; by device when None. A batch that memory is too small for is halved.

    Returns
    -------
    ndarray of shape (n_texts, n_classes), float64

    Raises
    ------
    TrainingError
        If a score is NaN, or one text alone does not fit into memory.
    """
    return scores_of_tokens(model, tokenizer(texts), tokenizer.pad_id, batch_tokens)


def scores_of_tokens(
    model: Any,
    tokens: TokenizedTexts,
    pad_id: int,
    batch_tokens: int | None = None,
    rows: NDArray[np.int64] | None = None,
) -> NDArray[np.float64]:
    """Return probabilities of each class for texts that are tokenised already; see `classify`.

    Returns
    -------
    ndarray of shape (n_texts, n_classes), float64
        For the texts in `rows`, in that order; for all when it is None.
    """
    was_training = model.training
    model.eval()
    rows = np.arange(len(tokens)) if rows is None else rows
    y_score = np.empty((len(rows), model.config.num_labels), np.float64)
    budget = batch_tokens or (_CPU_BATCH_TOKENS if model.device.type == "cpu" else _GPU_BATCH_TOKENS)
    try:
        for batch in token_batches(tokens.lengths[rows], budget):
            for part, scores in halving(batch, lambda part: _scores(model, pad_id, [tokens[k] for k in rows[part]])):
                y_score[part] = scores
    except TextTooLargeError as e:
        raise TrainingError(f"out of memory with text {rows[e.row] + 1} alone; lower `max_length`") from e
    model.train(was_training)
    if not np.isfinite(y_score).all():
        raise DivergedError("the model's scores are NaN or infinite; its training went wrong: lower `learning_rate`")
    return y_score


def _scores(model: Any, pad_id: int, ids: list[NDArray[np.int32]]) -> NDArray[np.float64]:
    import torch

    input_ids, mask = (torch.from_numpy(array).to(model.device) for array in pad(ids, pad_id))
    with torch.inference_mode():
        logits = model(input_ids=input_ids, attention_mask=mask).logits.cpu()  # MPS has no float64
        return np.asarray(torch.softmax(logits.double(), dim=-1).numpy(), np.float64)


def load_classifier(folder: Path, max_length: int | None, device: str) -> tuple[Any, Tokenizer]:
    """Model and tokenizer that `finetune` saved in `folder`.

    Raises
    ------
    RunError
        If the folder is missing.
    CheckpointError
        If it cannot be loaded.
    """
    from transformers import AutoModelForSequenceClassification

    if not (folder / "config.json").is_file():
        raise RunError(f"{folder} holds no model; the run was saved without one: run featx finetune again")
    checkpoint = Checkpoint(str(folder), str(folder), None, "", "")
    config = load_config(checkpoint)
    tokenizer = tokenizer_for_training(checkpoint, config, max_length)
    model = load_weights(checkpoint, AutoModelForSequenceClassification, config, needs_head=True)
    return model.to(device).eval(), tokenizer

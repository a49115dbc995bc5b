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
from featx.settings import Checkpoint, Long
from featx.training.padding import tokenizer_for_training

#: Tokens of a batch, padding included, on a CPU and elsewhere.
_CPU_BATCH_TOKENS, _GPU_BATCH_TOKENS = 1_024, 16_384


def classify(
    model: Any,
    tokenizer: Tokenizer,
    texts: Sequence[str],
    batch_tokens: int | None = None,
    long: Long = Long.CUT,
) -> NDArray[np.float64]:
    """Return probabilities of each class.

    With windows a text's logits are the mean of its windows', weighted by their tokens: a short last window says little
    of a text, and a linear head on frozen features, which are joined alike, gives these very logits.

    Parameters
    ----------
    model : PreTrainedModel
        With a sequence-classification head; its device is used.
    tokenizer : Tokenizer
    texts : sequence of str
    batch_tokens : int, optional
        Tokens of a batch, padding included; by device when None. A batch that memory is too small for is halved.
    long : Long
        How the model was trained to read long texts.

    Returns
    -------
    ndarray of shape (n_texts, n_classes), float64

    Raises
    ------
    TrainingError
        If a score is NaN, or one text alone does not fit into memory.
    """
    return scores_of_tokens(model, tokenizer(texts, long), tokenizer.pad_id, batch_tokens)


def scores_of_tokens(
    model: Any,
    tokens: TokenizedTexts,
    pad_id: int,
    batch_tokens: int | None = None,
    texts: NDArray[np.int64] | None = None,
) -> NDArray[np.float64]:
    """Return probabilities of each class for texts that are tokenised already; see `classify`.

    Returns
    -------
    ndarray of shape (n_texts, n_classes), float64
        For the positions in `texts`, in that order; for all when it is None.
    """
    import torch

    was_training = model.training
    model.eval()
    rows = tokens.rows_of(np.arange(tokens.n_texts) if texts is None else texts)
    logits = np.empty((len(rows), model.config.num_labels), np.float64)
    budget = batch_tokens or (_CPU_BATCH_TOKENS if model.device.type == "cpu" else _GPU_BATCH_TOKENS)
    try:
        for batch in token_batches(tokens.lengths[rows], budget):
            for part, made in halving(batch, lambda part: _logits(model, pad_id, [tokens[k] for k in rows[part]])):
                logits[part] = made
    except TextTooLargeError as e:
        text = rows[e.row] if tokens.texts is None else tokens.texts[rows[e.row]]
        raise TrainingError(f"out of memory with text {text + 1} alone; lower `max_length`") from e
    model.train(was_training)
    averaged = torch.from_numpy(tokens.averaged(logits, rows))
    y_score = np.asarray(torch.softmax(averaged, dim=-1).numpy(), np.float64)
    if not np.isfinite(y_score).all():
        raise DivergedError("the model's scores are NaN or infinite; its training went wrong: lower `learning_rate`")
    return y_score


def _logits(model: Any, pad_id: int, ids: list[NDArray[np.int32]]) -> NDArray[np.float64]:
    import torch

    input_ids, mask = (torch.from_numpy(array).to(model.device) for array in pad(ids, pad_id))
    with torch.inference_mode():
        logits = model(input_ids=input_ids, attention_mask=mask).logits.cpu()  # MPS has no float64
        return np.asarray(logits.double().numpy(), np.float64)


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

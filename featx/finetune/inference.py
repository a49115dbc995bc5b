"""A fine-tuned model on texts: probabilities in the order of the texts, batches of like lengths."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featx.config import Checkpoint
from featx.errors import RunError
from featx.features.batches import pad, token_batches
from featx.features.checkpoint import loading
from featx.features.tokens import Tokenizer, load_config, load_tokenizer

#: Tokens of a batch, padding included.
_BATCH_TOKENS = 2_048


def classify(
    model: Any,
    tokenizer: Tokenizer,
    texts: Sequence[str],
    on_batch: Callable[[int], None] | None = None,
) -> NDArray[np.float64]:
    """Probabilities of each class.

    Parameters
    ----------
    model : PreTrainedModel
        With a sequence-classification head; its device is used.
    tokenizer : Tokenizer
    texts : sequence of str
    on_batch : callable, optional
        Called with the number of texts of each finished batch.

    Returns
    -------
    ndarray of shape (n_texts, n_classes), float64
    """
    import torch

    was_training = model.training
    model.eval()
    tokens = tokenizer(texts)
    y_score = np.empty((len(texts), model.config.num_labels), np.float64)
    for batch in token_batches(tokens.lengths, _BATCH_TOKENS):
        arrays = pad([tokens.ids[row] for row in batch], tokenizer.pad_id)
        input_ids, mask = (torch.from_numpy(array).to(model.device) for array in arrays)
        with torch.inference_mode():
            logits = model(input_ids=input_ids, attention_mask=mask).logits
            y_score[batch] = torch.softmax(logits.double(), dim=-1).cpu().numpy()
        if on_batch:
            on_batch(len(batch))
    model.train(was_training)
    return y_score


def load_classifier(folder: Path, max_length: int | None, device: str) -> tuple[Any, Tokenizer]:
    """Model and tokenizer that `finetune` saved in `folder`.

    Raises
    ------
    RunError
        If the folder is missing.
    CheckpointError
        If it cannot be loaded.
    """
    import torch
    from transformers import AutoModelForSequenceClassification

    if not (folder / "config.json").is_file():
        raise RunError(f"{folder} holds no model; the run was saved without one: run featx finetune again")
    checkpoint = Checkpoint(str(folder), str(folder), None, "", "")
    config = load_config(checkpoint)
    tokenizer = load_tokenizer(checkpoint, config, max_length)
    load = AutoModelForSequenceClassification.from_pretrained
    model: Any = loading(checkpoint, load, config=config, dtype=torch.float32, use_safetensors=True)
    return model.to(device).eval(), tokenizer

"""Decoders against plain Transformers: the last token by the mask, padding on either side, no padding token needed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from architectures import make
from tiny import make_texts
from transformers import AutoModel, AutoTokenizer

from featx.errors import CheckpointError
from featx.features.checkpoint import find_checkpoint
from featx.features.encoder import Encoder, load_encoder
from featx.features.extraction import Extractor
from featx.settings import ComputeSettings, Device, FeatureSettings, Long, Pooling

TEXTS = make_texts(9, longest=30)[0]
KINDS = ("gpt2", "llama", "qwen2")


def edit(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    held = json.loads(path.read_text())
    change(held)
    path.write_text(json.dumps(held))


@pytest.fixture(scope="module", params=KINDS)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A decoder whose tokenizer adds no special tokens and has no padding token, as GPT-2's."""
    made = make(tmp_path_factory.mktemp("decoder") / request.param, request.param)
    edit(made / "tokenizer.json", lambda held: held.update(post_processor=None))
    edit(made / "tokenizer_config.json", lambda held: [held.pop(name, None) for name in ("pad_token", "cls_token")])
    edit(made / "config.json", lambda held: held.update(pad_token_id=None))
    return made


def extractor(folder: Path, features: FeatureSettings, batch_tokens: int = 100) -> Extractor:
    checkpoint = find_checkpoint(str(folder), Path("unused"))
    encoder: Encoder = load_encoder(checkpoint, features, ComputeSettings(Device.CPU, batch_tokens))
    return Extractor(encoder, checkpoint, features, None)


def last_states(folder: Path, side: str) -> np.ndarray:
    """State of each text's last token out of one batch of plain Transformers, padded on `side`."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.pad_token, tokenizer.padding_side = tokenizer.unk_token, side
    inputs = tokenizer(TEXTS, return_tensors="pt", padding=True)
    mask = inputs["attention_mask"]
    positions = (mask.cumsum(dim=1) - 1).clamp_min(0)
    model = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    with torch.inference_mode():
        hidden = model(input_ids=inputs["input_ids"], attention_mask=mask, position_ids=positions).last_hidden_state
    places = mask.sum(dim=1) - 1 if side == "right" else torch.full((len(TEXTS),), mask.shape[1] - 1)
    return hidden[torch.arange(len(TEXTS)), places].numpy()


@pytest.mark.parametrize("side", ["left", "right"])
def test_auto_gives_the_last_token_that_plain_transformers_give(folder: Path, side: str) -> None:
    expected = last_states(folder, side)
    made = extractor(folder, FeatureSettings())
    assert [spec.pooling for spec in made.specs] == [Pooling.LAST]
    for batch_tokens in (1, 10_000):
        made.encoder.batch_tokens = batch_tokens
        vectors = made.encode(TEXTS).gather()
        assert np.abs(vectors - expected).max() < 2e-6 * np.abs(expected).max()


def test_all_layers_and_poolings_come_from_one_pass(folder: Path) -> None:
    features = FeatureSettings(layer=None, pooling=(Pooling.MEAN, Pooling.LAST, Pooling.MAX, Pooling.WEIGHTED_MEAN))
    made = extractor(folder, features)
    encoded = made.encode(TEXTS)
    assert len(made.specs) == 12
    for kind, spec in enumerate(made.specs):
        alone = extractor(folder, FeatureSettings((spec.layer,), (spec.pooling,)), 10_000).encode(TEXTS).gather()
        assert np.abs(encoded.gather(kind) - alone).max() < 2e-6 * np.abs(alone).max()


def test_nothing_is_kept_for_writing_on(folder: Path) -> None:
    assert extractor(folder, FeatureSettings()).encoder.model.config.use_cache is False


def test_cls_is_an_error_that_names_the_remedy(folder: Path) -> None:
    with pytest.raises(CheckpointError, match=r"its first token has not read the text; use `pooling` last or mean, or"):
        extractor(folder, FeatureSettings(pooling=(Pooling.CLS,)))


def test_a_cls_token_at_the_end_of_a_decoder_is_taken(folder: Path, tmp_path: Path) -> None:
    """It has read the text, under any mask."""
    import shutil

    from tokenizers import Tokenizer, processors

    made = Path(shutil.copytree(folder, tmp_path / "decoder"))
    tokenizer = Tokenizer.from_file(str(made / "tokenizer.json"))
    place = ("[CLS]", tokenizer.token_to_id("[CLS]"))
    tokenizer.post_processor = processors.TemplateProcessing(single="$A [CLS]", special_tokens=[place])
    tokenizer.save(str(made / "tokenizer.json"))
    edit(made / "tokenizer_config.json", lambda held: held.update(cls_token="[CLS]"))
    of_cls = extractor(made, FeatureSettings(pooling=(Pooling.CLS,))).encode(TEXTS).gather()
    of_last = extractor(made, FeatureSettings()).encode(TEXTS).gather()
    assert np.array_equal(of_cls, of_last)


def test_windows_of_a_text_without_special_tokens(folder: Path) -> None:
    """Each window's last token, weighted by the tokens of the window, those in two windows half in each."""
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder, dtype=torch.float32)
    settings = FeatureSettings(pooling=(Pooling.LAST,), max_length=16, long=(Long.WINDOWS,))
    texts = [" ".join(TEXTS[:4]), TEXTS[0][:12], " ".join(TEXTS)]
    made = extractor(folder, settings).encode(texts).gather()
    for text, vector in zip(texts, made, strict=True):
        ids = tokenizer(text, verbose=False)["input_ids"]
        times, windows = np.zeros(len(ids)), []
        for start in range(0, max(1, len(ids) - 2), 14):
            windows.append(range(start, min(start + 16, len(ids))))
            times[windows[-1]] += 1
        expected = 0.0
        for window in windows:
            with torch.inference_mode():
                last = model.eval()(torch.tensor([ids[window.start : window.stop]])).last_hidden_state[0, -1]
            expected = expected + (1 / times[window]).sum() / len(ids) * last.double().numpy()
        assert np.allclose(vector, expected, rtol=1e-4, atol=1e-5)

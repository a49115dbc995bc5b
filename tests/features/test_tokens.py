"""Limits and tokens: what the encoder has no row for, and texts of which nothing is left, are one line."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from architectures import make
from tiny import make_texts

from featx.errors import CheckpointError, ExtractionError, FeatxWarning, SettingsError
from featx.features import tokens
from featx.features.checkpoint import find_checkpoint
from featx.features.encoder import Encoder, load_encoder
from featx.features.extraction import Extractor
from featx.settings import ComputeSettings, Device, FeatureSettings, Pooling

MEAN = FeatureSettings(pooling=(Pooling.MEAN,))


@pytest.fixture
def bert(checkpoints: Callable[[str], Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(checkpoints("bert"), tmp_path / "bert"))


def loaded(folder: Path, features: FeatureSettings = MEAN) -> Encoder:
    return load_encoder(find_checkpoint(str(folder), Path("unused")), features, ComputeSettings(Device.CPU))


def edit(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    held = json.loads(path.read_text())
    change(held)
    path.write_text(json.dumps(held))


@pytest.mark.parametrize("stated", ["abc", True, None, [40], float("nan")])
def test_a_limit_that_is_no_number_is_one_line(bert: Path, stated: object) -> None:
    edit(bert / "tokenizer_config.json", lambda held: held.update(model_max_length=stated))
    if stated is None:
        assert loaded(bert).tokenizer.max_length == 40
    else:
        with pytest.raises(
            CheckpointError, match=r"says model_max_length .*; expected a whole number|cannot be loaded"
        ):
            loaded(bert)


@pytest.mark.parametrize(("stated", "limit"), [(-1, 40), (0, 40), (12, 12), (1e30, 40), (12.0, 12), (10**400, 40)])
def test_limits_that_tokenizers_state(bert: Path, stated: float, limit: int) -> None:
    edit(bert / "tokenizer_config.json", lambda held: held.update(model_max_length=stated))
    assert loaded(bert).tokenizer.max_length == limit


def test_a_limit_that_leaves_no_room_is_one_line(bert: Path) -> None:
    edit(bert / "tokenizer_config.json", lambda held: held.update(model_max_length=2))
    with pytest.raises(CheckpointError, match=r"states a limit of 2 tokens, of which 2 are special"):
        loaded(bert)


def add_tokens(folder: Path, *words: str) -> None:
    from transformers import AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens(list(words))
    tokenizer.save_pretrained(folder)


def test_tokens_without_embeddings_are_named_where_texts_use_them(bert: Path) -> None:
    add_tokens(bert, "<user>", "<url>")
    encoder = loaded(bert)
    made = Extractor(encoder, find_checkpoint(str(bert), Path("unused")), MEAN, None)
    assert np.isfinite(made.encode(["a good day"]).gather()).all()
    words = (
        r"texts use the tokens '<user>' \((\d+)\), '<url>' \(\d+\), but the encoder has embeddings for the ids 0 to "
    )
    with pytest.raises(CheckpointError, match=words + r".*call resize_token_embeddings"):
        made.encode(["a good day", "<user> a <url>"])


def test_a_padding_token_without_an_embedding_is_masked_as_any_other(bert: Path) -> None:
    before = loaded(bert)
    add_tokens(bert, "[FILL]")
    encoder = loaded(bert)
    encoder.tokenizer.hf.pad_token = "[FILL]"
    assert encoder.tokenizer.hf.pad_token_id == encoder.tokenizer.n_ids
    texts = make_texts(8)[0]
    kinds = [(2, Pooling.MEAN)]
    made, expected = (e.encode([e.tokenizer(texts)[k] for k in range(8)], kinds)[0] for e in (encoder, before))
    assert np.allclose(made, expected, atol=1e-6)


def without_special_tokens(folder: Path) -> None:
    edit(folder / "tokenizer.json", lambda held: held.update(post_processor=None))


def test_a_tokenizer_that_adds_no_first_token_is_said_with_cls_alone(bert: Path) -> None:
    without_special_tokens(bert)
    with pytest.warns(
        FeatxWarning, match=r"adds no special token such as \[CLS\] before a text, so `pooling` cls takes"
    ):
        encoder = loaded(bert, FeatureSettings())
    encoder.load()
    loaded(bert).load()


def test_texts_of_which_no_token_is_left_are_named(bert: Path) -> None:
    without_special_tokens(bert)
    made = Extractor(loaded(bert), find_checkpoint(str(bert), Path("unused")), MEAN, None)
    with pytest.raises(ExtractionError, match=r"2 texts give no token at all, the first: '', '  '; the tokenizer of"):
        made.encode(["a day", "", "  "])


def test_an_encoder_decoder_without_a_first_token_has_mean_alone(tmp_path: Path) -> None:
    folder = make(tmp_path / "t5", "t5")
    without_special_tokens(folder)
    with pytest.raises(
        CheckpointError, match=r"\(t5\) is no encoder with a first token for the text: .*`pooling` mean"
    ):
        loaded(folder, FeatureSettings(pooling=(Pooling.CLS,)))
    loaded(folder, FeatureSettings()).load()  # auto is the mean
    loaded(folder).load()


def test_an_encoder_that_was_saved_without_its_decoder_is_loaded(tmp_path: Path) -> None:
    from transformers import AutoTokenizer, T5EncoderModel

    whole = make(tmp_path / "t5", "t5")
    T5EncoderModel.from_pretrained(whole).save_pretrained(tmp_path / "encoder")
    AutoTokenizer.from_pretrained(whole).save_pretrained(tmp_path / "encoder")
    ids, kinds = [[5, 6, 7, 3]], [(2, Pooling.MEAN)]
    made, expected = (loaded(folder).encode(ids, kinds)[0] for folder in (tmp_path / "encoder", whole))
    assert np.array_equal(made, expected)


def test_a_sentencepiece_model_alone_says_what_to_install(bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "find_spec", lambda name: None)
    loaded(bert)
    (bert / "tokenizer.json").rename(bert / "elsewhere.json")
    (bert / "spm.model").write_bytes(b"\n\x0e\n\x05<unk>")
    with pytest.raises(CheckpointError, match=r"SentencePiece model alone \(spm\.model\).*pip install sentencepiece"):
        loaded(bert)


def test_max_length_is_checked_against_the_limit(bert: Path) -> None:
    with pytest.raises(SettingsError, match=r"`max_length` is 41; expected 3 .* to 40") as raised:
        loaded(bert, FeatureSettings(max_length=41))
    assert raised.value.setting == "max_length"

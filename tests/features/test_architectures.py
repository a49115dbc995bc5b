"""Laws over many architectures: the features are the model's own, whatever the batch and whatever else is asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from architectures import SETTINGS, make
from tiny import make_texts
from transformers import AutoModel, AutoTokenizer

from featx.errors import CheckpointError, FeatxWarning
from featx.features.checkpoint import find_checkpoint
from featx.features.encoder import Encoder, load_encoder
from featx.features.extraction import Extractor
from featx.features.resolving import in_words, resolve_features
from featx.settings import ComputeSettings, Device, FeatureSettings, Pooling

#: What cannot be encoded at all, and what is said.
REFUSED = {
    "bros": r"\(bros\) cannot encode texts by their tokens alone: .*bbox",
    "perceiver": r"\(perceiver\) is no single text encoder",
    "reformer": r"\(reformer\) gives hidden states of shape \(1, 9, 64\) .* expected \(1, 9, 32\)",
}
CAUSAL = {
    "clip_text_model",
    "gpt2",
    "llama",
    "mra",
    "qwen2",
}  # mra: its attention needs a CUDA kernel and is zero without
PADDING_MATTERS = {"canine", "convbert", "fnet", "funnel", "nystromformer", "yoso"}
WITHOUT_LAYERS = {"canine", "funnel"}
ENCODERS = [kind for kind in SETTINGS if kind not in REFUSED]
MEAN = FeatureSettings(pooling=(Pooling.MEAN,))
ALL = FeatureSettings(layer=None, pooling=(Pooling.MEAN,))
TEXTS = make_texts(10, longest=30)[0]

pytestmark = [
    pytest.mark.filterwarnings("ignore::featx.errors.FeatxWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


@pytest.fixture(scope="module", params=ENCODERS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def folder(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("architecture") / kind, kind)


@pytest.fixture(scope="module")
def encoder(folder: Path) -> Encoder:
    return loaded(folder, MEAN)


def loaded(folder: Path, features: FeatureSettings, batch_tokens: int | None = None) -> Encoder:
    return load_encoder(
        find_checkpoint(str(folder), Path("unused")), features, ComputeSettings(Device.CPU, batch_tokens)
    )


def vectors(encoder: Encoder, folder: Path, features: FeatureSettings, batch_tokens: int) -> np.ndarray:
    """Of the last layer, where several are asked for."""
    encoder.batch_tokens = batch_tokens
    made = Extractor(encoder, find_checkpoint(str(folder), Path("unused")), features, None)
    return made.encode(TEXTS).gather(len(made.specs) - 1)


def apart(a: np.ndarray, b: np.ndarray) -> float:
    return float((np.linalg.norm(a - b, axis=-1) / np.linalg.norm(b, axis=-1)).max())


def test_what_trying_finds(kind: str, encoder: Encoder) -> None:
    assert encoder.trial.padding_matters == (kind in PADDING_MATTERS)
    assert encoder.trial.cls_reads_text == (kind not in CAUSAL)


def test_the_last_layer_is_the_models_own_output_whatever_the_batch(kind: str, folder: Path, encoder: Encoder) -> None:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    full = {"attention_type": "original_full"} if kind == "big_bird" else {}
    model = AutoModel.from_pretrained(folder, dtype=torch.float32, **full).eval()
    if kind in ("bart", "t5", "umt5"):
        model = model.get_encoder()
    expected = []
    with torch.inference_mode():
        for text in TEXTS:
            ids = tokenizer(text, return_tensors="pt")["input_ids"]
            expected.append(model(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state[0].mean(dim=0))
    wanted = torch.stack(expected).numpy()
    bound = 1e-6 if kind == "canine" else 4e-7
    assert apart(vectors(encoder, folder, MEAN, 1), wanted) < bound
    assert apart(vectors(encoder, folder, MEAN, 100_000), wanted) < bound


def test_one_name_has_one_content(kind: str, folder: Path, encoder: Encoder) -> None:
    """Layer -1 is the same, alone and beside the others; where layers cannot be told apart it is said."""
    alone = vectors(encoder, folder, MEAN, 200)
    if kind in WITHOUT_LAYERS:
        with pytest.raises(CheckpointError, match=r"cannot be told apart by layer and token; take `layer` -1 alone"):
            vectors(encoder, folder, ALL, 200)
    else:
        assert apart(vectors(encoder, folder, ALL, 200), alone) < 4e-7


def test_a_first_token_that_has_not_read_the_text_is_refused(kind: str, folder: Path) -> None:
    features = FeatureSettings(pooling=(Pooling.CLS,))
    if kind in CAUSAL:
        with pytest.raises(
            CheckpointError, match=r"is no encoder, so its first token has not read the text; use `pooling` last or me"
        ):
            vectors(loaded(folder, features), folder, features, 200)
    else:
        made = vectors(loaded(folder, features), folder, features, 200)
        assert len(np.unique(made, axis=0)) == len(TEXTS)


def test_auto_is_the_last_token_of_decoders_and_the_mean_of_encoder_decoders(kind: str, folder: Path) -> None:
    decoders, both = {"gpt2", "llama", "qwen2"}, {"bart", "t5", "umt5"}
    own = Pooling.LAST if kind in decoders else Pooling.MEAN if kind in both else Pooling.CLS
    checkpoint = find_checkpoint(str(folder), Path("unused"))
    made = resolve_features(checkpoint, FeatureSettings())
    assert made.pooling == (own,)
    assert resolve_features(checkpoint, made) == made
    said = in_words(FeatureSettings(), made, checkpoint)
    what = "a decoder" if kind in decoders else "the encoder of an encoder-decoder" if kind in both else "an encoder"
    assert said == f"`pooling` auto is {own.value}: {what} that says nothing else of itself"


@pytest.mark.parametrize("refused", REFUSED)
def test_what_cannot_be_encoded_is_one_line(refused: str, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=REFUSED[refused]) as raised:
        loaded(make(tmp_path / refused, refused), MEAN).load()
    assert "\n" not in str(raised.value)


def test_what_is_encoded_by_length_is_said(tmp_path: Path) -> None:
    encoder = loaded(make(tmp_path / "fnet", "fnet"), MEAN)
    with pytest.warns(FeatxWarning, match=r"\(fnet\) computes another vector for a text that is padded; texts of one"):
        encoder.load()


def test_a_short_batch_changes_nothing_for_long_texts(tmp_path: Path) -> None:
    """BigBird leaves block-sparse attention for good after a batch of short texts."""
    folder = make(tmp_path / "big_bird", "big_bird")
    text = "good " * 30
    checkpoint = find_checkpoint(str(folder), Path("unused"))
    first = Extractor(loaded(folder, MEAN), checkpoint, MEAN, None).encode([text]).gather()
    after = Extractor(loaded(folder, MEAN, 1), checkpoint, MEAN, None).encode(["bad", text]).gather()
    assert apart(after[1:], first) < 4e-7


LIMITED = [kind for kind in ENCODERS if kind not in ("funnel", "t5", "umt5", "xlnet")]


@pytest.mark.parametrize("kind", LIMITED)
def test_the_longest_input_fits_where_the_tokenizer_states_none(kind: str, tmp_path: Path) -> None:
    folder = make(tmp_path / kind, kind, limit=None)
    encoder = loaded(folder, MEAN)
    assert encoder.tokenizer.max_length == (64 if kind == "canine" else 96)
    (made,) = encoder.encode([encoder.tokenizer(["good " * 300])[0]], [(encoder.n_layers, Pooling.MEAN)])
    assert np.isfinite(made).all()


def test_positions_that_are_too_few_are_found_by_trying(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from featx.features import limits

    monkeypatch.setattr(limits, "_OFFSET_TYPES", frozenset())
    monkeypatch.setattr(limits, "_PLAIN_TYPES", frozenset({"roberta"}))
    folder = make(tmp_path / "roberta", "roberta", limit=None)
    with pytest.raises(CheckpointError, match=r"has positions for 96 tokens, .* cut at 98; give `max_length` 96"):
        loaded(folder, MEAN).load()
    loaded(folder, FeatureSettings(pooling=(Pooling.MEAN,), max_length=96)).load()


def test_what_version_0_1_stored_of_a_kind_that_it_computed_otherwise_is_not_read(
    kind: str, folder: Path, encoder: Encoder
) -> None:
    checkpoint = find_checkpoint(str(folder), Path("unused"))
    (spec,) = Extractor(encoder, checkpoint, MEAN, None).specs
    otherwise = kind in PADDING_MATTERS | {"big_bird", "clip_text_model"}
    assert (spec.checkpoint != checkpoint.digest) == otherwise

"""Laws of encoding: equal to a plain forward pass, padding changes nothing, order is restored."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import make_texts
from transformers import AutoModel, AutoTokenizer

from featx.errors import ExtractionError, SettingsError
from featx.features.checkpoint import find_checkpoint
from featx.features.encoder import Encoder, load_encoder, resolve_layers
from featx.features.extraction import Extractor
from featx.features.first_token import encoder_layers
from featx.settings import ComputeSettings, Device, Dtype, FeatureSettings, Pooling

KINDS = ["distilbert", "bert", "roberta", "xlm-roberta", "camembert", "electra", "mpnet", "deberta-v2"]
ALL = FeatureSettings(layer=None, pooling=(Pooling.CLS, Pooling.MEAN))


def extractor(folder: Path, cache: Path | None, features: FeatureSettings = ALL, **compute: object) -> Extractor:
    checkpoint = find_checkpoint(str(folder), Path("unused"))
    encoder = load_encoder(checkpoint, features, ComputeSettings(device=Device.CPU, **compute))
    return Extractor(encoder, checkpoint, features, cache)


def plain(folder: Path, text: str) -> list[np.ndarray]:
    """Hidden states of one text, no padding, straight from Transformers: each (n_tokens, hidden_size)."""
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder, dtype=torch.float32)
    with torch.inference_mode():
        output = model.eval()(**tokenizer(text, return_tensors="pt"), output_hidden_states=True)
    return [state[0].numpy() for state in output.hidden_states]


def relative_error(a: np.ndarray, b: np.ndarray) -> float:
    """Largest relative distance of two matrices, row by row."""
    return float((np.linalg.norm(a - b, axis=-1) / np.linalg.norm(b, axis=-1)).max())


@pytest.mark.parametrize("kind", KINDS)
def test_equals_a_plain_forward_pass_whatever_the_batches(checkpoints: Callable[[str], Path], kind: str) -> None:
    texts, _ = make_texts(25)
    expected = [plain(checkpoints(kind), text) for text in texts]
    for batch_tokens in (1, 64, 100_000):
        made = extractor(checkpoints(kind), None, batch_tokens=batch_tokens)
        encoded = made.encode(texts)
        assert made.kinds == [(layer, pooling) for layer in range(3) for pooling in (Pooling.CLS, Pooling.MEAN)]
        for position, (layer, pooling) in enumerate(made.kinds):
            wanted = [h[layer][0] if pooling is Pooling.CLS else h[layer].mean(axis=0) for h in expected]
            assert relative_error(encoded.gather(position), np.stack(wanted)) < 1e-5


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("batch_tokens", [1, 200])
@pytest.mark.parametrize("kind", KINDS)
def test_the_first_token_alone_equals_the_whole_last_layer(
    checkpoints: Callable[[str], Path], kind: str, batch_tokens: int, attention: str
) -> None:
    texts, _ = make_texts(20)
    expected = np.stack([plain(checkpoints(kind), text)[-1][0] for text in texts])
    made = extractor(checkpoints(kind), None, FeatureSettings(), batch_tokens=batch_tokens)
    if attention == "eager":
        made.encoder.model.set_attn_implementation("eager")
    assert relative_error(made.encode(texts).gather(), expected) < 1e-5


@pytest.mark.parametrize("kind", KINDS[:-1])
def test_known_architectures_compute_one_token_in_the_last_layer(checkpoints: Callable[[str], Path], kind: str) -> None:
    made = extractor(checkpoints(kind), None, FeatureSettings())
    layer = encoder_layers(made.encoder.model)[-1]
    seen = []
    last_part = layer.ffn if kind == "distilbert" else layer.intermediate
    last_part.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0].shape[1]))
    made.encode(["a good day here"])
    assert seen == [1]
    assert encoder_layers(made.encoder.model)[-1] is layer, "the model is left as it was"


def test_texts_that_are_alike_in_words_differ_by_order(tiny: Path) -> None:
    a, b = extractor(tiny, None, FeatureSettings()).encode(["good not bad", "bad not good"]).gather()
    assert relative_error(a[None], b[None]) > 1e-3


def test_half_precision_checkpoint_is_computed_in_float32(tiny: Path, tmp_path: Path) -> None:
    model = AutoModel.from_pretrained(tiny, dtype=torch.float16)
    model.save_pretrained(tmp_path / "half")
    AutoTokenizer.from_pretrained(tiny).save_pretrained(tmp_path / "half")
    made = extractor(tmp_path / "half", None)
    assert {p.dtype for p in made.encoder.model.parameters()} == {torch.float32}


def test_bfloat16_is_close_but_another_feature(tiny: Path) -> None:
    texts, _ = make_texts(20)
    exact = extractor(tiny, None, FeatureSettings())
    rough = extractor(tiny, None, FeatureSettings(dtype=Dtype.BFLOAT16))
    error = relative_error(rough.encode(texts).gather(), exact.encode(texts).gather())
    assert 1e-5 < error < 0.1
    assert exact.specs[0].name != rough.specs[0].name


def test_long_texts_are_cut_and_counted(tiny: Path) -> None:
    made = extractor(tiny, None, FeatureSettings(max_length=6))
    encoded = made.encode(["good " * 4, "good " * 5, "good " * 300])
    assert encoded.counts.truncated == 2
    assert encoded.counts.tokens == 18
    assert np.allclose(encoded.gather()[0], encoded.gather()[2], atol=1e-6)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"layer": (3,)}, r"`layer` is 3; this checkpoint has 0 \(embeddings\) to 2 \(last\)"),
        ({"layer": (-4,)}, r"`layer` is -4"),
        ({"max_length": 2}, r"`max_length` is 2; expected 3 .* to 40, the limit"),
        ({"max_length": 41}, r"`max_length` is 41; expected 3"),
        ({"dtype": Dtype.FLOAT16}, r"`dtype` is 'float16', which a CPU computes slowly"),
    ],
)
def test_settings_that_do_not_fit(tiny: Path, settings: dict[str, object], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        extractor(tiny, None, FeatureSettings(**settings))


@pytest.mark.parametrize(
    ("compute", "words"),
    [({"batch_tokens": 0}, r"`batch_tokens` is 0; expected 1 or more")],
)
def test_compute_settings_that_do_not_fit(tiny: Path, compute: dict[str, object], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        extractor(tiny, None, **compute)


@pytest.mark.skipif(torch.cuda.is_available(), reason="has a GPU")
def test_a_device_that_is_not_there(tiny: Path) -> None:
    checkpoint = find_checkpoint(str(tiny), Path("unused"))
    with pytest.raises(SettingsError, match=r"`device` is 'cuda', which torch does not find here; usable: .*cpu"):
        load_encoder(checkpoint, FeatureSettings(), ComputeSettings(device=Device.CUDA))


def test_infinite_features_name_their_texts_and_are_not_stored(tiny: Path, tmp_path: Path) -> None:
    made = extractor(tiny, tmp_path, FeatureSettings())
    word = made.encoder.tokenizer.hf.convert_tokens_to_ids("awful")
    with torch.no_grad():
        made.encoder.model.embeddings.word_embeddings.weight[word] = float("nan")
    with pytest.raises(ExtractionError, match=r"1 of 3 texts have NaN or infinite features, the first: 'an awful day'"):
        made.encode(["a day", "an awful day", "a train"])
    assert not list(tmp_path.rglob("*.npy"))


def test_resolve_layers() -> None:
    assert resolve_layers(None, 2) == (0, 1, 2)
    assert resolve_layers((-1, 2, 0), 2) == (2, 0)


def test_encoder_takes_objects(tiny: Path) -> None:
    made = extractor(tiny, None, FeatureSettings())
    model = made.encoder.model
    encoder = Encoder(lambda: model, model.config, made.encoder.tokenizer, torch.device("cpu"), torch.float32)
    (vectors,) = encoder.encode([[2, 5, 3], [2, 6, 7, 8, 3]], [(2, Pooling.CLS)])
    assert vectors.shape == (2, 32)
    assert vectors.dtype == np.float32

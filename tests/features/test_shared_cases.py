"""Checkpoints that were met in the wild, beside the project: what was wrong with each is right, or one line."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from tiny import make_texts

from featx.errors import CheckpointError, FeatxWarning
from featx.features import adapters, tokens
from featx.features.checkpoint import find_checkpoint
from featx.features.encoder import load_encoder
from featx.features.extraction import Extractor
from featx.settings import ComputeSettings, Device, FeatureSettings, Pooling

CASES = Path(__file__).parents[3] / "shared" / "cases" / "data"
TEXTS = make_texts(6)[0]

pytestmark = pytest.mark.shared


@pytest.fixture
def cases() -> Path:
    if not CASES.is_dir():
        message = f"the cases are missing at {CASES}"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return CASES


def features(
    folder: Path,
    texts: list[str] = TEXTS,
    layer: tuple[int, ...] | None = (-1,),
    pooling: Pooling = Pooling.CLS,
    cache: Path | None = None,
) -> np.ndarray:
    settings = FeatureSettings(layer=layer, pooling=(pooling,))
    checkpoint = find_checkpoint(str(folder), Path("unused"))
    made = Extractor(load_encoder(checkpoint, settings, ComputeSettings(Device.CPU)), checkpoint, settings, cache)
    return made.encode(texts).gather(len(made.specs) - 1)


def apart(a: np.ndarray, b: np.ndarray) -> float:
    return float((np.linalg.norm(a - b, axis=-1) / np.linalg.norm(b, axis=-1)).max())


@pytest.mark.parametrize("name", ["no-last-layer", "more-layers"])
def test_missing_weights(cases: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(CheckpointError, match=r"its weights lack \d+ of .*encoder\.layer\.[12]\."):
        features(cases / "weights-missing" / name, cache=tmp_path)
    assert not list(tmp_path.rglob("*.npy"))


def test_prefixes(cases: Path) -> None:
    folder = cases / "weights-missing"
    with pytest.warns(FeatxWarning, match=r"begin with 'module\.', which was removed"):
        made = features(folder / "module-prefix")
    assert np.array_equal(made, features(folder / "control-bert-prefix"))


@pytest.mark.filterwarnings("ignore::featx.errors.FeatxWarning")
@pytest.mark.parametrize("kind", ["fnet", "convbert"])
def test_padding(cases: Path, kind: str) -> None:
    folder = cases / "padding-dependent-encoder" / kind
    assert apart(features(folder, [*TEXTS, "good " * 60])[: len(TEXTS)], features(folder)) < 1e-6


def test_clip(cases: Path, tmp_path: Path) -> None:
    folder = cases / "clip-text" / "clip_text"
    alone = features(folder, pooling=Pooling.MEAN)
    features(folder, layer=None, pooling=Pooling.MEAN, cache=tmp_path)
    assert apart(features(folder, pooling=Pooling.MEAN, cache=tmp_path), alone) < 1e-6
    with pytest.raises(CheckpointError, match=r"its first token has not read the text; use `pooling` last or mean"):
        features(folder)


def test_adapter(cases: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = cases / "adapter-config" / "adapter"
    base = Path(shutil.copytree(folder, tmp_path / "base", ignore=shutil.ignore_patterns("adapter_*")))
    assert apart(features(folder), features(base)) > 0.1
    monkeypatch.setattr(adapters, "find_spec", lambda name: None)
    with pytest.raises(CheckpointError, match=r"needs the package peft"):
        features(folder)


def test_tokens_beyond_the_embeddings(cases: Path) -> None:
    texts = (cases / "tokens-beyond-embeddings" / "added.csv").read_text().splitlines()
    words = r"texts use the tokens .*\(48\).* embeddings for the ids 0 to 47 alone \(48, where .* 50 tokens\)"
    with pytest.raises(CheckpointError, match=words):
        features(cases / "tokens-beyond-embeddings" / "checkpoint", texts)


def test_sentencepiece(cases: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "find_spec", lambda name: None)
    with pytest.raises(CheckpointError, match=r"pip install sentencepiece"):
        features(cases / "sentencepiece-only" / "deberta")

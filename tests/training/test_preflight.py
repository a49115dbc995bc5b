"""What is wrong is said before the first step, and quickly."""

from __future__ import annotations

import shutil
import time
from collections import namedtuple
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny import LABELS
from trainings import SHORT, dataset, load, train

from featx.data import Split, TextDataset
from featx.errors import CheckpointError, SettingsError, TrainingError
from featx.features.checkpoint import quiet_transformers
from featx.settings import SavingSettings
from featx.training import Hooks, preflight
from featx.training.model import keeps_head


def refuse_steps() -> Hooks:
    return Hooks(on_step=lambda done, total: pytest.fail("a step was made"))


def save(model: object, tokenizer_of: Path, folder: Path) -> Path:
    with quiet_transformers():
        model.save_pretrained(folder)
    for path in tokenizer_of.glob("tokenizer*"):
        shutil.copy(path, folder)
    return folder


def causal_encoder(tiny: Path, folder: Path) -> Path:
    from transformers import BertConfig, BertModel

    config = BertConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=1, vocab_size=99, is_decoder=True)
    return save(BertModel(config), tiny, folder)


def permuted(tiny: Path, folder: Path) -> Path:
    from transformers import XLNetConfig, XLNetModel

    return save(XLNetModel(XLNetConfig(d_model=8, n_layer=1, n_head=1, d_inner=8, vocab_size=99)), tiny, folder)


def encoder_decoder(tiny: Path, folder: Path) -> Path:
    from transformers import T5Config, T5Model

    return save(T5Model(T5Config(d_model=8, d_kv=4, d_ff=8, num_layers=1, num_heads=1, vocab_size=99)), tiny, folder)


def vision(tiny: Path, folder: Path) -> Path:
    from transformers import ViTConfig, ViTModel

    config = ViTConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8, image_size=16)
    return save(ViTModel(config), tiny, folder)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (causal_encoder, r"\(bert\) looks at earlier tokens alone .* does not fine-tune it; choose an encoder such as"),
        (permuted, r"\(xlnet\) has a head that reads the last position, be it padding, so featx does not"),
        (encoder_decoder, r"\(t5\) is an encoder-decoder, and its head asks for .* so featx does not fine-tune it"),
        (vision, r"\(vit\) cannot be fine-tuned on texts: .* choose a text encoder"),
    ],
)
def test_a_checkpoint_that_is_no_text_encoder(tiny: Path, tmp_path: Path, make: object, words: str) -> None:
    with pytest.raises(CheckpointError, match=words):
        train(make(tiny, tmp_path / "other"), SHORT, hooks=refuse_steps())


@pytest.mark.shared
def test_recomputation_where_there_is_none(cases: Path, tiny: Path) -> None:
    folder = cases / "train" / "gradient-checkpointing-unsupported" / "tiny-mpnet"
    with pytest.raises(
        SettingsError, match=r"`gradient_checkpointing` is not supported by MPNetForSequence.*leave it out"
    ):
        train(folder, replace(SHORT, gradient_checkpointing=True), hooks=refuse_steps())


def test_advice_for_lack_of_memory_names_recomputation_only_where_it_exists(
    checkpoints: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    from featx.training import trainer

    def too_large(self: object, rows: np.ndarray) -> None:
        if len(rows) > 4:
            raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory")

    def full(self: object, *arguments: object) -> None:
        too_large(self, range(9))

    monkeypatch.setattr(trainer._Changes, "training_step", full)
    monkeypatch.setattr(trainer._Changes, "try_step", too_large)
    for kind, recompute, named in (("bert", False, True), ("bert", True, False), ("mpnet", False, False)):
        with pytest.raises(TrainingError, match=r"batches of 4 fit: .*a lower `max_length` help") as refused:
            train(checkpoints(kind), replace(SHORT, gradient_checkpointing=recompute), data=dataset(24))
        assert ("`gradient_checkpointing`" in str(refused.value)) is named


def test_a_class_without_texts_in_train(tiny: Path) -> None:
    data = dataset()
    kept = np.flatnonzero(data.train.labels != 1)
    without = Split([data.train.texts[k] for k in kept], data.train.labels[kept], LABELS)
    with pytest.raises(TrainingError, match="train has no text of neutral, so nothing could be learned about it"):
        train(tiny, SHORT, data=TextDataset("x", LABELS, {**data.splits, "train": without}), hooks=refuse_steps())


def test_remarks_on_lengths_and_on_classes_that_validation_lacks(tiny: Path) -> None:
    data, said = dataset(), []
    kept = np.flatnonzero(data.validation.labels != 1)
    without = Split([data.validation.texts[k] for k in kept], data.validation.labels[kept], LABELS)
    data = TextDataset("x", LABELS, {**data.splits, "validation": without})
    made = train(tiny, replace(SHORT, num_train_epochs=0.1, max_length=6), data=data, hooks=Hooks(say=said.append))
    longer = sum(len(text.split()) > 4 for text in data.train.texts)
    assert made.n_truncated["train"] == longer
    assert said[0] == (
        f"{longer} of 240 train texts ({longer / 240:.1%}) are longer than 6 tokens and are cut there"
    )  # fmt: skip
    assert said[-1] == "validation has no text of neutral: the best epoch is chosen without it"


def test_too_little_disk(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(preflight.shutil, "disk_usage", lambda path: usage(0, 0, 100_000))
    words = r"has 0.0001 GB free, but checkpoints and the model need 0.00\d+ GB; .*`save_total_limit`"
    with pytest.raises(TrainingError, match=words):
        train(tiny, SHORT, folder=tmp_path / "not" / "yet", hooks=refuse_steps())


def test_the_way_out_of_too_little_disk_is_one(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the model fits and checkpoints do not, none are written; where not even the model fits, it says so."""
    usage = namedtuple("usage", "total used free")
    model_bytes = sum(path.stat().st_size for path in tiny.glob("*.safetensors"))
    none, settings = SavingSettings(save_strategy="no"), replace(SHORT, num_train_epochs=0.1)
    monkeypatch.setattr(preflight.shutil, "disk_usage", lambda path: usage(0, 0, 2 * model_bytes))
    with pytest.raises(TrainingError, match=r"write no checkpoints \(`save_strategy` no\)"):
        train(tiny, settings, folder=tmp_path, hooks=refuse_steps())
    train(tiny, settings, folder=tmp_path, saving=none)
    monkeypatch.setattr(preflight.shutil, "disk_usage", lambda path: usage(0, 0, model_bytes // 2))
    with pytest.raises(
        TrainingError, match=r"but the model needs [\d.e-]+ GB; free some space, or choose another folder of `results`$"
    ):
        train(tiny, settings, folder=tmp_path, saving=none, hooks=refuse_steps())


def test_the_estimate_covers_what_is_written(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The most that lies there at once, the model included, is within the estimate, and above half of it."""
    seen = []
    usage = namedtuple("usage", "total used free")

    def grow(done: int, total: int) -> None:
        seen.append(sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()))

    made = train(tiny, replace(SHORT, num_train_epochs=4), data=dataset(72), folder=tmp_path, hooks=Hooks(on_step=grow))
    monkeypatch.setattr(preflight.shutil, "disk_usage", lambda path: usage(0, 0, 0))
    saving = SavingSettings()
    with pytest.raises(TrainingError) as refused:
        preflight.check_disk(tmp_path, made.model, saving)
    needed = float(str(refused.value).split("need ")[1].split(" GB")[0]) * 1e9
    assert 0.4 * needed < max(seen) < needed


def test_checks_take_less_than_a_second(tiny: Path, tmp_path: Path) -> None:
    from featx.features.checkpoint import find_checkpoint
    from featx.features.tokens import load_config

    checkpoint = find_checkpoint(str(tiny), Path("unused"))
    config, model = load_config(checkpoint), load(tiny)
    labels = np.arange(300_000) % 3
    split = Split(["a"] * len(labels), labels, LABELS)
    splits = dict.fromkeys(("train", "validation", "test"), split)
    started = time.perf_counter()
    preflight.check_kind(config, "x")
    keeps_head(config, LABELS, "x", False, pytest.fail)
    preflight.check_labels(splits, 3)
    preflight.check_classes(split)
    preflight.check_disk(tmp_path, model, SavingSettings())
    preflight.notes_on(splits, {"train": 5, "validation": 0}, 40)
    assert time.perf_counter() - started < 1

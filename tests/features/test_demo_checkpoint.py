"""The packaged BERT weights in DistilBERT's architecture give the same hidden states."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoTokenizer, DistilBertModel

from featx.data import load_dataset
from featx.features.checkpoint import find_checkpoint
from featx.features.demo_checkpoint import packaged_folder
from featx.settings import DataSettings


def hidden_states(folder: str, texts: list[str]) -> tuple[object, list[np.ndarray], np.ndarray]:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    inputs = tokenizer(texts, return_tensors="pt", padding=True, truncation=True, max_length=64)
    with torch.inference_mode():
        output = model(
            input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"], output_hidden_states=True
        )
    return model, [state.numpy() for state in output.hidden_states], inputs["attention_mask"].numpy()


def test_same_hidden_states_in_every_layer(tmp_path: Path) -> None:
    texts = list(load_dataset(DataSettings()).test.texts[:24])
    checkpoint = find_checkpoint("demo", tmp_path)
    _, bert, mask = hidden_states(str(packaged_folder()), texts)
    model, distilbert, _ = hidden_states(checkpoint.path, texts)
    assert isinstance(model, DistilBertModel)
    assert len(bert) == len(distilbert) == 7
    for a, b in zip(bert, distilbert, strict=True):
        assert np.abs((a - b) * mask[..., None]).max() < 1e-5


def test_built_once_and_the_same_each_time(tmp_path: Path) -> None:
    first = find_checkpoint("demo", tmp_path / "a")
    stamp = Path(first.path, "model.safetensors").stat().st_mtime_ns
    assert find_checkpoint("demo", tmp_path / "a") == first
    assert Path(first.path, "model.safetensors").stat().st_mtime_ns == stamp
    assert find_checkpoint("demo", tmp_path / "b").digest == first.digest
    assert [path.name for path in (tmp_path / "a" / "checkpoints").iterdir()] == ["demo-1"]


def test_missing_package_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from featx.errors import CheckpointError

    monkeypatch.setattr("featx.features.demo_checkpoint.find_spec", lambda name: None)
    with pytest.raises(CheckpointError, match=r"install it with: pip install 'featx\[demo\]'"):
        find_checkpoint("demo", tmp_path)


@pytest.mark.parametrize("damage", ["flipped", "cut", "gone", "added", "record", "unrecorded", "file"])
def test_a_damaged_one_is_built_again(tmp_path: Path, damage: str) -> None:
    import shutil

    first = find_checkpoint("demo", tmp_path)
    folder = Path(first.path)
    weights = folder / "model.safetensors"
    if damage == "flipped":
        data = bytearray(weights.read_bytes())
        data[len(data) // 2] ^= 1
        weights.write_bytes(data)
    elif damage == "cut":
        weights.write_bytes(weights.read_bytes()[:1000])
    elif damage == "gone":
        (folder / "tokenizer.json").unlink()
    elif damage == "added":
        (folder / "adapter_config.json").write_text("{}")
    elif damage == "record":
        (folder / "built.json").write_text("[" * 100_000)
    elif damage == "unrecorded":  # as version 0.1 built it
        (folder / "built.json").unlink()
    else:
        shutil.rmtree(folder)
        folder.write_text("")
    again = find_checkpoint("demo", tmp_path)
    assert again == first
    assert [path.name for path in folder.parent.iterdir()] == ["demo-1"]


def test_digests_are_those_of_version_0_1(tmp_path: Path) -> None:
    found = find_checkpoint("demo", tmp_path)
    assert found.digest == "037920d0990f484b10f85232a107e8ba893b3c8c862fcc48a7229a5ba6d7e1a3"
    assert found.tokenizer_digest == "8e497d62dd41f43104ca9e68853dfd0bd9aae121a0542256c2c3423392cdf543"


def test_a_damaged_random_checkpoint_is_built_again(tmp_path: Path, tiny: Path) -> None:
    from featx.features.random_checkpoint import random_checkpoint_folder

    checkpoint = find_checkpoint(str(tiny), tmp_path)
    folder = random_checkpoint_folder(checkpoint, tmp_path)
    before = find_checkpoint(str(folder), tmp_path)
    (folder / "model.safetensors").write_bytes(b"damaged")
    assert find_checkpoint(str(random_checkpoint_folder(checkpoint, tmp_path)), tmp_path) == before
    assert before.digest != checkpoint.digest

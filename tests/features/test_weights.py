"""All of an encoder comes from its checkpoint, and from the files that were hashed, or loading fails in one line."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny import make_checkpoint, make_texts
from transformers import AutoModel, AutoModelForSequenceClassification

from featx.errors import CheckpointError, FeatxWarning
from featx.features import adapters, weights
from featx.features.checkpoint import find_checkpoint
from featx.features.encoder import load_encoder
from featx.features.extraction import Extractor
from featx.features.tensor_names import check_names
from featx.features.weights import load_weights
from featx.settings import Checkpoint, ComputeSettings, Device, FeatureSettings

Tensors = dict[str, torch.Tensor]


@pytest.fixture
def bert(checkpoints: Callable[[str], Path], tmp_path: Path) -> Path:
    """A tiny BERT of this test's own."""
    return Path(shutil.copytree(checkpoints("bert"), tmp_path / "bert"))


def find(folder: Path) -> Checkpoint:
    return find_checkpoint(str(folder), Path("unused"))


def rewrite(folder: Path, change: Callable[[Tensors], Tensors]) -> None:
    path = folder / "model.safetensors"
    changed = change(load_file(path))
    save_file(changed, path, metadata={"format": "pt"})


def configure(folder: Path, **changes: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def prefixed(prefix: str) -> Callable[[Tensors], Tensors]:
    return lambda tensors: {prefix + name: tensor for name, tensor in tensors.items()}


def features(folder: Path, cache: Path | None = None) -> np.ndarray:
    checkpoint = find(folder)
    encoder = load_encoder(checkpoint, FeatureSettings(), ComputeSettings(Device.CPU))
    return Extractor(encoder, checkpoint, FeatureSettings(), cache).encode(make_texts(5)[0]).gather()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: {k: v for k, v in t.items() if "layer.1." not in k}, r"lack 16 of .*with 2 layers: encoder\.layer\.1"),
        (lambda t: {k: v for k, v in t.items() if k != "embeddings.LayerNorm.bias"}, r"lack 1 of .*embeddings\.LayerNorm\.b"),
        (lambda t: {"classifier.weight": torch.ones(3, 32)}, r"lack (\d+) of the \1 .* and \d+ more; it holds classifier"),
        (prefixed("student."), r"lack .*it holds student\."),
        (prefixed("roberta."), r"lack .*it holds roberta\."),
        (lambda t: {**prefixed("module.")(t), **{f"model.{k}": v.clone() for k, v in t.items()}}, r"lack .*it holds model\."),
        (lambda t: {**t, "encoder.layer.2.output.dense.weight": torch.ones(32, 64)}, r"hold 1 tensors inside .*layer\.2"),
        (
            lambda t: {**t, "bert.encoder.layer.0.attention.self.query.lora_A.weight": torch.ones(2, 32)},
            r"hold 1 tensors inside the encoder .*lora_A",
        ),
        (lambda t: {**t, "embeddings.LayerNorm.bias": torch.ones(31)}, r"another shape .*bias \(\(31,\), expected \(32,\)\)"),
    ],
    ids=["layer", "tensor", "head", "unknown prefix", "another kind", "twice", "layer too many", "adapter", "shape"],
)  # fmt: skip
def test_an_encoder_that_is_not_whole_is_refused_before_anything_is_stored(
    bert: Path, tmp_path: Path, change: Callable[[Tensors], Tensors], words: str
) -> None:
    rewrite(bert, change)
    with pytest.raises(CheckpointError, match=words) as raised:
        features(bert, tmp_path / "cache")
    assert "\n" not in str(raised.value)
    assert not list((tmp_path / "cache").rglob("*.npy"))
    with pytest.raises(CheckpointError):
        load_weights(find(bert), AutoModelForSequenceClassification, num_labels=3)


def test_a_configuration_with_more_or_fewer_layers_is_refused(bert: Path) -> None:
    configure(bert, num_hidden_layers=4)
    with pytest.raises(CheckpointError, match=r"lack 32 of .* with 4 layers"):
        load_weights(find(bert), AutoModel)
    configure(bert, num_hidden_layers=1)
    with pytest.raises(
        CheckpointError, match=r"hold 16 tensors inside the encoder that BertModel with 1 layers does not"
    ):
        load_weights(find(bert), AutoModel)


@pytest.mark.parametrize(
    "prefix", ["module.", "_orig_mod.", "model.", "auto_model.", "0.auto_model.", "module.bert.", "_orig_mod.module.bert."]
)  # fmt: skip
def test_prefixes_of_wrappers_are_removed_and_said(bert: Path, prefix: str) -> None:
    expected = features(bert)
    rewrite(bert, prefixed(prefix))
    with pytest.warns(FeatxWarning, match=r"the names of \d+ tensors begin with '.*', which was removed"):
        made = features(bert)
    assert np.array_equal(made, expected)
    with pytest.warns(FeatxWarning):
        model = load_weights(find(bert), AutoModelForSequenceClassification, num_labels=3)
    assert model.num_labels == 3


@pytest.mark.parametrize("absent", ["pooler.dense.weight", "pooler.dense.bias"])
def test_poolers_and_heads_may_be_absent_and_foreign_heads_there(bert: Path, absent: str) -> None:
    expected = features(bert)

    def change(tensors: Tensors) -> Tensors:
        del tensors[absent]
        return prefixed("bert.")(tensors) | {
            "cls.predictions.bias": torch.ones(9),
            "bert.embeddings.position_ids": torch.ones(1),
        }

    rewrite(bert, change)
    assert np.array_equal(features(bert), expected)


def test_what_becomes_of_the_file_after_loading_changes_nothing(bert: Path) -> None:
    """Weights are mapped from the file into memory until they are copied."""
    model = load_weights(find(bert), AutoModel)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    path = bert / "model.safetensors"
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(b"\0" * (path.stat().st_size // 2))
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def replaced(folder: Path, other: Path) -> None:
    shutil.copyfile(other, folder / "new")
    (folder / "new").replace(folder / "model.safetensors")


def rewritten(folder: Path, other: Path) -> None:
    (folder / "model.safetensors").write_bytes(other.read_bytes())


def and_back(folder: Path, other: Path) -> None:
    """Another file for a moment, then the old bytes again."""
    before = (folder / "model.safetensors").read_bytes()
    replaced(folder, other)
    (folder / "model.safetensors").write_bytes(before)


def same_times(folder: Path, other: Path) -> None:
    """Other bytes of the same size, with the times of the old ones."""
    path = folder / "model.safetensors"
    status = path.stat()
    path.write_bytes(other.read_bytes())
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def another_config(folder: Path, other: Path) -> None:
    configure(folder, layer_norm_eps=0.1)


def an_adapter(folder: Path, other: Path) -> None:
    (folder / "adapter_config.json").write_text("{}")


def gone(folder: Path, other: Path) -> None:
    (folder / "model.safetensors").unlink()


@pytest.mark.parametrize("change", [replaced, rewritten, and_back, same_times, another_config, an_adapter, gone])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_checkpoint_that_changes_between_hashing_and_loading_stores_nothing(
    bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path, Path], None], when: str
) -> None:
    other = make_checkpoint(tmp_path / "other", "bert", seed=1) / "model.safetensors"
    checkpoint = find(bert)
    encoder = load_encoder(checkpoint, FeatureSettings(), ComputeSettings(Device.CPU))
    if when == "before":
        change(bert, other)
    else:
        real = weights._own_memory
        monkeypatch.setattr(weights, "_own_memory", lambda model: (real(model), change(bert, other)))
    made = Extractor(encoder, checkpoint, FeatureSettings(), tmp_path / "cache")
    with pytest.raises(CheckpointError, match=r"changed while it was loaded|cannot be loaded|has an adapter"):
        made.encode(make_texts(5)[0])
    assert not list((tmp_path / "cache").rglob("*.npy"))


def test_a_tokenizer_that_changes_after_hashing_is_refused(bert: Path) -> None:
    checkpoint = find(bert)
    path = bert / "tokenizer.json"
    path.write_text(path.read_text().replace('"lovely"', '"lovelz"'))
    with pytest.raises(CheckpointError, match=r"changed while it was loaded \(tokenizer\.json\)"):
        load_encoder(checkpoint, FeatureSettings(), ComputeSettings(Device.CPU))


def adapted(base: Path, target: Path, model: Any, **settings: Any) -> Any:
    """An adapter for `model`, drawn at random, beside the weights of `base` in `target`."""
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(3)
    made = get_peft_model(model, LoraConfig(r=4, lora_alpha=8, init_lora_weights=False, **settings))
    shutil.copytree(base, target)
    made.save_pretrained(target)
    return made


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")
@pytest.mark.parametrize("trained_with_head", [False, True])
def test_an_adapter_is_applied_and_belongs_to_the_identity(bert: Path, tmp_path: Path, trained_with_head: bool) -> None:
    target = tmp_path / "adapted"
    if trained_with_head:
        model = AutoModelForSequenceClassification.from_pretrained(bert, num_labels=3)
        made = adapted(
            bert,
            target,
            model,
            target_modules=["bert.encoder.layer.1.output.dense", "bert.encoder.layer.0.attention.self.query"],
            task_type="SEQ_CLS",
        )
        wanted = made.merge_and_unload().bert
    else:
        made = adapted(bert, target, AutoModel.from_pretrained(bert), target_modules=["query", "value"])
        wanted = made.merge_and_unload()
    ids = torch.arange(4, 14)[None]
    plain, loaded = load_weights(find(bert), AutoModel), load_weights(find(target), AutoModel)
    classifier = load_weights(find(target), AutoModelForSequenceClassification, num_labels=3)
    with torch.inference_mode():
        states = [m.eval()(input_ids=ids).last_hidden_state for m in (wanted, loaded, classifier.bert, plain)]
    assert torch.equal(states[0], states[1])
    assert torch.equal(states[0], states[2])
    assert not torch.allclose(states[0], states[3], atol=1e-2)
    before = find(target).digest
    configured = json.loads((target / "adapter_config.json").read_text()) | {"lora_alpha": 16}
    (target / "adapter_config.json").write_text(json.dumps(configured))
    assert find(target).digest != before


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")
def test_an_adapter_that_cannot_be_applied_is_an_error(
    bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "adapted"
    adapted(bert, target, AutoModel.from_pretrained(bert), target_modules=["query"])
    path = target / "adapter_model.safetensors"
    held = load_file(path)
    save_file(dict(list(held.items())[1:]), path)
    with pytest.raises(CheckpointError, match=r"has an adapter .* of which 1 tensors do not fit the encoder"):
        load_weights(find(target), AutoModel)
    save_file({"base_model.model.elsewhere.lora_A.weight": torch.ones(1)}, path)
    with pytest.raises(CheckpointError, match=r"do not fit the encoder"):
        load_weights(find(target), AutoModel)
    path.unlink()
    with pytest.raises(CheckpointError, match=r"has an adapter .* without adapter_model\.safetensors"):
        load_weights(find(target), AutoModel)
    monkeypatch.setattr(adapters, "find_spec", lambda name: None)
    with pytest.raises(CheckpointError, match=r"needs the package peft; install it with: pip install peft"):
        load_weights(find(target), AutoModel)
    (target / "adapter_config.json").write_text('{"peft_type": "PROMPT_TUNING", "num_virtual_tokens": 3}')
    save_file(held, path)
    monkeypatch.undo()
    with pytest.raises(CheckpointError, match=r"adapter .* that cannot be applied: .*merged"):
        load_weights(find(target), AutoModel)
    (target / "adapter_model.bin").write_bytes(b"")
    with pytest.raises(CheckpointError, match=r"is a pickle \(adapter_model\.bin\)"):
        find(target)


@pytest.mark.parametrize(
    "changes",
    [
        {"attn_implementation": "eager"},
        {"_attn_implementation": "flash_attention_2"},
        {"attn_implementation": "someone/kernel"},
        {"return_dict": False},
        {"output_attentions": True},
        {"output_hidden_states": True},
        {"fusion_config": {"nothing": True}},
    ],
)
def test_how_is_computed_is_not_for_a_configuration_to_say(bert: Path, changes: dict[str, Any]) -> None:
    expected = features(bert)
    configure(bert, **changes)
    assert load_weights(find(bert), AutoModel).config._attn_implementation == "sdpa"
    assert np.array_equal(features(bert), expected)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"quantization_config": {"quant_method": "fp8"}}, r"its weights are quantised \(quantization_config\)"),
        ({"transformers_weights": "other/model.safetensors"}, r"names weights in another folder"),
        ({"hidden_size": 0}, r"says hidden_size 0; expected a whole number from 1 up"),
        ({"num_hidden_layers": 0}, r"says num_hidden_layers 0; expected"),
        ({"hidden_size": "x"}, r"cannot be loaded: .*hidden_size|says hidden_size"),
        ({"max_position_embeddings": 2}, r"states a limit of 2 tokens, of which 2 are special"),
    ],
)
def test_configurations_that_cannot_be_computed_with(bert: Path, changes: dict[str, Any], words: str) -> None:
    configure(bert, **changes)
    with pytest.raises(CheckpointError, match=words) as raised:
        features(bert)
    assert "\n" not in str(raised.value)


def test_the_head_of_a_saved_classifier_may_not_be_absent(bert: Path) -> None:
    model = load_weights(find(bert), AutoModelForSequenceClassification, num_labels=3)
    model.save_pretrained(bert)
    load_weights(find(bert), AutoModelForSequenceClassification, needs_head=True)
    rewrite(bert, lambda tensors: {k: v for k, v in tensors.items() if k != "classifier.bias"})
    load_weights(find(bert), AutoModelForSequenceClassification)
    with pytest.raises(CheckpointError, match=r"its weights lack classifier\.bias, which would be drawn at random"):
        load_weights(find(bert), AutoModelForSequenceClassification, needs_head=True)


@pytest.mark.parametrize("change", [0.0, 1.0])
def test_one_tensor_under_two_names(tiny: Path, tmp_path: Path, change: float) -> None:
    """Which of two is loaded would be chance; copies of one value are no matter."""
    folder = tmp_path / "twice"
    shutil.copytree(tiny, folder)
    held = load_file(folder / "model.safetensors")
    twice = {**held, **{f"module.{name}": tensor.clone() + change for name, tensor in held.items()}}
    save_file(twice, folder / "model.safetensors", {"format": "pt"})
    checkpoint = find_checkpoint(str(folder), Path("unused"))
    if change:
        with pytest.raises(
            CheckpointError, match=r"'module\..*' are one tensor under two names, with different values"
        ):
            load_weights(checkpoint, AutoModel)
    else:
        check_names(checkpoint, "distilbert", weights._PREFIXES)

"""Fine-tuning of decoders: their head reads the last token, so padding must be one that it knows, on the right."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny import LABELS, WORDS
from trainings import SETTINGS, SHORT, dataset, scores, train

from featx.errors import CheckpointError, TrainingError
from featx.features.checkpoint import find_checkpoint, quiet_transformers
from featx.features.tokens import Tokenizer, load_config, load_tokenizer
from featx.settings import ClassWeights, FinetuneMethod
from featx.training import Finetuned, classify, load_classifier
from featx.training.layers import depths_of_parameters
from featx.training.model import load_model
from featx.training.padding import settle_padding

KINDS = ("gpt2", "llama", "qwen2", "gemma3_text")
END, PAD = "<|endoftext|>", "<pad>"
_SIZES = {"hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 4, "num_key_value_heads": 2,
          "num_hidden_layers": 2, "max_position_embeddings": 40}  # fmt: skip
_GPT2 = {"n_embd": 32, "n_head": 4, "n_layer": 2, "n_positions": 40}


def tokenizer_without_marks(kind: str, pad: bool) -> Any:
    """Words alone, no token before or after them; the end of a text is known, padding only with `pad`."""
    from tokenizers import Tokenizer as Plain
    from tokenizers import models, normalizers, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast, Qwen2Tokenizer

    special = {"eos_token": END, "model_max_length": 40, "padding_side": "left", "pad_token": PAD if pad else None}
    if kind == "qwen2":  # is read as pieces of bytes, whatever was saved
        plain = Plain(models.BPE())
        plain.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        trainer = trainers.BpeTrainer(vocab_size=500, special_tokens=[END, PAD], show_progress=False)
        plain.train_from_iterator([" ".join(WORDS)] * 2, trainer)
        made = json.loads(plain.to_str())["model"]
        return Qwen2Tokenizer(vocab=made["vocab"], merges=[tuple(pair) for pair in made["merges"]], **special)
    vocabulary = {token: i for i, token in enumerate(["<unk>", END, PAD, *dict.fromkeys(WORDS)])}
    plain = Plain(models.WordLevel(vocabulary, unk_token="<unk>"))
    plain.normalizer, plain.pre_tokenizer = normalizers.Lowercase(), pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=plain, unk_token="<unk>", bos_token=END, **special)


def make_decoder(folder: Path, kind: str, pad: bool = False, auto: str = "AutoModel", **changes: Any) -> Path:
    """A tiny random decoder with large weights; `auto` says with which head it is saved."""
    import transformers

    torch.manual_seed(0)
    tokenizer = tokenizer_without_marks(kind, pad)
    sizes = {"gpt2": _GPT2, "gemma3_text": _SIZES | {"head_dim": 8}}.get(kind, _SIZES)
    with quiet_transformers():
        # Nothing is said of padding; the ends are those of the tokenizer.
        special = {
            "bos_token_id": None,
            "eos_token_id": tokenizer.eos_token_id,
            "pad_token_id": None,
            "vocab_size": len(tokenizer),
        }
        config = transformers.AutoConfig.for_model(kind, **special | sizes | changes)
        model = getattr(transformers, auto).from_config(config).eval()
        with torch.no_grad():
            for weight in model.base_model.parameters():
                if weight.ndim == 2:
                    weight.mul_(5)
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def decoders(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """From a kind to a checkpoint of it: GPT-2 without a padding token and with the head of its language model."""
    folder = tmp_path_factory.mktemp("decoders")
    autos = {"gpt2": "AutoModelForCausalLM"}
    made = {kind: make_decoder(folder / kind, kind, kind == "qwen2", autos.get(kind, "AutoModel")) for kind in KINDS}
    return made.__getitem__


@pytest.fixture(scope="module")
def trained(decoders: Callable[[str], Path]) -> Callable[[str], Finetuned]:
    made: dict[str, Finetuned] = {}

    def finetuned(kind: str) -> Finetuned:
        if kind not in made:
            made[kind] = train(decoders(kind), replace(SETTINGS, num_train_epochs=6))
        return made[kind]

    return finetuned


@pytest.mark.parametrize("kind", KINDS)
def test_decoders_learn_and_a_batch_changes_no_logits(trained: Callable[[str], Finetuned], kind: str) -> None:
    made = trained(kind)
    texts = dataset().test.texts
    together = classify(made.model, made.tokenizer, texts, batch_tokens=10_000)
    assert (together.argmax(axis=1) == dataset().test.labels).mean() > 0.7
    alone = np.concatenate([classify(made.model, made.tokenizer, [text]) for text in texts])
    assert np.abs(together - alone).max() < 1e-6
    # What the model itself gives to a text by its last token, without any padding.
    with torch.inference_mode():
        for text, probabilities in zip(texts[:8], together, strict=False):
            ids = torch.tensor([made.tokenizer.hf(text)["input_ids"]])
            state = made.model.base_model(input_ids=ids).last_hidden_state[0, -1]
            wanted = torch.softmax(made.model.score(state).double(), dim=-1).numpy()
            assert np.abs(wanted - probabilities).max() < 1e-6


@pytest.mark.parametrize("kind", KINDS)
def test_the_saved_folder_is_that_of_plain_transformers(
    trained: Callable[[str], Finetuned], kind: str, tmp_path: Path
) -> None:
    from transformers import AutoConfig, AutoTokenizer, pipeline

    made, texts = trained(kind), dataset().test.texts
    made.save(tmp_path)
    expected = scores(made)
    model, tokenizer = load_classifier(tmp_path, 40, "cpu")
    assert np.array_equal(classify(model, tokenizer, texts), expected)
    config, hf = AutoConfig.from_pretrained(tmp_path), AutoTokenizer.from_pretrained(tmp_path)
    assert hf.pad_token == (PAD if kind == "qwen2" else END)
    assert hf.padding_side == "right"
    assert (config.pad_token_id, config.use_cache) == (hf.pad_token_id, False)
    with quiet_transformers():
        plain = pipeline("text-classification", model=str(tmp_path), top_k=None, device="cpu")
        for batch_size in (1, 16):
            for scored, row in zip(plain(list(texts), batch_size=batch_size), expected, strict=True):
                assert {one["label"]: one["score"] for one in scored} == pytest.approx(
                    dict(zip(LABELS, row, strict=True)), abs=1e-6
                )


def test_a_saved_run_predicts(decoders: Callable[[str], Path], tmp_path: Path) -> None:
    import featx

    there = {"cache_dir": tmp_path / "cache", "results": tmp_path / "results", "device": "cpu"}
    session = featx.Session(dataset(60), str(decoders("llama")), **there)
    (run,) = session.finetune(max_steps=2, learning_rate=1e-3)
    texts = dataset().test.texts
    predicted = featx.predict(run.folder, list(texts), device="cpu")
    rows = np.array([[one.scores[name] for name in LABELS] for one in predicted])
    assert np.abs(rows - run.predictions["test"].y_score).max() < 1e-6


def tokenizer_of(folder: Path) -> tuple[Any, Tokenizer]:
    checkpoint = find_checkpoint(str(folder), Path("unused"))
    config = load_config(checkpoint)
    return config, load_tokenizer(checkpoint, config)


def test_padding_that_the_model_does_not_know_is_not_used(tmp_path: Path) -> None:
    """A token that was added to the tokenizer alone, as many do: the end of a text serves instead."""
    folder = make_decoder(tmp_path / "llama", "llama")
    tokenizer = tokenizer_without_marks("llama", pad=False)
    tokenizer.add_special_tokens({"pad_token": "[PAD]"})
    tokenizer.save_pretrained(folder)
    config, made = tokenizer_of(folder)
    assert made.hf.pad_token_id == len(tokenizer) - 1 == config.vocab_size
    settle_padding(config, made)
    assert config.pad_token_id == made.pad_id == made.hf.eos_token_id == 1
    made.hf.eos_token = made.hf.bos_token = made.hf.unk_token = made.hf.pad_token = None
    with pytest.raises(CheckpointError, match=r"\(llama\): its tokenizer has no token for padding, .* set its pad_tok"):
        settle_padding(config, made)


def test_encoders_keep_their_padding(tiny: Path) -> None:
    config, made = tokenizer_of(tiny)
    before = config.pad_token_id, made.hf.pad_token, made.hf.padding_side
    settle_padding(config, made)
    assert (config.pad_token_id, made.hf.pad_token, made.hf.padding_side) == before


def loaded(folder: Path) -> Any:
    checkpoint = find_checkpoint(str(folder), Path("unused"))
    return load_model(checkpoint, load_config(checkpoint), LABELS)


@pytest.mark.parametrize("kind", KINDS)
def test_depths_of_a_decoders_parameters(decoders: Callable[[str], Path], kind: str) -> None:
    n_layers, depths = depths_of_parameters(loaded(decoders(kind)))
    assert n_layers == 2
    first = {name for name, depth in depths.items() if depth == 0}
    behind = {name for name, depth in depths.items() if depth == 3}
    if kind == "gpt2":
        assert first == {"transformer.wte.weight", "transformer.wpe.weight"}
        assert behind == {"transformer.ln_f.weight", "transformer.ln_f.bias", "score.weight"}
    else:
        assert first == {"model.embed_tokens.weight"}
        assert behind == {"model.norm.weight", "score.weight"}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_frozen_stays_and_adapters_reach_every_layer(decoders: Callable[[str], Path], kind: str) -> None:
    before = loaded(decoders(kind)).state_dict()
    short = replace(SHORT, max_steps=2, learning_rate=0.05, label_smoothing_factor=0.1)

    def moved(made: Finetuned) -> set[str]:
        return {name for name, weight in made.model.state_dict().items() if not torch.equal(weight, before[name])}

    data = dataset(48)
    frozen = moved(train(decoders(kind), replace(short, freeze_layers=1, layerwise_lr_decay=0.5), data=data))
    assert frozen == {name for name, depth in depths_of_parameters(loaded(decoders(kind)))[1].items() if depth > 1}
    adapted = train(
        decoders(kind), replace(short, method=FinetuneMethod.LORA, class_weights=ClassWeights.BALANCED), data=data
    )
    names = {"gpt2": ("c_attn", "c_proj", "c_fc")}.get(kind, ("_proj.weight",))
    linear = {name for name, weight in before.items() if weight.ndim == 2 and any(part in name for part in names)}
    assert moved(adapted) == linear | {"score.weight"}
    assert len(linear) == (8 if kind == "gpt2" else 14)


def test_a_decoders_head_is_kept_or_dropped(tmp_path: Path) -> None:
    others = {"id2label": {0: "A", 1: "B", 2: "C"}, "label2id": {"A": 0, "B": 1, "C": 2}}
    folder = make_decoder(tmp_path / "gpt2", "gpt2", auto="AutoModelForSequenceClassification", **others)
    checkpoint = find_checkpoint(str(folder), Path("unused"))
    config = load_config(checkpoint)
    kept, dropped = (load_model(checkpoint, config, LABELS, keep) for keep in (True, False))
    again = load_model(checkpoint, config, ("A", "B", "C"))
    assert torch.equal(kept.score.weight, again.score.weight)
    assert not torch.equal(kept.score.weight, dropped.score.weight)
    assert torch.equal(kept.transformer.wte.weight, dropped.transformer.wte.weight)


def test_a_head_starts_from_the_probe_of_the_last_token(decoders: Callable[[str], Path], tmp_path: Path) -> None:
    """Epoch 0 is the probe: a linear map through the origin, since the head has no bias."""
    from featx.experiment.linear_probe import fit_probe, probe_features
    from featx.session import Session
    from featx.training import Hooks

    folder, data = decoders("gpt2"), dataset()
    features = probe_features(Session(data, folder, cache_dir=tmp_path), None)
    probe = fit_probe(data, features, 0)
    assert not probe.head.intercept.any()
    seen: list[tuple[float, float]] = []
    settings = replace(SHORT, method=FinetuneMethod.LP, max_steps=1, learning_rate=1e-9)
    made = train(folder, settings, hooks=Hooks(on_evaluation=lambda *entry: seen.append(entry)), head=probe.head)
    assert seen[0] == (0, pytest.approx(probe.facts["score"]))
    logits = features.of("validation").astype(np.float64) @ probe.head.coef.T
    expected = np.exp(logits - logits.max(axis=1, keepdims=True))
    found = classify(made.model, made.tokenizer, data.validation.texts)
    assert np.abs(found - expected / expected.sum(axis=1, keepdims=True)).max() < 2e-5


def test_an_intercept_has_no_place_in_a_decoders_head(decoders: Callable[[str], Path]) -> None:
    from featx.training import LinearHead
    from featx.training.head import place_head

    model = loaded(decoders("llama"))
    before = model.score.weight.clone()
    with pytest.raises(TrainingError, match="one on the last token"):
        place_head(model, LinearHead(np.ones((3, 32)), np.ones(3), 1.0), [np.array([3, 4], np.int32)])
    assert torch.equal(model.score.weight, before)


def test_the_tokens_of_a_decoder_can_be_looked_at(decoders: Callable[[str], Path], tmp_path: Path) -> None:
    from featx.experiment.context import Context
    from featx.experiment.inspect import inspect_tokens
    from featx.settings import CheckpointSettings

    context = Context(dataset(), CheckpointSettings(str(decoders("gpt2"))))
    (made,), limit = inspect_tokens(context, ["Great food !"])
    assert ([token.text for token in made.tokens], limit) == (["Great", "food", "!"], 40)

"""Trainer settings do what they say, the best epoch is kept, and mixed precision leaves float32 weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import LABELS
from trainings import SETTINGS, SHORT, dataset, load, scores, train

from featx.data import TextDataset
from featx.errors import SettingsError, TrainingError
from featx.settings import ClassWeights, Dtype, FinetuneMethod, FinetuneSettings, identity_facts
from featx.training import Hooks, load_classifier
from featx.training.inference import classify
from featx.training.layers import freeze_layers, with_trained_parts
from featx.training.loss import class_weights, loss_function
from featx.training.order import like_lengths

KINDS = ["bert", "roberta", "electra"]


def test_order_is_a_permutation_by_seed_and_epoch_with_little_padding() -> None:
    lengths = np.random.default_rng(0).integers(3, 60, 1003)
    orders = [like_lengths(lengths, 16, seed, epoch) for seed in (0, 1) for epoch in (0, 1)]
    for order in orders:
        assert np.array_equal(np.sort(order), np.arange(1003))
        batches = [lengths[order[k : k + 16]] for k in range(0, 1003, 16)]
        assert sum(len(batch) * batch.max() for batch in batches) < 1.1 * lengths.sum()
    assert np.array_equal(orders[0], like_lengths(lengths, 16, 0, 0))
    assert all(not np.array_equal(a, b) for k, a in enumerate(orders) for b in orders[:k])
    assert lengths[orders[0][:16]].max() == lengths.max()
    means = [lengths[orders[1][k : k + 16]].mean() for k in range(0, 992, 16)]
    assert abs(np.corrcoef(means, np.arange(len(means)))[0, 1]) < 0.4, "batches must not come by length"


@pytest.mark.parametrize("n", [1, 2, 15, 16, 17, 800, 801])
def test_order_of_any_size(n: int) -> None:
    assert np.array_equal(np.sort(like_lengths(np.full(n, 7), 16, 0, 0)), np.arange(n))


def test_loss_is_that_of_torch_and_weights_are_those_of_scikit_learn() -> None:
    from sklearn.utils.class_weight import compute_class_weight

    labels = np.array([0, 0, 0, 1, 2, 2])
    weights = class_weights(ClassWeights.BALANCED, np.bincount(labels))
    assert np.allclose(weights, compute_class_weight("balanced", classes=np.arange(3), y=labels))
    assert class_weights(ClassWeights.NONE, np.bincount(labels)) is None
    logits, y = torch.randn(6, 3), torch.from_numpy(labels)
    plain = torch.nn.functional.cross_entropy(logits, y, label_smoothing=0.1)
    assert torch.allclose(loss_function(None, 0.1)({"logits": logits}, y, 6), plain)
    weighted = torch.nn.functional.cross_entropy(logits, y, weight=torch.from_numpy(weights).float())
    assert torch.allclose(loss_function(weights, 0.0)({"logits": logits}, y, 6), weighted, atol=1e-6)


@pytest.mark.parametrize("weights", ClassWeights)
def test_accumulated_halves_are_the_whole_batch(tiny: Path, weights: ClassWeights) -> None:
    """Without dropout, two halves of a batch give its gradient; the last batch of an epoch, too."""
    data = dataset(42)
    whole = replace(SHORT, per_device_train_batch_size=16, class_weights=weights, optim="sgd", learning_rate=0.1)
    halves = replace(whole, per_device_train_batch_size=8, gradient_accumulation_steps=2)
    with_no_dropout(tiny)
    a, b = (scores(train(with_no_dropout(tiny), s, data=data), data) for s in (whole, halves))
    assert np.allclose(a, b, atol=1e-5)
    single = replace(whole, per_device_train_batch_size=8)
    assert not np.allclose(a, scores(train(with_no_dropout(tiny), single, data=data), data), atol=1e-4)


def with_no_dropout(tiny: Path) -> Path:
    folder = tiny.with_name(tiny.name + "-no-dropout")
    if not folder.exists():
        import json
        import shutil

        shutil.copytree(tiny, folder)
        config = json.loads((folder / "config.json").read_text())
        config |= {"dropout": 0.0, "attention_dropout": 0.0, "seq_classif_dropout": 0.0}
        (folder / "config.json").write_text(json.dumps(config))
    return folder


@pytest.mark.parametrize("kind", KINDS)
def test_accumulation_on_other_models(checkpoints: object, kind: str) -> None:
    """Some models take `num_items_in_batch` and some do not; the size of the loss must not depend on it."""
    a = train(checkpoints(kind), replace(SHORT, per_device_train_batch_size=16, num_train_epochs=1))
    b = train(checkpoints(kind), replace(SHORT, gradient_accumulation_steps=2, num_train_epochs=1))
    losses = [next(e["loss"] for e in made.history if "loss" in e) for made in (a, b)]
    assert losses[0] == pytest.approx(losses[1], rel=0.15)


def test_recomputed_activations_give_the_same_model(tiny: Path) -> None:
    a, b = (scores(train(tiny, replace(SHORT, gradient_checkpointing=flag))) for flag in (False, True))
    assert np.allclose(a, b, atol=1e-5)


def test_class_weights_help_the_rare_class(tiny: Path) -> None:
    from featx.data import Split

    data = dataset()
    kept = np.flatnonzero((data.train.labels != 2) | (np.arange(len(data.train)) < 12))
    train_split = Split([data.train.texts[k] for k in kept], data.train.labels[kept], LABELS)
    skewed = TextDataset("skewed", LABELS, {**data.splits, "train": train_split})
    share = {}
    for weights in ClassWeights:
        made = train(tiny, replace(SETTINGS, num_train_epochs=3, class_weights=weights), data=skewed)
        share[weights] = scores(made)[:, 2].mean()
    assert share[ClassWeights.BALANCED] > share[ClassWeights.NONE] + 0.05


def test_early_stopping_ends_and_keeps_the_best_epoch(tiny: Path) -> None:
    seen: list[tuple[float, float]] = []
    hooks = Hooks(on_evaluation=lambda epoch, score: seen.append((epoch, score)))
    settings = replace(SETTINGS, num_train_epochs=30, learning_rate=1e-6, early_stopping_patience=2)
    made = train(tiny, settings, hooks=hooks)
    assert made.last_epoch < 30
    best = max(score for _, score in seen)
    assert made.best_epoch == next(epoch for epoch, score in seen if score == best)
    assert made.last_epoch == made.best_epoch + 2


def test_the_best_epochs_weights_are_kept_not_the_last(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a schedule that does not depend on the end, the best of three epochs is what one epoch alone gives."""
    from featx.training import validating

    real = validating.measure
    calls: list[float] = []

    def falling(predictions: object) -> dict[str, object]:
        calls.append(1.0 / (1 + len(calls)))
        return real(predictions) | {"f1_macro": calls[-1]}

    constant = replace(SHORT, lr_scheduler_type="constant")
    one = scores(train(tiny, replace(constant, num_train_epochs=1)))
    last = scores(train(tiny, replace(constant, num_train_epochs=3)))
    monkeypatch.setattr(validating, "measure", falling)
    made = train(tiny, replace(constant, num_train_epochs=3))
    assert (made.best_epoch, made.last_epoch, made.best_score) == (1, 3, 1.0)
    assert np.array_equal(scores(made), one)
    assert not np.allclose(last, one, atol=1e-3)


def test_bfloat16_learns_with_float32_weights(tiny: Path, tmp_path: Path) -> None:
    made = train(tiny, replace(SETTINGS, dtype=Dtype.BFLOAT16), seed=1)
    assert {weight.dtype for weight in made.model.parameters()} == {torch.float32}
    assert (scores(made).argmax(axis=1) == dataset().test.labels).mean() > 0.8
    plain = train(tiny, SETTINGS, seed=1)
    assert not np.array_equal(scores(plain), scores(made)), "bfloat16 was not used"
    made.save(tmp_path)
    model, tokenizer = load_classifier(tmp_path, None, "cpu")
    assert np.allclose(classify(model, tokenizer, dataset().test.texts), scores(made), atol=1e-12)


def test_float16_needs_cuda(tiny: Path) -> None:
    with pytest.raises(SettingsError, match="`dtype` is 'float16', which cannot be trained on cpu; use bfloat16"):
        train(tiny, replace(SHORT, dtype=Dtype.FLOAT16))


@pytest.mark.parametrize("kind", ["distilbert", *KINDS])
def test_frozen_layers_stay_and_the_rest_moves(checkpoints: object, kind: str) -> None:
    folder = checkpoints(kind)
    made = train(folder, replace(SHORT, num_train_epochs=0.2, freeze_layers=1))
    before = dict(load(folder).named_parameters())
    moved = {name for name, weight in made.model.named_parameters() if not torch.equal(weight, before[name])}
    names = set(before)
    frozen = {name for name in names if "embeddings" in name or "layer.0." in name}
    assert not moved & frozen
    assert {name for name in names if "layer.1." in name and "weight" in name} <= moved
    assert any("classifier" in name for name in moved)


def test_freezing_more_layers_than_there_are(tiny: Path) -> None:
    with pytest.raises(SettingsError, match="`freeze_layers` is 3; expected 0 to 2, the encoder's layers"):
        train(tiny, replace(SHORT, freeze_layers=3))


def test_layerwise_decay_is_a_step_of_its_own_length_in_each_layer(tiny: Path) -> None:
    """One step of plain gradient descent, by hand: each weight moves by its gradient times the rate of its depth."""
    settings = replace(
        SHORT, max_steps=1, optim="sgd", lr_scheduler_type="constant", learning_rate=0.5, weight_decay=0.0,
        max_grad_norm=0.0, per_device_train_batch_size=24,
    )  # fmt: skip
    folder, data = with_no_dropout(tiny), dataset(24)
    before = dict(load(folder).named_parameters())
    moves = {}
    for decay in (1.0, 0.5):
        made = train(folder, replace(settings, layerwise_lr_decay=decay), data=data).model
        start = dict(load_with_seed(folder).named_parameters())
        moves[decay] = {name: weight.detach() - start[name].detach() for name, weight in made.named_parameters()}
    factors = {"embeddings": 0.125, "layer.0.": 0.25, "layer.1.": 0.5, "classifier": 1.0}
    seen = set()
    for name in before:
        (key,) = (part for part in factors if part in name)
        seen.add(key)
        assert torch.allclose(moves[0.5][name], factors[key] * moves[1.0][name], rtol=1e-4, atol=1e-7), name
        assert moves[1.0][name].abs().max() > 0, name
    assert seen == set(factors)


def load_with_seed(folder: Path) -> torch.nn.Module:
    torch.manual_seed(0)
    return load(folder)


@pytest.mark.parametrize("kind", ["distilbert", *KINDS])
@pytest.mark.parametrize("method", [FinetuneMethod.FULL, FinetuneMethod.LORA])
def test_layerwise_rates_of_other_models_and_of_adapters(
    checkpoints: object, kind: str, method: FinetuneMethod
) -> None:
    settings = replace(SHORT, method=method, layerwise_lr_decay=0.9)
    model, rates = with_trained_parts(load(checkpoints(kind)), settings, {})
    for name, weight in model.named_parameters():
        if weight.requires_grad:
            layer = next((k for k in (0, 1) if f"layer.{k}." in name), None)
            expected = 0.9 ** (2 - layer) if layer is not None else 0.9**3 if "embeddings" in name else 1.0
            assert rates.get(name, 1.0) == pytest.approx(expected), name


def test_layerwise_decay_multiplies_what_a_probe_set_and_is_nothing_at_one(tiny: Path) -> None:
    model = load(tiny)
    assert with_trained_parts(model, SHORT, {"a": 0.5}) == (model, {"a": 0.5})
    name = "distilbert.transformer.layer.1.attention.q_lin.weight"
    _, rates = with_trained_parts(model, replace(SHORT, layerwise_lr_decay=0.8), {name: 0.5})
    assert rates[name] == pytest.approx(0.4)


def test_layerwise_decay_is_part_of_a_runs_identity_only_where_it_is_used() -> None:
    assert "layerwise_lr_decay" not in identity_facts(SHORT)
    assert identity_facts(replace(SHORT, layerwise_lr_decay=0.9))["layerwise_lr_decay"] == 0.9
    with pytest.raises(SettingsError, match=r"`layerwise_lr_decay` is 1\.5; expected a number above 0"):
        replace(SHORT, layerwise_lr_decay=1.5)


def test_all_layers_frozen_leave_the_head(tiny: Path) -> None:
    model = load(tiny)
    freeze_layers(model, 2)
    assert {name.split(".")[0] for name, w in model.named_parameters() if w.requires_grad} == {
        "pre_classifier", "classifier"
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["distilbert", *KINDS])
def test_adapters_are_merged_into_a_plain_model(checkpoints: object, kind: str, tmp_path: Path) -> None:
    settings = replace(SETTINGS, method=FinetuneMethod.LORA, num_train_epochs=1, lora_r=4)
    made = train(checkpoints(kind), settings)
    assert type(made.model).__name__.endswith("ForSequenceClassification")
    made.save(tmp_path)
    assert not any("lora" in path.name or "adapter" in path.name for path in tmp_path.iterdir())
    model, tokenizer = load_classifier(tmp_path, None, "cpu")
    assert not any("lora" in name for name, _ in model.named_parameters())
    assert np.allclose(classify(model, tokenizer, dataset().test.texts), scores(made), atol=1e-6)


def test_adapters_change_linear_layers_by_a_low_rank_and_nothing_else_of_the_encoder(tiny: Path) -> None:
    made = train(tiny, replace(SHORT, method=FinetuneMethod.LORA, lora_r=2))
    before = dict(load(tiny).named_parameters())
    changes = {name: weight - before[name] for name, weight in made.model.named_parameters()}
    for name, change in changes.items():
        if name.startswith("distilbert"):
            linear = ".layer." in name and "lin" in name and name.endswith("weight")
            expected = 2 if linear else 0
            assert int(torch.linalg.matrix_rank(change, atol=1e-6) if change.ndim == 2 else change.any()) == expected, (
                name
            )
        elif name.endswith("weight"):
            assert change.abs().max() > 1e-3, name


def test_missing_peft_is_one_clear_line(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(TrainingError, match=r"adapters need the package peft; .*pip install 'featx\[lora\]'"):
        train(tiny, replace(SHORT, method=FinetuneMethod.LORA))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"gradient_accumulation_steps": 0}, "`gradient_accumulation_steps` is 0; expected 1 or more"),
        ({"per_device_train_batch_size": 0}, "`per_device_train_batch_size` is 0; expected 1 or more"),
        ({"adam_beta2": 1.0}, "`adam_beta2` is 1.0; expected a number from 0 to below 1"),
        ({"adam_epsilon": 0.0}, "`adam_epsilon` is 0.0; expected a number above 0"),
        ({"max_grad_norm": float("inf")}, "`max_grad_norm` is inf; expected 0 or more"),
        ({"label_smoothing_factor": -0.1}, "`label_smoothing_factor` is -0.1"),
        ({"early_stopping_patience": 0}, "`early_stopping_patience` is 0; expected 1 or more"),
        ({"optim": "lion"}, "`optim` is 'lion'; expected one of: adamw_torch"),
        ({"search": -1}, "`search` is -1; expected 0 or more"),
        ({"max_steps": 0}, "`max_steps` is 0; expected 1 or more, or -1 for no bound"),
        ({"max_steps": 5, "search": 2}, "`max_steps` and `search` do not go together"),
        ({"logging_steps": 0}, "`logging_steps` is 0; expected 1 or more"),
        ({"method": FinetuneMethod.LORA, "freeze_layers": 1}, "adapters freeze every layer; drop one"),
        ({"method": FinetuneMethod.LP, "keep_head": True}, "the probe is the head; drop one"),
    ],
)
def test_settings_out_of_range(tiny: Path, change: dict[str, object], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        train(tiny, replace(SHORT, **change))


@pytest.mark.parametrize("optim", ["adamw_torch", "adafactor", "sgd", "adagrad", "rmsprop"])
def test_other_optimisers_run(tiny: Path, optim: str) -> None:
    assert train(tiny, replace(SHORT, num_train_epochs=0.2, optim=optim)).history


@pytest.mark.parametrize("max_steps", [7, 30, 47])
def test_steps_bound_a_training_and_are_logged_as_asked(tiny: Path, max_steps: int) -> None:
    """30 steps are an epoch: the end may come within one, with one, or in a later one; each has its evaluation."""
    made = train(tiny, replace(SHORT, num_train_epochs=0.1, max_steps=max_steps, logging_steps=3))
    assert made.last_epoch == pytest.approx(max_steps / 30)
    assert [e["step"] for e in made.history if "loss" in e] == list(range(3, max_steps + 1, 3))
    evaluated = [e["step"] for e in made.history if "eval_loss" in e]
    assert evaluated == [step for step in (30, max_steps) if step <= max_steps][-(1 + max_steps // 31) :]


def test_two_classes(tiny: Path) -> None:
    data = dataset(160, LABELS[:2])
    made = train(tiny, replace(SETTINGS, num_train_epochs=10), data=data)
    assert scores(made, data).shape == (30, 2)
    assert made.best_score > 0.8


def test_out_of_memory_says_which_batch_fits(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from transformers import DistilBertModel

    real = DistilBertModel.forward

    def bounded(self: object, input_ids: torch.Tensor, *args: object, **kwargs: object) -> object:
        if len(input_ids) > 5 and self.training:
            raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory")
        return real(self, input_ids, *args, **kwargs)

    monkeypatch.setattr(DistilBertModel, "forward", bounded)
    words = (
        "out of memory with batches of 16; batches of 4 fit: `per_device_train_batch_size` 4 with "
        "`gradient_accumulation_steps` 8 is the same effective batch"
    )
    with pytest.raises(TrainingError, match=words):
        train(tiny, replace(SHORT, per_device_train_batch_size=16, gradient_accumulation_steps=2))


def test_plain_strings_name_members() -> None:
    settings = FinetuneSettings(method="lora", class_weights="balanced", dtype="bfloat16")
    assert settings.method is FinetuneMethod.LORA
    assert (settings.class_weights, settings.dtype) == (ClassWeights.BALANCED, Dtype.BFLOAT16)
    with pytest.raises(SettingsError, match="`method` is 'half'; expected one of: full, lp, lora"):
        FinetuneSettings(method="half")


def test_defaults_are_the_trainers_own_where_the_course_has_none() -> None:
    from transformers import TrainingArguments

    trainer = {f.name: f.default for f in __import__("dataclasses").fields(TrainingArguments)}
    ours = FinetuneSettings()
    for name in ("adam_beta1", "adam_beta2", "adam_epsilon", "max_grad_norm", "gradient_accumulation_steps"):
        assert getattr(ours, name) == trainer[name], name

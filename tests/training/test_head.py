"""A head that starts from a probe predicts what the probe predicts, before the first step."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import LABELS
from trainings import SHORT, dataset, load, scores, train

from featx.baselines import find_method
from featx.errors import TrainingError
from featx.experiment.linear_probe import Probe, fit_probe, linear_map, probe_features, without_dead_dimensions
from featx.features.checkpoint import find_checkpoint
from featx.features.tokens import load_config, load_tokenizer
from featx.session import Session
from featx.settings import FinetuneMethod
from featx.training import Hooks, LinearHead, classify
from featx.training.head import place_head

#: Two linear layers with ReLU, tanh behind a pooler, tanh, tanh, GELU.
KINDS = ["distilbert", "bert", "roberta", "mpnet", "electra"]
#: Largest difference of a probability from the probe's.
TOLERANCE = 2e-5


def probe_of(folder: Path, cache: Path, names: tuple[str, ...] = LABELS) -> Probe:
    data = dataset(names=names)
    return fit_probe(data, probe_features(Session(data, folder, cache_dir=cache), None), 0)


def parts(folder: Path, names: tuple[str, ...] = LABELS) -> tuple[object, object]:
    checkpoint = find_checkpoint(str(folder), Path("unused"))
    return load(folder, names), load_tokenizer(checkpoint, load_config(checkpoint))


@pytest.mark.parametrize("names", [LABELS, LABELS[:2]], ids=["three classes", "two classes"])
@pytest.mark.parametrize("kind", KINDS)
def test_epoch_0_is_the_probe(checkpoints: object, tmp_path: Path, kind: str, names: tuple[str, ...]) -> None:
    """The probe's own probabilities, by scikit-learn on extracted features, are those of the model."""
    from featx.baselines import fit
    from featx.experiment.features import extract_splits
    from featx.settings import FeatureSettings

    folder, data = checkpoints(kind), dataset(names=names)
    probe = probe_of(folder, tmp_path, names)
    model, tokenizer = parts(folder, names)
    rates = place_head(model, probe.head, [tokenizer(data.train.texts)[0]])
    assert bool(rates) == (kind in ("bert", "roberta", "mpnet"))
    extracted = extract_splits(Session(data, folder, cache_dir=tmp_path), ["train", "validation"], FeatureSettings())
    splits = [(extracted.of(name), data.splits[name].labels) for name in ("train", "validation")]
    fitted = fit(find_method("logreg"), *splits, names, 0)
    expected = fitted.classifier.predict_proba(splits[1][0])
    assert np.abs(classify(model, tokenizer, data.validation.texts) - expected).max() < TOLERANCE
    assert len(set(expected.argmax(axis=1))) > 1, "a probe that always says the same proves nothing"


def test_linear_map_is_the_pipelines_probability() -> None:
    rng = np.random.default_rng(0)
    for n_classes in (2, 3, 5):
        features = rng.normal(3, 7, (200, 6))
        labels = rng.integers(0, n_classes, 200)
        pipeline = find_method("logreg").make(0).set_params(logreg__C=10.0).fit(features, labels)
        coef, intercept = linear_map(pipeline, n_classes)
        logits = features @ coef.T + intercept
        probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        assert coef.shape == (n_classes, 6)
        assert np.allclose(probabilities, pipeline.predict_proba(features), atol=1e-12)


def test_dead_dimensions_do_not_make_weights_without_bounds() -> None:
    """MiniLM has dimensions of 1e-30; scaled to the size of the others, their weights let gradients overflow."""
    rng = np.random.default_rng(0)
    features = rng.normal(3, 2, (90, 6)).astype(np.float32)
    features[:, 4] *= np.float32(1e-30)
    cleaned = without_dead_dimensions({"train": features, "validation": features[:5]})
    assert (cleaned["train"][:, 4] == 0).all()
    assert (cleaned["validation"][:, 4] == 0).all()
    assert np.array_equal(np.delete(cleaned["train"], 4, 1), np.delete(features, 4, 1))
    pipeline = find_method("logreg").make(0).fit(cleaned["train"], rng.integers(0, 3, 90))
    assert np.abs(linear_map(pipeline, 3)[0]).max() < 10


@pytest.mark.parametrize("kind", ["distilbert", "bert"])
def test_training_starts_there_and_goes_on(checkpoints: object, tmp_path: Path, kind: str) -> None:
    folder = checkpoints(kind)
    probe = probe_of(folder, tmp_path)
    seen: list[tuple[float, float]] = []
    made = train(
        folder, replace(SHORT, method=FinetuneMethod.LP), head=probe.head,
        hooks=Hooks(on_evaluation=lambda epoch, score: seen.append((epoch, score))),
    )  # fmt: skip
    assert [epoch for epoch, _ in seen] == [0, 1, 2]
    assert seen[0][1] == pytest.approx(probe.facts["score"])
    assert made.history[0]["step"] == 0
    assert made.last_epoch == 2


def test_a_probe_that_training_only_harms_is_kept(tiny: Path, tmp_path: Path) -> None:
    """Epoch 0 is one of the epochs that validation chooses from."""
    probe = probe_of(tiny, tmp_path)
    still = train(tiny, replace(SHORT, method=FinetuneMethod.LP, learning_rate=1e-12), head=probe.head)
    model, tokenizer = parts(tiny)
    place_head(model, probe.head, [tokenizer(dataset().train.texts)[0]])
    assert still.best_epoch == 0
    assert np.allclose(scores(still), classify(model, tokenizer, dataset().test.texts), atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_behind_a_tanh_is_no_larger_than_behind_a_relu(
    checkpoints: object, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Weights behind a tanh are tiny; a step of the usual size there would be a leap."""
    from featx.training import preparing

    head = LinearHead(np.random.default_rng(0).normal(0, 0.1, (3, 32)), np.zeros(3), 3.0)
    one_step = replace(SHORT, method=FinetuneMethod.LP, num_train_epochs=1, learning_rate=1e-3, freeze_layers=2)

    def change() -> float:
        made = train(checkpoints(kind), replace(one_step, warmup_steps=0), data=dataset(8), head=head)
        losses = [entry["eval_loss"] for entry in made.history if "eval_loss" in entry]
        return abs(losses[1] - losses[0])

    assert 0 < change() < 0.1
    if kind in ("bert", "roberta", "mpnet"):
        real = preparing.place_head
        monkeypatch.setattr(preparing, "place_head", lambda *arguments: real(*arguments) and {})
        assert change() > 1


def test_rows_that_the_probe_leaves_can_be_learnt(tiny: Path, tmp_path: Path) -> None:
    probe = probe_of(tiny, tmp_path)
    made = train(tiny, replace(SHORT, method=FinetuneMethod.LP), head=probe.head)
    before, tokenizer = parts(tiny)
    place_head(before, probe.head, [tokenizer(dataset().train.texts)[0]])
    moved = (made.model.classifier.weight - before.classifier.weight).abs()
    if made.best_epoch > 0:
        assert (moved[:, 6:] > 0).any()


def test_an_unknown_head_is_refused(tiny: Path) -> None:
    model, tokenizer = parts(tiny)
    head = LinearHead(np.ones((3, 32)), np.zeros(3), 1.0)
    ids = [tokenizer(dataset().train.texts)[0]]
    kept = model.pre_classifier.weight.detach().clone()
    model.base_model.register_forward_hook(lambda module, inputs, output: (output[0].flip(1),), prepend=False)
    model.classifier = torch.nn.Sequential(torch.nn.Linear(32, 3))
    with pytest.raises(TrainingError, match="head of DistilBertForSequenceClassification is none that a linear probe"):
        place_head(model, head, ids)
    assert torch.equal(model.pre_classifier.weight, kept)


def test_more_classes_than_the_head_has_room_for(tiny: Path) -> None:
    names = tuple(f"class {k}" for k in range(40))
    model, tokenizer = parts(tiny, names)
    head = LinearHead(np.ones((40, 32)), np.zeros(40), 1.0)
    with pytest.raises(TrainingError, match="train it without a probe"):
        place_head(model, head, [tokenizer(["a good day"])[0]])

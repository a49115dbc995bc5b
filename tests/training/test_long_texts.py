"""Fine-tuning on long texts: windows are examples that count as one text, and everything measured is per text."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import LABELS, make_texts
from trainings import SHORT, train

from featx.data import Split, TextDataset
from featx.errors import SettingsError
from featx.evaluation import measure
from featx.experiment.workspace import Workspace
from featx.features.checkpoint import find_checkpoint
from featx.prediction import load_predictor
from featx.session import Session
from featx.settings import ClassWeights, FeatureSettings, FinetuneMethod, Long, Pooling, identity_facts
from featx.training import check_settings, fitting
from featx.training.inference import classify, scores_of_tokens
from featx.training.loss import class_weights, loss_function
from featx.training.preparing import prepare
from featx.training.validating import SCORE, validation_metrics

WINDOWS = replace(SHORT, max_length=12, long=(Long.WINDOWS,))


def dataset(longest: int = 40) -> TextDataset:
    """Texts of 2 to `longest` words."""
    splits = {}
    for seed, (name, size) in enumerate({"train": 48, "validation": 15, "test": 15}.items()):
        texts, labels = make_texts(size, seed, longest)
        splits[name] = Split(texts, np.array([LABELS.index(label) for label in labels]), LABELS)
    return TextDataset("tiny", LABELS, splits)


def prepared(tiny: Path, settings: object = WINDOWS) -> object:
    return prepare(find_checkpoint(str(tiny), Path("unused")), dataset(), settings, 0, "cpu")


def test_each_text_counts_as_one(tiny: Path) -> None:
    """The mean loss of all windows is the mean over texts of their windows' losses, by tokens."""
    made = prepared(tiny)
    train_split, tokens = made.train, made.train.tokens
    assert len(train_split) == len(tokens) > tokens.n_texts == 48
    assert made.n_truncated == {"train": 0, "validation": 0}
    examples = [train_split[row] for row in range(len(train_split))]
    weights = np.array([weight for _, _, weight in examples])
    assert np.allclose(np.bincount(tokens.texts, weights), len(tokens) / 48)
    labels = np.array([label for _, label, _ in examples])
    assert np.array_equal(labels, train_split.labels[tokens.texts])
    logits = torch.randn(len(labels), 3, generator=torch.Generator().manual_seed(0))
    balance = class_weights(ClassWeights.BALANCED, np.bincount(train_split.labels))
    loss = loss_function(balance, 0.1)
    mean = loss({"logits": logits}, torch.tensor(labels), None, torch.tensor(weights))
    one_by_one = torch.stack(
        [loss({"logits": logits[k : k + 1]}, torch.tensor(labels[k : k + 1])) for k in range(len(labels))]
    )
    by_text = np.bincount(tokens.texts, tokens.shares * one_by_one.numpy())
    assert float(mean) == pytest.approx(by_text.mean(), rel=1e-6)


def test_the_trainer_weighs_each_window(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[torch.Tensor] = []

    def watched(*settings: object) -> object:
        loss = loss_function(*settings)

        def watch(outputs: object, labels: object, num_items_in_batch: object = None, weights: object = None) -> object:
            assert len(weights) == len(labels)
            seen.append(weights)
            return loss(outputs, labels, num_items_in_batch, weights)

        return watch

    monkeypatch.setattr(fitting, "loss_function", watched)
    made = prepared(tiny)
    fitting.fit(replace(made, settings=replace(WINDOWS, num_train_epochs=1)))
    expected = [made.train[row][2] for row in range(len(made.train))]
    assert np.allclose(np.sort(torch.cat(seen).numpy()), np.sort(expected))


@pytest.mark.parametrize("long", [Long.HEAD_TAIL, Long.WINDOWS])
def test_where_no_text_is_long_nothing_changes(tiny: Path, long: Long) -> None:
    data = dataset(longest=8)
    made = [train(tiny, replace(SHORT, max_length=16, long=(way,)), data=data) for way in (Long.CUT, long)]
    a, b = ([weight.detach().numpy().tobytes() for weight in one.model.parameters()] for one in made)
    assert a == b
    assert made[0].history == made[1].history


@pytest.mark.parametrize(("long", "learns"), [(Long.CUT, False), (Long.HEAD_TAIL, True), (Long.WINDOWS, True)])
def test_what_cutting_never_sees_is_learned(tiny: Path, long: Long, learns: bool) -> None:
    """The word that tells the label stands behind the first six, which are the same in all texts."""
    splits = {}
    for seed, (name, size) in enumerate({"train": 144, "validation": 30, "test": 60}.items()):
        texts, words = make_texts(size, seed, 5)
        kept = [k for k, word in enumerate(words) if word != "neutral"]
        labels = np.array([words[k] == "positive" for k in kept], np.int64)
        splits[name] = Split([f"the day was and is very {texts[k]}" for k in kept], labels, ("no", "yes"))
    data = TextDataset("tiny", ("no", "yes"), splits)
    settings = replace(SHORT, num_train_epochs=8, max_length=8, learning_rate=3e-3, long=(long,))
    made, _ = train(tiny, settings, data=data).predict(data.test)
    assert measure(made)["f1_macro"] > 0.8 if learns else measure(made)["f1_macro"] < 0.5


def test_scores_are_the_softmax_of_averaged_logits(tiny: Path) -> None:
    made = prepared(tiny)
    model, tokens = made.model.eval(), made.validation.tokens
    slow = []
    for text in range(tokens.n_texts):
        mean = 0.0
        for row in np.flatnonzero(tokens.texts == text):
            with torch.inference_mode():
                logits = model(input_ids=torch.from_numpy(tokens[row].astype(np.int64))[None]).logits[0].double()
            mean = mean + tokens.shares[row] * logits.numpy()
        slow.append(np.exp(mean) / np.exp(mean).sum())
    scores = scores_of_tokens(model, tokens, made.tokenizer.pad_id)
    assert scores.shape == (15, 3)
    assert np.allclose(scores, slow, atol=1e-6)
    some = np.array([7, 2, 11])
    assert np.allclose(scores_of_tokens(model, tokens, made.tokenizer.pad_id, texts=some), scores[some], atol=1e-6)
    texts = dataset().validation.texts
    assert np.allclose(classify(model, made.tokenizer, texts, long=Long.WINDOWS), scores, atol=1e-6)
    assert validation_metrics(model, made, "cpu")["eval_accuracy"] == pytest.approx(
        (scores.argmax(axis=1) == made.validation.labels).mean()
    )


def test_a_probe_starts_where_frozen_windows_end(tiny: Path, tmp_path: Path) -> None:
    """A linear head on joined vectors gives the averaged logits: at epoch 0 the model scores what the probe does."""
    session = Session(dataset(), str(tiny), workspace=Workspace(tmp_path / "results", None, tmp_path / "cache"))
    (run,) = session.finetune(replace(WINDOWS, method=FinetuneMethod.LP, num_train_epochs=1))
    (frozen,) = session.baseline(
        FeatureSettings(pooling=(Pooling.CLS,), max_length=12, long=(Long.WINDOWS,)), methods="logreg"
    )
    first = next(entry for entry in run.record.history if SCORE in entry)
    assert first["epoch"] == 0
    assert first[SCORE] == pytest.approx(run.record.selection.probe["score"])
    assert first[SCORE] == pytest.approx(frozen.record.score("validation", "f1_macro"))


@pytest.mark.parametrize("long", [Long.HEAD_TAIL, Long.WINDOWS])
def test_a_saved_run_predicts_as_it_did(tiny: Path, tmp_path: Path, long: Long) -> None:
    data = dataset()
    session = Session(data, str(tiny), workspace=Workspace(tmp_path / "results", None, tmp_path / "cache"))
    (run,) = session.finetune(replace(WINDOWS, long=(long,), num_train_epochs=1))
    assert run.record.settings["long"] == [long.value]
    assert long.value in run.record.selection.summary
    made = load_predictor(run.folder, tmp_path / "cache")(list(data.test.texts))
    scores = np.array([[one.scores[name] for name in LABELS] for one in made])
    assert np.allclose(scores, run.predictions["test"].y_score, atol=1e-6)
    assert len(run.predictions["validation"].y_true) == 15


def test_identity_is_as_it_was_unless_it_is_used() -> None:
    assert "long" not in identity_facts(SHORT)
    assert identity_facts(WINDOWS)["long"] == ["windows"]


def test_several_are_recorded_and_predicted_with(tiny: Path, tmp_path: Path) -> None:
    data = dataset()
    session = Session(data, str(tiny), workspace=Workspace(tmp_path / "results", None, tmp_path / "cache"))
    several = replace(WINDOWS, long=(Long.WINDOWS, Long.CUT), search=2, search_passes=(1,), search_each_seed=False)
    first, run = session.finetune(replace(several, num_train_epochs=1, seeds=(0, 1)))
    chosen = run.record.selection.chosen["long"]
    assert chosen == first.record.selection.chosen["long"]
    assert {trial.params["long"] for trial in first.record.selection.trials} == {"cut", "windows"}
    assert run.record.selection.summary.split(", ")[2] == chosen
    made = load_predictor(run.folder, tmp_path / "cache")(list(data.test.texts))
    scores = np.array([[one.scores[name] for name in LABELS] for one in made])
    assert np.allclose(scores, run.predictions["test"].y_score, atol=1e-6)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, r"`long` names cut, windows, of which the trials of a search choose .* give `search` trials, or name one"),
        ({"search": 3, "method": FinetuneMethod.LP}, r"`long` names cut, windows, but a probe is fitted for one"),
    ],
)
def test_several_without_a_choice_are_one_line(changes: dict[str, object], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        check_settings(replace(SHORT, long=(Long.CUT, Long.WINDOWS), **changes))

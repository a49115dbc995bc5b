"""Fine-tuning: really trains, by seed the same, and checks labels against the head first."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import LABELS
from trainings import SETTINGS, dataset, train
from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline

from featx.data import Split
from featx.errors import SettingsError, TrainingError
from featx.evaluation import measure
from featx.features.checkpoint import quiet_transformers
from featx.settings import FinetuneSettings
from featx.training import Hooks, check_labels, load_classifier
from featx.training.inference import classify
from featx.training.preflight import check_head


@pytest.fixture(scope="module")
def made(checkpoints: object) -> object:
    steps: list[tuple[int, int]] = []
    hooks = Hooks(on_step=lambda done, total: steps.append((done, total)))
    result = train(checkpoints("distilbert"), hooks=hooks)
    assert steps[0] == (1, 240)
    assert steps[-1] == (240, 240)
    return result


def test_learns(made: object) -> None:
    predictions, seconds = made.predict(dataset().test)
    assert (predictions.y_pred == predictions.y_true).mean() > 0.8
    assert seconds > 0
    assert made.fit_seconds > 0


def test_history_has_losses_and_validation_metrics_of_each_epoch(made: object) -> None:
    evaluated = [entry for entry in made.history if "eval_f1_macro" in entry]
    assert [entry["epoch"] for entry in evaluated] == list(range(1, 9))
    losses = [entry["loss"] for entry in made.history if "loss" in entry]
    assert losses[-1] < losses[0]
    scores = [entry["eval_f1_macro"] for entry in evaluated]
    assert made.best_score == max(scores)
    assert made.best_epoch == 1 + scores.index(max(scores))
    assert made.last_epoch == 8
    kept, _ = made.predict(dataset().validation)
    assert measure(kept)["f1_macro"] == pytest.approx(made.best_score)
    assert all(entry["learning_rate"] <= 3e-3 for entry in made.history if "loss" in entry)


def test_saved_folder_works_with_plain_transformers(made: object, tmp_path: Path) -> None:
    made.save(tmp_path)
    texts = list(dataset().test.texts)
    expected, _ = made.predict(dataset().test)
    model, tokenizer = load_classifier(tmp_path, None, "cpu")
    assert np.allclose(classify(model, tokenizer, texts), expected.y_score, atol=1e-12)
    plain = pipeline(
        "text-classification",
        model=AutoModelForSequenceClassification.from_pretrained(tmp_path),
        tokenizer=AutoTokenizer.from_pretrained(tmp_path),
        device=-1,
    )
    assert [answer["label"] for answer in plain(texts)] == [LABELS[k] for k in expected.y_pred]
    assert not list(tmp_path.glob("*.bin"))


def test_order_of_texts_does_not_change_their_scores(made: object) -> None:
    texts = list(dataset().test.texts)
    forth = classify(made.model, made.tokenizer, texts)
    back = classify(made.model, made.tokenizer, texts[::-1])
    assert np.allclose(forth, back[::-1], atol=1e-6)


def test_same_seed_same_predictions_other_seed_others(tiny: Path) -> None:
    short = replace(SETTINGS, num_train_epochs=1)
    a, b, c = (train(tiny, short, seed).predict(dataset().test)[0].y_score for seed in (3, 3, 4))
    assert np.array_equal(a, b)
    assert not np.allclose(a, c, atol=1e-4)


def test_the_seed_draws_the_head(tiny: Path) -> None:
    """With steps of no length the scores come from the new head alone, whatever the order of the texts."""
    still = replace(SETTINGS, num_train_epochs=0.1, learning_rate=1e-12)
    a, b = (train(tiny, still, seed).predict(dataset().test)[0].y_score for seed in (3, 4))
    assert not np.allclose(a, b, atol=1e-4)


def test_course_defaults() -> None:
    settings = FinetuneSettings()
    assert (settings.num_train_epochs, settings.learning_rate) == (2, 2e-5)
    assert (settings.per_device_train_batch_size, settings.weight_decay) == (16, 0.01)


def save_with_head(tiny: Path, folder: Path, names: tuple[str, ...]) -> Path:
    model = AutoModelForSequenceClassification.from_pretrained(
        tiny, num_labels=len(names), id2label=dict(enumerate(names)), label2id={n: i for i, n in enumerate(names)}
    )
    with quiet_transformers():
        model.save_pretrained(folder)
        AutoTokenizer.from_pretrained(tiny).save_pretrained(folder)
    return folder


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (("negative", "positive"), r"head for 2 labels \(0 to 1\), but the data has 3: 2 \(positive\) are out of its range"),
        (("a", "b", "c", "d"), r"head for 4 labels, but the data has 3: 3 \(d\) stand for nothing"),
        (("Positive", "neutral", "negative"), r"numbers the labels otherwise: 0 \(Positive there, negative here\)"),
    ],
)  # fmt: skip
def test_a_head_that_does_not_fit_is_refused(tiny: Path, tmp_path: Path, head: tuple[str, ...], words: str) -> None:
    folder = save_with_head(tiny, tmp_path / "head", head)
    with pytest.raises(TrainingError, match=words):
        train(folder)


def test_a_head_with_the_same_labels_goes_on(tiny: Path, tmp_path: Path) -> None:
    folder = save_with_head(tiny, tmp_path / "head", LABELS)
    train(folder, replace(SETTINGS, num_train_epochs=0.1))


def test_label_ids_out_of_range_are_named() -> None:
    split = Split(["a", "b", "c"], np.array([0, 7, -1]), LABELS)
    with pytest.raises(TrainingError, match=r"train, row 2: label ids -1, 7 are out of range; a head of 3 labels"):
        check_labels({"train": split}, 3)


def test_head_without_names_passes() -> None:
    from transformers import DistilBertConfig

    check_head(DistilBertConfig(architectures=["DistilBertForSequenceClassification"], num_labels=3), LABELS, "x")
    check_head(DistilBertConfig(architectures=["DistilBertModel"]), LABELS, "x")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"num_train_epochs": 0}, r"`num_train_epochs` is 0; expected a number above 0"),
        ({"learning_rate": -1.0}, r"`learning_rate` is -1.0"),
        ({"learning_rate": float("nan")}, r"`learning_rate` is nan"),
        ({"weight_decay": -0.1}, r"`weight_decay` is -0.1; expected 0 or more"),
        ({"lr_scheduler_type": "zigzag"}, r"`lr_scheduler_type` is 'zigzag'; expected one of: .*linear"),
    ],
)
def test_settings_out_of_range(tiny: Path, change: dict[str, object], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        train(tiny, replace(SETTINGS, **change))


def test_a_loss_that_is_no_number_stops_with_advice(tiny: Path, tmp_path: Path) -> None:
    from transformers import AutoModel

    model = AutoModel.from_pretrained(tiny)
    with torch.no_grad():
        model.embeddings.word_embeddings.weight[5:] = float("inf")
    with quiet_transformers():
        model.save_pretrained(tmp_path)
        AutoTokenizer.from_pretrained(tiny).save_pretrained(tmp_path)
    with pytest.raises(TrainingError, match=r"the loss is no number at step \d+ \(learning_rate 0.003\); lower"):
        train(tmp_path)

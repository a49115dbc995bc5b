"""Fine-tuning: really trains, by seed the same, and checks labels against the head first."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import LABELS
from trainings import SETTINGS, dataset, load, train
from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline

from featx.data import Split
from featx.errors import CheckpointError, FeatxWarning, SettingsError, TrainingError
from featx.evaluation import measure
from featx.features.checkpoint import find_checkpoint, quiet_transformers
from featx.features.tokens import load_config
from featx.settings import FinetuneSettings
from featx.training import Hooks, check_labels, finetune, load_classifier
from featx.training.inference import classify
from featx.training.model import load_model


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


HEADS = {
    "fewer": (("negative", "positive"), "is for negative, positive, the data has negative, neutral, positive"),
    "more": (("a", "b", "c", "d", "e"), "is for a, b, c, d and 1 more, the data has negative"),
    "other order": (("Positive", "neutral", "negative"), "is for Positive, neutral, negative, the data has"),
    "other names": (("billing", "delivery", "refund"), "is for billing, delivery, refund, the data has"),
    "no names": (("LABEL_0", "LABEL_1", "LABEL_2"), "is for LABEL_0, LABEL_1, LABEL_2, the data has"),
}


@pytest.mark.parametrize("kind", HEADS)
def test_a_head_for_other_labels_is_dropped_and_said(tiny: Path, tmp_path: Path, kind: str) -> None:
    """A new one is drawn by the seed, and nothing of the old one is left; the encoder stays."""
    names, words = HEADS[kind]
    folder = save_with_head(tiny, tmp_path / "head", names)
    checkpoint, said = find_checkpoint(str(folder), Path("unused")), []
    models = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        models.append(load_model(checkpoint, load_config(checkpoint), LABELS, say=said.append))
    assert words in said[0]
    assert "it is dropped and a new one is trained" in said[0]
    old = AutoModelForSequenceClassification.from_pretrained(folder).state_dict()
    first, again, other = (model.state_dict() for model in models)
    for name, weight in first.items():
        assert torch.equal(weight, again[name])
        if name.startswith("distilbert."):
            assert torch.equal(weight, old[name])
        elif name.endswith("weight"):
            assert not torch.equal(weight, other[name])
            assert weight.shape != old[name].shape or not torch.isclose(weight, old[name]).any()
    assert models[0].config.id2label == dict(enumerate(LABELS))


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("fewer", "it cannot be kept"),
        ("more", "it cannot be kept"),
        ("other order", "the same labels in another order"),
    ],
)
def test_a_head_that_cannot_be_kept(tiny: Path, tmp_path: Path, kind: str, words: str) -> None:
    folder = save_with_head(tiny, tmp_path / "head", HEADS[kind][0])
    with pytest.raises(TrainingError, match=words):
        train(folder, replace(SETTINGS, keep_head=True))


def test_there_must_be_a_head_to_keep(tiny: Path) -> None:
    with pytest.raises(TrainingError, match="brings no classification head; leave `keep_head` out"):
        train(tiny, replace(SETTINGS, keep_head=True))


@pytest.mark.parametrize(
    ("names", "keep"), [(LABELS, False), (("Negative", "NEUTRAL", "positive"), False), (HEADS["other names"][0], True)]
)
def test_a_head_goes_on(tiny: Path, tmp_path: Path, names: tuple[str, ...], keep: bool) -> None:
    folder = save_with_head(tiny, tmp_path / "head", names)
    checkpoint, said = find_checkpoint(str(folder), Path("unused")), []
    model = load_model(checkpoint, load_config(checkpoint), LABELS, keep, said.append)
    old = AutoModelForSequenceClassification.from_pretrained(folder).state_dict()
    assert all(torch.equal(weight, old[name]) for name, weight in model.state_dict().items())
    assert [("it is kept, one for one" in remark) for remark in said] == [True] * keep
    train(folder, replace(SETTINGS, num_train_epochs=0.1, keep_head=keep))


def test_a_head_that_is_kept_is_not_drawn(tiny: Path, tmp_path: Path) -> None:
    """Its configuration promises a head, its file holds none: weights drawn at random would pass for it."""
    from safetensors.torch import load_file, save_file

    folder = save_with_head(tiny, tmp_path / "head", LABELS)
    weights = folder / "model.safetensors"
    save_file({n: t for n, t in load_file(weights).items() if n.startswith("distilbert.")}, weights, {"format": "pt"})
    with pytest.raises(CheckpointError, match=r"its weights lack .*classifier"):
        train(folder, SETTINGS)


def test_tensors_of_a_head_for_another_task_are_not_taken_for_one(tmp_path: Path) -> None:
    """BERT's head for tokens has the names and, with three tags, the shapes of its head for texts."""
    from tiny import make_checkpoint
    from transformers import AutoModelForTokenClassification

    source = make_checkpoint(tmp_path / "plain", "bert")
    tags = AutoModelForTokenClassification.from_pretrained(source, num_labels=3)
    with quiet_transformers():
        tags.save_pretrained(tmp_path / "tags")
        AutoTokenizer.from_pretrained(source).save_pretrained(tmp_path / "tags")
    made = load(tmp_path / "tags")
    assert not torch.isclose(made.classifier.weight, tags.classifier.weight).any()
    assert torch.equal(made.bert.embeddings.word_embeddings.weight, tags.bert.embeddings.word_embeddings.weight)


@pytest.mark.shared
@pytest.mark.parametrize("name", ["no-last-layer", "more-layers"])
def test_weights_that_are_missing_are_never_drawn_at_random(cases: Path, name: str) -> None:
    with pytest.raises(CheckpointError, match=r"its weights lack .* they would be drawn at random"):
        load(cases / "data" / "weights-missing" / name)


@pytest.mark.shared
def test_a_wrappers_prefix_changes_nothing(cases: Path) -> None:
    with pytest.warns(FeatxWarning, match="begin with 'module.', which was removed"):
        stripped = load(cases / "data" / "weights-missing" / "module-prefix").bert.state_dict()
    plain = load(cases / "data" / "weights-missing" / "control-bert-prefix").bert.state_dict()
    assert all(torch.equal(weight, plain[name]) for name, weight in stripped.items() if "pooler" not in name)


def test_a_checkpoint_that_changes_while_it_is_used_is_refused(tiny: Path, tmp_path: Path) -> None:
    """A training that overwrites its output folder: the weights would not be those that the run's digest names."""
    folder = shutil.copytree(tiny, tmp_path / "changing")
    found = find_checkpoint(str(folder), Path("unused"))
    path = folder / "model.safetensors"
    content = path.read_bytes()
    path.write_bytes(content[:-4] + bytes(byte ^ 64 for byte in content[-4:]))
    with pytest.raises(CheckpointError, match="chang"):
        finetune(found, dataset(24), replace(SETTINGS, num_train_epochs=0.1), 0, "cpu")


def test_label_ids_out_of_range_are_named() -> None:
    split = Split(["a", "b", "c"], np.array([0, 7, -1]), LABELS)
    with pytest.raises(TrainingError, match=r"train, row 2: label ids -1, 7 are out of range; a head of 3 labels"):
        check_labels({"train": split}, 3)


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
    with pytest.raises(TrainingError, match=r"the loss is (NaN|infinite) at step \d+ \(learning rate 0.003\); lower"):
        train(tmp_path)

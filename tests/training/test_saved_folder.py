"""A saved fine-tuned model gives featx's labels and scores wherever it is loaded."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny import LABELS
from trainings import SHORT, dataset, train
from transformers import AutoConfig, AutoTokenizer, pipeline

from featx.features.checkpoint import quiet_transformers
from featx.training import Finetuned, load_classifier
from featx.training.inference import classify

BRIEF = replace(SHORT, num_train_epochs=0.2, max_length=8)

#: What configurations on the Hub carry, and what must not decide about a model that was trained here.
CONFIGS = {
    "as it is": {},
    "regression": {"problem_type": "regression"},
    "several labels": {"problem_type": "multi_label_classification"},
    "other labels": {"id2label": {"0": "x", "1": "y"}, "label2id": {"x": 0, "y": 1}},
    "one label": {"num_labels": 1},
    "many labels": {"num_labels": 7},
    "no padding id": {"pad_token_id": None},
    "generation": {"max_length": 5, "min_length": 2, "num_beams": 4, "do_sample": True, "temperature": 0.7},
    "dropout of the head": {"seq_classif_dropout": 0.9, "classifier_dropout": 0.9, "summary_last_dropout": 0.9},
    "a task's own settings": {
        "task_specific_params": {"text-classification": {"problem_type": "multi_label_classification", "num_labels": 5}}
    },
    "half precision": {"dtype": "float16", "torch_dtype": "float16"},
    "a function of the pipeline": {"function_to_apply": "sigmoid", "problem_type": None},
    "all hidden states": {"output_hidden_states": True},
    "tuples": {"return_dict": False},
}
TOKENIZERS = {
    "cut on the left": {"truncation_side": "left"},
    "padded on the left": {"padding_side": "left"},
    "a length of its own": {"max_length": 5, "truncation": True, "stride": 2, "model_max_length": 30},
    "no limit": {"model_max_length": int(1e30)},
}


def changed(source: Path, folder: Path, name: str, change: dict[str, object]) -> Path:
    """A copy of a checkpoint whose file `name` has further entries."""
    shutil.copytree(source, folder)
    path = folder / name
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    return folder


def agrees(made: Finetuned, folder: Path, max_length: int | None) -> None:
    """Both ways to load the folder give labels and scores of the model in memory."""
    made.save(folder)
    texts = list(dataset().test.texts)
    expected = made.predict(dataset().test)[0]
    with quiet_transformers():
        answers = pipeline("text-classification", model=str(folder), truncation=True, top_k=None)(texts)
    scores = np.array([[by_label[name] for name in LABELS] for by_label in map(as_dict, answers)])
    assert np.abs(scores - expected.y_score).max() < 1e-6
    assert [answer[0]["label"] for answer in answers] == [LABELS[k] for k in expected.y_pred]
    model, tokenizer = load_classifier(folder, max_length, "cpu")
    assert np.abs(classify(model, tokenizer, texts) - expected.y_score).max() < 1e-9
    config = AutoConfig.from_pretrained(folder)
    assert (config.problem_type, config.num_labels) == ("single_label_classification", 3)
    assert config.label2id == {name: k for k, name in enumerate(LABELS)}


def as_dict(answer: list[dict[str, object]]) -> dict[str, float]:
    return {one["label"]: one["score"] for one in answer}


@pytest.mark.parametrize("name", CONFIGS)
def test_a_pipeline_gives_the_same_whatever_the_checkpoints_config_says(tiny: Path, tmp_path: Path, name: str) -> None:
    source = changed(tiny, tmp_path / "source", "config.json", CONFIGS[name])
    agrees(train(source, BRIEF, data=dataset(48)), tmp_path / "model", 8)


@pytest.mark.parametrize("name", TOKENIZERS)
def test_a_pipeline_gives_the_same_whatever_the_tokenizers_config_says(tiny: Path, tmp_path: Path, name: str) -> None:
    source = changed(tiny, tmp_path / "source", "tokenizer_config.json", TOKENIZERS[name])
    agrees(train(source, BRIEF, data=dataset(48)), tmp_path / "model", None)


@pytest.mark.parametrize("kind", ["bert", "roberta", "electra"])
def test_a_pipeline_gives_the_same_for_other_models(checkpoints: object, tmp_path: Path, kind: str) -> None:
    agrees(train(checkpoints(kind), BRIEF, data=dataset(48)), tmp_path / "model", 8)


@pytest.mark.parametrize("max_length", [6, None])
def test_the_saved_tokenizer_states_the_length_of_the_run(tiny: Path, tmp_path: Path, max_length: int | None) -> None:
    """And the one in memory keeps the checkpoint's, since others may share it."""
    made = train(tiny, replace(BRIEF, max_length=max_length), data=dataset(24))
    made.save(tmp_path)
    assert AutoTokenizer.from_pretrained(tmp_path).model_max_length == (max_length or 40)
    assert json.loads((tmp_path / "tokenizer_config.json").read_text())["model_max_length"] == (max_length or 40)
    assert made.tokenizer.hf.model_max_length == 40

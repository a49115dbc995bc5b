"""Records: those of version 0.1 stay what they are, typed ones come back, and a wrong value is named by its path."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from featx.errors import RunError
from featx.evaluation import Family
from featx.runs.reading import record_from_text
from featx.settings import CaveatCode

OLD = sorted((Path(__file__).parent / "records-0.1").glob("*.json"))
FAMILIES = {
    "finetune": Family.FINE_TUNED, "logreg": Family.FROZEN, "logreg+shuffled-labels": Family.CONTROL,
    "majority": Family.CHANCE, "tfidf-logreg": Family.WORDS,
}  # fmt: skip


def identity_in_0_1(content: dict[str, Any]) -> dict[str, Any]:
    checkpoint = content["checkpoint"]
    return {
        "method": content["method"],
        "seed": content["seed"],
        "data": {name: split["digest"] for name, split in content["data"]["splits"].items()},
        "checkpoint": checkpoint and {key: checkpoint[key] for key in ("digest", "tokenizer_digest")},
        "features": content["features"],
        "settings": content["settings"],
    }


@pytest.mark.parametrize("path", OLD, ids=lambda path: path.stem)
def test_runs_of_0_1_keep_their_identity_and_all_that_they_say(path: Path) -> None:
    content = json.loads(path.read_text())
    record = record_from_text(path.read_text(), "run.json")
    assert json.loads(json.dumps(record.identity)) == identity_in_0_1(content)
    assert record.family is FAMILIES[path.stem]
    made = json.loads(json.dumps(record.to_json()))
    for name in ("data", "checkpoint", "features", "settings", "metrics", "history", "timings", "environment"):
        assert made[name] == content[name], name
    for old, new in zip(content["selection"].pop("trials"), made["selection"]["trials"], strict=True):
        assert {name: value for name, value in old.items() if new.get(name) != value} in ({}, {"reason": None})
    selection = content["selection"]
    selection.pop("advice", None)
    assert {name: made["selection"][name] for name in selection} == selection
    assert record_from_text(json.dumps(made), "run.json") == record


def test_what_0_1_said_in_prose_is_a_caveat() -> None:
    text = next(path for path in OLD if path.stem == "finetune").read_text()
    record = record_from_text(text, "run.json")
    assert [caveat.code for caveat in record.caveats] == [CaveatCode.LEARNED_NOTHING]
    assert "learned nothing: its training loss is 1.108" in record.caveats[0].text
    content = json.loads(text)
    del content["selection"]["advice"]
    (caveat,) = record_from_text(json.dumps(content), "run.json").caveats
    assert caveat.code is CaveatCode.UNDER_TRAINED
    content |= {"under_trained": None, "converged": False}
    (caveat,) = record_from_text(json.dumps(content), "run.json").caveats
    assert caveat.code is CaveatCode.NOT_CONVERGED


def test_losses_that_were_no_numbers_are_read_as_none() -> None:
    content = json.loads(next(path for path in OLD if path.stem == "finetune").read_text())
    content["history"] = [{"loss": float("nan"), "epoch": 1.0}, {"loss": float("inf"), "step": 2}]
    record = record_from_text(json.dumps(content), "run.json")
    assert record.history == ({"loss": None, "epoch": 1.0}, {"loss": None, "step": 2})


WRONG: list[tuple[tuple[str | int, ...], Any, str]] = [
    (("timings", "fit_seconds"), None, "timings.fit_seconds: Expected `float`, got `null`"),
    (("timings", "fit_seconds"), 10**400, "timings.fit_seconds: Number out of range"),
    (("selection", "trials", 0, "score"), "0.5", r"selection.trials\[0\].score: Expected `float \| null`"),
    (("selection", "features"), None, "required field `selection.features`"),
    (("selection", "features", "kinds"), [99], "positions in `features.kinds`"),
    (("features", "kinds", 0, "layer"), "x", "`features.kinds` with a layer and a pooling each"),
    (("features", "dtype"), "float99", "`features.dtype` to be one of float32"),
    (("data", "splits", "test", "n_texts"), -1, r"data.splits\[...\].n_texts: Expected `int` >= 0"),
    (("data", "splits"), {}, "data: Object missing required field `splits.train`"),
    (("data", "notes"), [3], r"data.notes\[0\]: Expected `str`, got `int`"),
    (("metrics", "test"), {}, "required field `metrics.test.accuracy`"),
    (("metrics", "test", "f1_macro"), "high", r"metrics\[...\]\[...\]: Expected"),
    (("label_names",), ["a", "a"], "two `label_names` or more, each once"),
    (("label_names",), ["a", "\ud800"], "surrogates not allowed"),
    (("method",), "../up", "method: Expected `str` matching regex"),
    (("seed",), 2**32, "seed: Expected `int` <= 4294967295"),
    (("created",), 3, "created: Expected `str`, got `int`"),
    (("converged",), "yes", r"converged: Expected `bool \| null`, got `str`"),
]


@pytest.mark.parametrize(("where", "value", "words"), WRONG, ids=[f"{w[0]}" for w in WRONG])
def test_a_wrong_value_is_one_line_with_its_path(where: tuple[str | int, ...], value: Any, words: str) -> None:
    content = json.loads(next(path for path in OLD if path.stem == "logreg").read_text())
    part = content
    for name in where[:-1]:
        part = part[name]
    part[where[-1]] = value
    with pytest.raises(RunError, match=rf"run\.json is broken \(.*{words}.*\); run the method again") as caught:
        record_from_text(json.dumps(content), "run.json")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("number", ["9" * 400, "9" * 5000, "1e999", "-1e400"])
def test_numbers_without_bounds_are_refused(number: str) -> None:
    text = (
        next(path for path in OLD if path.stem == "majority")
        .read_text()
        .replace('"fit_seconds": ', '"fit_seconds": ' + number + ', "x": ')
    )
    with pytest.raises(RunError, match=r"run\.json is broken"):
        record_from_text(text, "run.json")

"""The answer: verdict first, five sentences at most, one pre-stated comparison, nothing that the tests do not allow."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_runs import make_run

from featx.evaluation import Caveat, Predictions, Verdict, measure
from featx.evaluation.randomization import randomization_p
from featx.reporting import answer, compare, render
from featx.reporting.judging import pre_stated
from featx.runs import Run, Timings, read_run
from featx.settings import CaveatCode, ReportSettings

CASES = Path(__file__).parents[3] / "shared" / "cases" / "answers"
FAST = ReportSettings(n_resamples=999)


def from_case(name: str) -> list[Run]:
    if not CASES.is_dir():
        pytest.skip(f"the cases are missing at {CASES}")
    return [read_run(path.parent) for path in sorted((CASES / name).glob("*/seed-*/run.json"))]


def with_validation(run: Run, value: float, seconds: float = 1.0) -> Run:
    """Give a run this validation score and cost."""
    metrics = dict(run.record.metrics)
    metrics["validation"] = metrics["validation"] | {"f1_macro": value}
    timings = Timings(0.0, seconds, 0.01, 1.0)
    return replace(run, record=replace(run.record, metrics=metrics, timings=timings))


def test_a_rare_class_leaves_the_answer_open() -> None:
    said = answer(compare(from_case("rare-class-equivalent")))
    assert said[0] == "Undecided."
    assert "they are too few, in all or of the rarest classes, to say that none is there" in said[2]


def test_two_test_texts_leave_the_answer_open() -> None:
    said = answer(compare(from_case("two-test-texts")))
    assert said[0] == "Undecided."
    assert said[2] == (
        "With 2 test texts a gap of 1.000 is within noise (fine-tuning minus logreg, 95%: +0.000 to +1.000)."
    )
    assert "[1.000" not in " ".join(said)


def test_fine_tuning_is_represented_by_its_best_on_validation() -> None:
    comparison = compare(from_case("answer-ignores-finetune-lp"))
    assert comparison.reference == "finetune"
    assert comparison.headline.finetuned.method == "finetune-lp"
    said = answer(comparison)
    assert said[0] == "Yes, fine-tuning with this one seed is better here."
    assert said[1].startswith("Fine-tuning (finetune-lp) scores 0.914, logreg 0.798")
    content = json.loads(render(comparison, "json"))["headline"]
    assert (content["finetuned"], content["classical"], content["verdict"]) == ("finetune-lp", "logreg", "better")


def test_a_row_that_was_not_chosen_and_says_the_opposite_is_named(tmp_path: Path) -> None:
    rates = {"finetune": 0.5, "finetune-lp": 0.95, "logreg": 0.8}
    runs = {method: make_run(tmp_path, method, rate, n=600) for method, rate in rates.items()}
    runs["finetune"] = with_validation(runs["finetune"], 0.99)
    comparison = compare(list(runs.values()))
    said = answer(comparison)
    assert said[0] == "No, the classical method is better here."
    assert "finetune-lp, which validation did not choose, is better than logreg" in said[-1]
    assert comparison.has(CaveatCode.CONTRADICTED, method="finetune-lp")
    runs["finetune-lp"] = with_validation(runs["finetune-lp"], 1.0)
    assert not compare(list(runs.values())).has(CaveatCode.CONTRADICTED, method="finetune-lp")


def test_ties_on_validation_go_to_the_cheaper_then_to_the_first_by_name(tmp_path: Path) -> None:
    rates = {"logreg": 0.6, "ridge": 0.9, "lda": 0.9, "finetune": 0.7}
    runs = [make_run(tmp_path, method, rate) for method, rate in rates.items()]
    for seconds, expected in (((1.0, 2.0, 2.0), "logreg"), ((2.0, 1.0, 1.0), "lda"), ((1.0, 1.0, 1.0), "lda")):
        made = [with_validation(run, 0.7, s) for run, s in zip(runs, (*seconds, 9.0), strict=True)]
        for order in (made, made[::-1]):
            assert pre_stated(compare(order, FAST).rows)[1].method == expected


def test_the_headline_is_not_adjusted_and_the_other_rows_are(tmp_path: Path) -> None:
    """Nine methods of like quality beside it make the pre-stated comparison no less sure."""
    runs = [
        make_run(tmp_path, "finetune", 0.8, n=300),
        with_validation(make_run(tmp_path, "logreg", 0.74, n=300), 0.99),
    ]
    runs += [make_run(tmp_path, f"m{k}", 0.78, n=300) for k in range(9)]
    comparison = compare(runs, FAST)
    row = comparison.row("logreg")
    assert row.paired.p_value <= 0.05 < row.p_holm
    assert row.verdict == "worse"
    assert comparison.headline.verdict is Verdict.BETTER
    assert comparison.headline.paired.p_value == row.paired.p_value
    assert comparison.headline.paired.difference.low == pytest.approx(-row.difference.high, abs=1e-9)
    for other in comparison.rows:
        if other.method not in ("finetune", "logreg") and other.verdict in ("better", "worse"):
            assert other.p_holm <= 0.05


def test_the_answer_needs_no_reference(tmp_path: Path) -> None:
    runs = [make_run(tmp_path, "finetune-lp", 0.95, n=600), make_run(tmp_path, "logreg", 0.6, n=600)]
    assert answer(compare(runs, FAST))[0].startswith("Yes")
    assert answer(compare(runs, replace(FAST, reference="logreg")))[0].startswith("Yes")


def test_a_training_that_learned_nothing_answers_nothing(tmp_path: Path) -> None:
    nothing = Caveat(CaveatCode.LEARNED_NOTHING, "learned nothing: its training loss is 1.1")
    runs = [
        make_run(tmp_path, "finetune", 0.34, n=600, under_trained=True, caveats=(nothing,)),
        make_run(tmp_path, "logreg", 0.8, n=600),
    ]
    for settings in (FAST, replace(FAST, silence=(CaveatCode.LEARNED_NOTHING,))):
        said = answer(compare(runs, settings))
        assert said[0].startswith("Whether fine-tuning is worth it cannot be said yet: finetune learned nothing; run")
        assert len(said) == 2


def test_limits_come_after_the_verdict(tmp_path: Path) -> None:
    from made_runs import made_data

    runs = [make_run(tmp_path, "finetune", 0.95, n=600), make_run(tmp_path, "logreg", 0.6, n=600)]
    shared = made_data(600, shared_test_rows=tuple(range(600)))
    runs = [replace(run, record=replace(run.record, data=shared)) for run in runs]
    said = answer(compare(runs, FAST))
    assert said[0] == "Yes, fine-tuning with this one seed is better here, but every test text stands in train as well."


def _attacked(folder: Path, trial: int) -> list[Run]:
    """A results folder of any kind: tiny, one class, classes missing, constant, identical, perfect, 1 to 5 seeds."""
    rng = np.random.default_rng(trial)
    n, n_classes = int(rng.choice([1, 2, 5, 20, 90])), int(rng.choice([2, 3, 12]))
    y_true = rng.choice(n_classes, n, p=rng.dirichlet(np.full(n_classes, rng.choice([0.2, 5.0]))))
    names = tuple(f"c{k}" for k in range(n_classes))
    runs = []
    for method in ("finetune", "finetune-lp", "logreg", "tfidf-logreg", "majority"):
        if rng.random() < 0.2:
            continue
        for seed in range(int(rng.integers(1, 6)) if method.startswith("finetune") else 1):
            kind, y_pred = rng.choice(["any", "constant", "right"]), rng.integers(0, n_classes, n)
            y_pred = {"any": y_pred, "constant": np.zeros(n, np.int64), "right": y_true}[str(kind)]
            test = Predictions(y_true, y_pred, None, names)
            run = make_run(folder, method, float(rng.random()), seed=seed, names=names, scores=False)
            metrics = run.record.metrics | {"test": measure(test)}
            record = replace(run.record, metrics=metrics)
            runs.append(replace(run, record=record, predictions=run.predictions | {"test": test}))
    return runs or [make_run(folder, "logreg")]


@pytest.mark.parametrize("trial", range(12))
def test_any_results_give_an_answer_in_range_that_the_exact_test_agrees_with(trial: int, tmp_path: Path) -> None:
    runs = _attacked(tmp_path, trial)
    comparison = compare(runs, FAST)
    said = answer(comparison)
    assert 2 <= len(said) <= 5
    for text in (*said, render(comparison, "table", 200), render(comparison, "csv"), render(comparison, "json")):
        assert not re.search(r"\b(nan|NaN|inf|Infinity)\b", text)
    for row in comparison.rows:
        assert 0 <= row.test.low <= row.test.value <= row.test.high <= 1
    headline = comparison.headline
    if headline is None:
        assert "cannot be said yet" in said[0]
        return
    if headline.verdict in (Verdict.BETTER, Verdict.WORSE):
        sides = [[run.predictions["test"] for run in row.runs] for row in (headline.finetuned, headline.classical)]
        assert randomization_p(*sides, "f1_macro") <= 0.05
        assert said[0].startswith(("Yes", "No, the classical method is better here"))
    else:
        assert said[0].startswith(("Undecided", "No, fine-tuning is not needed here"))

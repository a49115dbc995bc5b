"""Votes and flips: what a method says over its seeds, and where two methods differ."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_runs import made_data, make_run, simulate

from featx.evaluation import Predictions
from featx.reporting import compare, write_report
from featx.reporting.details import take_apart
from featx.reporting.differing import MOST_FLIPS, flips_of, page_data
from featx.reporting.naming import file_names
from featx.reporting.votes import confused_pairs, flips, vote
from featx.runs import SharedText

NAMES = ("a", "b", "c")


def predictions(y_true: list[int], y_pred: list[int], y_score: list[list[float]] | None = None) -> Predictions:
    scores = None if y_score is None else np.array(y_score)
    return Predictions(np.array(y_true), np.array(y_pred), scores, NAMES)


def test_most_seeds_decide() -> None:
    votes = vote([predictions([0, 0], labels) for labels in ([1, 2], [1, 0], [0, 0])])
    assert votes.y_pred.tolist() == [1, 0]
    assert votes.agreeing.tolist() == [2, 2]
    assert votes.n_seeds == 3
    assert votes.confidence is None


def test_a_tie_goes_to_the_higher_score() -> None:
    sure, unsure = [[0.0, 0.9, 0.1]], [[0.5, 0.4, 0.1]]
    votes = vote([predictions([0], [0], unsure), predictions([0], [1], sure)])
    assert votes.y_pred.tolist() == [1]
    assert votes.confidence == pytest.approx([0.65])
    two_to_one = vote([predictions([0], [0], unsure), predictions([0], [0], unsure), predictions([0], [1], sure)])
    assert two_to_one.y_pred.tolist() == [0]


def test_one_seed_votes_as_it_predicts() -> None:
    made = simulate(50, 0.6, 1)
    assert np.array_equal(vote([made]).y_pred, made.y_pred)
    assert vote([made]).confidence == pytest.approx(made.y_score.max(axis=1))


def test_flips_are_those_and_most_confident_first() -> None:
    right, wrong = vote([simulate(300, 0.8, 1)]), vote([simulate(300, 0.5, 2)])
    rows = flips(right, wrong)
    expected = np.flatnonzero((right.y_pred == right.y_true) & (wrong.y_pred != wrong.y_true))
    assert set(rows) == set(expected)
    sure = (right.confidence + wrong.confidence)[rows]
    assert np.all(np.diff(sure) <= 0)
    without = replace(right, confidence=None)
    assert np.all(np.diff(wrong.confidence[flips(without, wrong)]) <= 0)


def test_confused_pairs_are_the_largest_cells_off_the_diagonal() -> None:
    matrix = np.array([[90, 1, 9], [0, 5, 0], [3, 0, 7]])
    assert confused_pairs(matrix, 2) == [(0, 2, 9, 0.09), (2, 0, 3, 0.3)]
    assert len(confused_pairs(matrix, 9)) == 3


def test_page_data_holds_pairs_both_ways_and_only_texts_that_are_shown(tmp_path: Path) -> None:
    runs = [make_run(tmp_path, method, rate, n=300) for method, rate in (("finetune", 0.8), ("logreg", 0.5))]
    texts = [f"text {row}" for row in range(300)]
    details = take_apart(compare(runs), runs, texts)
    data = page_data(details)
    assert set(data["flips"]) == {"0-1", "1-0"}
    n, made = flips_of(details, 0, 1, 1_000)
    assert data["flips"]["0-1"]["n"] == n == len(made)
    assert len(data["flips"]["0-1"]["rows"]) == MOST_FLIPS
    shown = {row for pair in data["flips"].values() for row, *_ in pair["rows"]}
    assert set(data["texts"]) == shown
    assert all(text == f"text {row}" for row, (_, text) in data["texts"].items())
    json.dumps(data)


def test_many_methods_are_held_against_the_base_only(tmp_path: Path) -> None:
    runs = [make_run(tmp_path, f"m{k}", 0.5, n=60) for k in range(14)]
    details = take_apart(compare(runs), runs)
    assert len(page_data(details)["flips"]) == 2 * 13


def test_without_runs_there_are_no_single_texts(tmp_path: Path) -> None:
    runs = [make_run(tmp_path, method) for method in ("finetune", "logreg")]
    files = write_report(compare(runs), tmp_path / "report", "t")
    assert "Where the methods differ" not in (tmp_path / "report" / "report.md").read_text("utf-8")
    assert files[0].is_file()


def test_markdown_shows_flips_pairs_and_shared_texts(tmp_path: Path) -> None:
    runs = [make_run(tmp_path, method, rate) for method, rate in (("finetune", 0.9), ("logreg", 0.5))]
    texts = [f"text|{row} <b>zyx{row}</b>" for row in range(90)]
    write_report(compare(runs), tmp_path / "report", "t", runs, texts, [SharedText(4, 2, 0), SharedText(5, 3, 2)])
    markdown = (tmp_path / "report" / "report.md").read_text("utf-8")
    assert "**finetune right, logreg wrong:**" in markdown
    assert "**logreg right, finetune wrong:**" in markdown
    assert "**logreg confuses most:**" in markdown
    assert "**Test texts that stand in train as well:** 2 of 90" in markdown
    assert "text\\|4 \\<b\\>zyx4" in markdown
    assert "<b>" not in markdown
    at = markdown.index("zyx4"), markdown.index("zyx5", markdown.index("stand in train"))
    assert at[0] < at[1], "a text with another label in train comes first"


def test_no_text_anywhere_when_texts_must_not_be_shown(tmp_path: Path) -> None:
    runs = [make_run(tmp_path, method, rate) for method, rate in (("finetune", 0.9), ("logreg", 0.5))]
    write_report(compare(runs), tmp_path / "report", "t", runs, None, [SharedText(4, 2, 0)])
    page = (tmp_path / "report" / "report.html").read_text("utf-8")
    data = json.loads(page.split('id="page-data">')[1].split("</script>")[0])
    assert data["texts"]
    assert all(text is None for _, text in data["texts"].values())
    assert "lengths" not in {path.stem for path in (tmp_path / "report" / "figures").iterdir()}


def test_names_are_fit_for_files() -> None:
    assert file_names(["../../etc/x", "日本", "a", "a"]) == ["etc-x", "method", "a", "a-2"]


def test_rows_find_their_runs_on_several_checkpoints(tmp_path: Path) -> None:
    other = {"name": "other", "revision": None, "digest": "z", "tokenizer_digest": "z"}
    runs = [
        make_run(tmp_path / "a", "logreg"),
        make_run(tmp_path / "b", "logreg", 0.9, checkpoint=other),
        make_run(tmp_path / "a", "majority", checkpoint=None),
        make_run(tmp_path / "b", "majority", checkpoint=None),
    ]
    details = take_apart(compare(runs), runs)
    assert {name: len(made) for name, made in zip(details.names, details.runs, strict=True)} == {
        "logreg @ demo": 1, "logreg @ other": 1, "majority": 1,
    }  # fmt: skip
    for row, votes in zip(details.comparison.rows, details.votes, strict=True):
        assert np.trace(row.confusion) == votes.right.sum()


def test_shared_rows_that_the_runs_record_are_shown_without_kept_texts(tmp_path: Path) -> None:
    data = made_data(shared_test_rows=(3, 5))
    runs = [make_run(tmp_path, method, data=data) for method in ("finetune", "logreg")]
    write_report(compare(runs), tmp_path / "report", "t", runs)
    assert "stand in train as well:** 2 of 90" in (tmp_path / "report" / "report.md").read_text("utf-8")

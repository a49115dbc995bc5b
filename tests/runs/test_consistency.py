"""A run is believed only where its record, its predictions and its model fit one another; links lead nowhere."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from made_runs import NAMES, make_run

from featx.errors import RunError
from featx.evaluation import CONFUSION_METRICS
from featx.experiment.records import finished_run
from featx.reporting import compare
from featx.runs import Run, find_runs, read_run, write_run
from featx.settings import ReportSettings


def change_predictions(folder: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    path = folder / "predictions.parquet"
    pq.write_table(change(pq.read_table(path)), path)
    change_record(folder, ("predictions_digest",), None)  # as of an earlier run, which has none


def change_record(folder: Path, where: tuple[str, ...], value: Any) -> None:
    content = json.loads((folder / "run.json").read_text())
    part = content
    for name in where[:-1]:
        part = part[name]
    part[where[-1]] = value
    (folder / "run.json").write_text(json.dumps(content))


def one_label_changed(table: pa.Table) -> pa.Table:
    wrong = table["y_pred"].to_numpy().copy()
    wrong[100] = (wrong[100] + 1) % 3
    return table.set_column(table.column_names.index("y_pred"), "y_pred", pa.array(wrong))


def truth_changed(table: pa.Table) -> pa.Table:
    truth = table["y_true"].to_numpy().copy()
    truth[100] = (truth[100] + 1) % 3
    return table.set_column(table.column_names.index("y_true"), "y_true", pa.array(truth))


def one_column_renamed(table: pa.Table) -> pa.Table:
    return table.rename_columns([name.replace("positive", "good") for name in table.column_names])


def two_columns_exchanged(table: pa.Table) -> pa.Table:
    swap = {"score_negative": "score_positive", "score_positive": "score_negative"}
    return table.rename_columns([swap.get(name, name) for name in table.column_names])


def all_of_one_split(table: pa.Table) -> pa.Table:
    table = table.set_column(0, "split", pa.array(["test"] * len(table)))
    return table.set_column(1, "row", pa.array(range(len(table))))


def scores_as_words(table: pa.Table) -> pa.Table:
    at = table.column_names.index("score_neutral")
    return table.set_column(at, "score_neutral", table["score_neutral"].cast(pa.string()))


def without_scores(table: pa.Table) -> pa.Table:
    return table.select([name for name in table.column_names if not name.startswith("score_")])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda table: table.slice(0, len(table) - 1), "149 predictions, but run.json states 150 texts"),
        (lambda table: table.take(np.random.default_rng(0).permutation(len(table))), "rows of .* are not 0, 1, 2"),
        (lambda table: table.slice(0, 60), "60 predictions, but run.json states 150 texts"),
        (all_of_one_split, "no predictions for validation"),
        (one_label_changed, "the predictions for test give accuracy 0.* run.json states 0"),
        (truth_changed, r"the classes of test have \[.*\] texts, but run.json states \[30, 30, 30\]"),
        (one_column_renamed, "score columns are not those of the label names in run.json"),
        (two_columns_exchanged, "score columns are not those of the label names in run.json"),
        (without_scores, "run.json states log_loss of validation, but the predictions have no scores"),
        (scores_as_words, "score_neutral must hold numbers from 0 to 1, but is of type string"),
        (lambda table: table.drop_columns(["row"]), r"predictions\.parquet is broken \(.*row"),
    ],
)  # fmt: skip
def test_predictions_that_are_not_those_of_the_record(
    tmp_path: Path, change: Callable[[pa.Table], pa.Table], words: str
) -> None:
    folder = make_run(tmp_path).folder
    change_predictions(folder, change)
    with pytest.raises(RunError, match=words) as caught:
        read_run(folder)
    assert "\n" not in str(caught.value)
    assert "run the method again" in str(caught.value)


@pytest.mark.parametrize("metric", ["accuracy", "f1_macro", "mcc", "log_loss", "ece"])
def test_metrics_that_the_predictions_do_not_give(tmp_path: Path, metric: str) -> None:
    folder = make_run(tmp_path).folder
    change_record(folder, ("metrics", "test", metric), 0.123)
    with pytest.raises(RunError, match=rf"the predictions for test give {metric} .*, but run\.json states 0\.123"):
        read_run(folder)


def test_label_names_of_other_predictions(tmp_path: Path) -> None:
    folder = make_run(tmp_path).folder
    change_record(folder, ("label_names",), [*NAMES[:2], "other"])
    with pytest.raises(RunError, match="score columns are not those of the label names"):
        read_run(folder)


def rows_exchanged(table: pa.Table, whole: bool) -> pa.Table:
    """Return the table with the test rows of one true class (or of all) in another order under the old row numbers."""
    test, rows = table["split"].to_numpy(False) == "test", np.arange(len(table))
    moved = np.flatnonzero(test if whole else test & (table["y_true"].to_numpy() == 0))
    rows[moved] = rows[np.roll(moved, 1)]
    kept = ["split", "row"]
    return pa.table({name: table[name] if name in kept else table[name].take(rows) for name in table.column_names})


def test_predictions_of_other_texts_are_found_by_their_digest(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    change_predictions(run.folder, lambda table: rows_exchanged(table, whole=False))
    assert not np.array_equal(read_run(run.folder).predictions["test"].y_pred, run.predictions["test"].y_pred)
    change_record(run.folder, ("predictions_digest",), run.record.predictions_digest)
    with pytest.raises(RunError, match=r"predictions\.parquet is broken \(it was changed since the run was written"):
        read_run(run.folder)


def test_rows_in_another_order_are_not_compared(tmp_path: Path) -> None:
    a, b = make_run(tmp_path), make_run(tmp_path, "ridge")
    change_predictions(b.folder, lambda table: rows_exchanged(table, whole=True))
    with pytest.raises(RunError, match=r"logreg.seed-0 and .*ridge.seed-0 cannot be compared") as caught:
        compare([a, read_run(b.folder)])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", CONFUSION_METRICS[1:])
@pytest.mark.parametrize("split", ["validation", "test"])
def test_a_metric_that_the_record_lacks_is_that_of_the_predictions(tmp_path: Path, split: str, name: str) -> None:
    run = make_run(tmp_path)
    change_record(run.folder, ("metrics", split, name), None)
    assert read_run(run.folder).record.metric(split, name) == run.record.metric(split, name)
    content = json.loads((run.folder / "run.json").read_text())
    del content["metrics"][split][name]
    (run.folder / "run.json").write_text(json.dumps(content))
    read = read_run(run.folder)
    assert read.record == run.record
    assert compare([read], ReportSettings(metric=name)).rows[0].validation == run.record.metric("validation", name)


@pytest.mark.parametrize("name", ["extract_seconds", "fit_seconds", "predict_seconds", "predict_ms_per_text"])
def test_costs_below_0_are_refused(tmp_path: Path, name: str) -> None:
    folder = make_run(tmp_path).folder
    change_record(folder, ("timings", name), -1)
    with pytest.raises(RunError, match=rf"timings\.{name}: Expected `float` >= 0"):
        read_run(folder)


def with_model(folder: Path) -> Run:
    made = make_run(folder, model_format="skops")

    def save(model: Path) -> None:
        (model / "deep").mkdir()
        (model / "deep" / "weights").write_bytes(bytes(1000))
        (model / "config.json").write_text("{}")

    write_run(made.folder, made.record, made.predictions, save)
    return read_run(made.folder)


def test_every_bit_of_a_model_is_known(tmp_path: Path) -> None:
    run = with_model(tmp_path)
    run.check_model()
    path = run.folder / "model" / "deep" / "weights"
    for change in (lambda: path.write_bytes(bytes(999) + b"\x01"), lambda: path.rename(path.with_name("other"))):
        before = path.read_bytes()
        change()
        with pytest.raises(RunError, match=r"is missing or not as it was saved; run the method again with `overwrite`"):
            run.check_model()
        for other in path.parent.iterdir():
            other.unlink()
        path.write_bytes(before)
    run.check_model()


def test_a_model_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    run = with_model(tmp_path / "results")
    (run.folder / "model").rename(tmp_path / "elsewhere")
    (run.folder / "model").symlink_to(tmp_path / "elsewhere")
    assert run.has_lost_its_model
    with pytest.raises(RunError, match="model is a link, and featx follows none out of a run"):
        run.check_model()


def test_a_run_that_lost_its_model_is_not_finished(tmp_path: Path) -> None:
    run = with_model(tmp_path)
    facts = vars(run.record)
    assert finished_run(run.folder, facts, overwrite=False) is not None
    (run.folder / "model" / "deep" / "weights").unlink()
    assert run.has_lost_its_model
    assert finished_run(run.folder, facts, overwrite=False) is None


def test_links_in_results_lead_nowhere(tmp_path: Path) -> None:
    outside = make_run(tmp_path / "outside").folder
    place = tmp_path / "results" / "e" / "logreg" / "seed-0"
    place.parent.mkdir(parents=True)
    place.symlink_to(outside)
    with pytest.raises(RunError, match="holds no runs"):
        find_runs(tmp_path / "results")
    record = read_run(outside).record
    assert finished_run(place, vars(record), overwrite=False) is None
    before = sorted((path, path.read_bytes()) for path in outside.iterdir())
    write_run(place, record, read_run(outside).predictions)
    assert not place.is_symlink()
    assert sorted((path, path.read_bytes()) for path in outside.iterdir()) == before


def test_what_is_no_file_or_too_large_is_not_read(tmp_path: Path) -> None:
    folder = make_run(tmp_path).folder
    with (folder / "run.json").open("r+b") as file:
        file.truncate(65 << 20)
    with pytest.raises(RunError, match="it is larger than 64 MiB"):
        read_run(folder)
    (folder / "run.json").unlink()
    os.mkfifo(folder / "run.json")
    with pytest.raises(RunError, match="not a regular file"):
        read_run(folder)

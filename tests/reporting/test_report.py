"""The report: same numbers in every format, honest words, hostile names harmless."""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from made_runs import made_data, made_selection, make_run, simulate
from sklearn.metrics import f1_score, precision_recall_fscore_support

from featx.errors import RunError, SettingsError
from featx.evaluation import CONFUSION_METRICS, SCORE_METRICS, Caveat, paired_difference
from featx.experiment.report import report
from featx.reporting import FORMATS, answer, compare, render, write_report
from featx.reporting.confusion_display import ConfusionDisplay
from featx.runs import CheckpointFacts
from featx.settings import CaveatCode, ReportSettings


@pytest.fixture
def runs(tmp_path: Path) -> list:
    made = [
        make_run(tmp_path, "logreg", 0.65),
        make_run(tmp_path, "tfidf-logreg", 0.6, features=None),
        make_run(tmp_path, "majority", 0.34, converged=None),
    ]
    made += [make_run(tmp_path, "finetune", 0.8, seed=s, features=None, converged=None) for s in range(3)]
    return made


def test_rows_are_best_first_and_seeds_are_averaged(runs: list) -> None:
    comparison = compare(runs)
    scores = [row.test.value for row in comparison.rows]
    assert scores == sorted(scores, reverse=True)
    row = comparison.row("finetune")
    assert row.seeds == (0, 1, 2)
    each = [run.record.metrics["test"]["f1_macro"] for run in runs if run.record.method == "finetune"]
    assert row.test.value == pytest.approx(np.mean(each))
    assert row.difference is None
    assert row.confusion.sum() == 270


def test_differences_are_the_paired_ones(runs: list) -> None:
    row = compare(runs).row("logreg")
    of = {name: [r.predictions["test"] for r in runs if r.record.method == name] for name in ("logreg", "finetune")}
    expected = paired_difference(of["logreg"], of["finetune"], "f1_macro")
    assert row.difference.value == pytest.approx(expected.difference.value)
    assert [row.difference.low, row.difference.high] == pytest.approx(
        [expected.difference.low, expected.difference.high], abs=0.01
    )
    assert row.paired.mcnemar_p == expected.mcnemar_p
    assert row.verdict == ("worse" if row.p_holm <= 0.05 else "undecided")


def test_identical_numbers_in_all_formats(runs: list) -> None:
    comparison = compare(runs)
    rows = {row["method"]: row for row in csv.DictReader(io.StringIO(render(comparison, "csv")))}
    content = {row["method"]: row for row in json.loads(render(comparison, "json"))["rows"]}
    for text in (render(comparison, "table", 200), render(comparison, "md"), render(comparison, "tex")):
        for method, row in rows.items():
            line = next(line for line in text.splitlines() if re.match(rf"(\| )?{method}\s", line))
            assert f"{float(row['test_f1_macro']):.3f}" in line
            assert f"{float(row['test_low']):.3f}" in line
            assert float(row["test_f1_macro"]) == content[method]["test_f1_macro"]
            if row["difference"]:
                assert f"{float(row['difference']):+.3f}" in line
                assert float(row["difference_high"]) == content[method]["difference_high"]


@pytest.mark.parametrize("width", [40, 60, 80, 100, 200])
def test_terminal_table_drops_columns_and_breaks_no_numbers(runs: list, width: int) -> None:
    comparison = compare(runs)
    lines = render(comparison, "table", width).splitlines()
    assert len(lines) == 2 + len(comparison.rows)
    if width >= 40:
        assert max(map(len, lines)) <= width
    for row, line in zip(comparison.rows, lines[2:], strict=True):
        assert line.startswith(row.method)
        assert f"{row.test.value:.3f}" in line


def test_runs_on_other_test_texts_are_refused(tmp_path: Path) -> None:
    a, b = make_run(tmp_path, "a"), make_run(tmp_path, "b", digest="e" * 64)
    with pytest.raises(
        RunError, match=r"a/seed-0 and .*b/seed-0 have different test texts, so they cannot be compared"
    ):
        compare([a, b])


def test_the_same_method_and_seed_twice_is_refused(tmp_path: Path) -> None:
    a, b = make_run(tmp_path / "x"), make_run(tmp_path / "y")
    with pytest.raises(RunError, match=r"are both logreg with seed 0"):
        compare([a, b])


OTHER = CheckpointFacts("other", None, "z", "z")


def test_seeds_of_one_method_must_be_of_one_kind(tmp_path: Path) -> None:
    a = make_run(tmp_path, "finetune", seed=0)
    b = make_run(tmp_path, "finetune", seed=1, checkpoint=replace(OTHER, name="demo"))
    with pytest.raises(
        RunError, match=r"are both finetune, but with other checkpoint; they are no seeds of one method"
    ):
        compare([a, b])


def test_one_method_on_several_checkpoints_has_a_row_for_each(tmp_path: Path) -> None:
    """Methods that use no checkpoint are in both experiments and have one row."""
    made = []
    for checkpoint, rate in ((None, 0.8), (OTHER, 0.9)):
        change = {} if checkpoint is None else {"checkpoint": checkpoint}
        folder = tmp_path / ("a" if checkpoint is None else "b")
        made += [make_run(folder, "finetune", rate, n=300, **change), make_run(folder, "logreg", 0.6, n=300, **change)]
        made.append(make_run(folder, "tfidf-logreg", 0.5, n=300, checkpoint=None))
    comparison = compare(made)
    assert [row.method for row in comparison.rows if row.method.startswith("finetune")] == [
        "finetune @ other",
        "finetune @ demo",
    ]
    assert sum(row.method == "tfidf-logreg" for row in comparison.rows) == 1
    assert comparison.reference == "finetune @ other"
    assert answer(comparison)[0].startswith("Yes")


def test_failed_methods_stay_with_their_reason(tmp_path: Path) -> None:
    good = make_run(tmp_path, "finetune")
    bad = make_run(tmp_path, "rbf-svm", failure="out of time (60 s)")
    assert bad.predictions == {}
    comparison = compare([good, bad])
    assert [(f.method, f.reason) for f in comparison.failed] == [("rbf-svm", "out of time (60 s)")]
    assert Caveat(CaveatCode.FAILED, "failed: out of time (60 s)", "rbf-svm") in comparison.caveats
    assert "rbf-svm: failed: out of time (60 s) [failed]" in comparison.notes
    for kind in FORMATS:
        assert "rbf-svm" in render(comparison, kind)
    with pytest.raises(RunError, match=r"every method failed, the first, rbf-svm: out of time"):
        compare([bad])


def test_controls_are_marked_and_count_for_nothing(tmp_path: Path) -> None:
    runs = [make_run(tmp_path, "finetune", 0.75, n=300), make_run(tmp_path, "logreg", 0.7, n=300)]
    control = make_run(tmp_path, "logreg+shuffled-labels", 0.99, n=300, control="shuffled labels")
    together = compare([*runs, control])
    row = together.row("logreg+shuffled-labels")
    assert (row.verdict, row.p_holm, row.equals_best, row.pareto) == ("", None, False, False)
    logreg = together.row("logreg")
    assert logreg.p_holm == logreg.paired.p_value  # a family of one
    assert together.row("finetune").equals_best
    assert "(logreg+shuffled-labels)" in render(together, "table", 200)
    assert "shuffled" not in answer(together)[0]


def test_p_values_are_adjusted_for_the_number_of_methods(tmp_path: Path) -> None:
    runs = [make_run(tmp_path, "finetune", 0.75, n=300)]
    runs += [make_run(tmp_path, f"m{k}", 0.68 + k / 200, n=300) for k in range(6)]
    comparison = compare(runs)
    pairs = [(row.paired.p_value, row.p_holm) for row in comparison.rows if row.paired]
    assert all(adjusted >= p for p, adjusted in pairs)
    smallest = min(pairs)
    assert smallest[1] == pytest.approx(min(1, 6 * smallest[0]))


def test_every_pair_is_compared(tmp_path: Path) -> None:
    rates = {"finetune": 0.9, "a": 0.7, "b": 0.6, "c": 0.5}
    comparison = compare([make_run(tmp_path, method, rate, n=300) for method, rate in rates.items()])
    order = [row.method for row in comparison.rows]
    assert [(pair.a, pair.b) for pair in comparison.pairs] == list(itertools.combinations(order, 2))
    for pair in comparison.pairs:
        a, b = comparison.row(pair.a), comparison.row(pair.b)
        assert pair.paired.difference.value == pytest.approx(a.test.value - b.test.value)
        assert pair.p_holm >= pair.paired.p_value
    against = {pair.b: pair.paired for pair in comparison.pairs if pair.a == "finetune"}
    assert against["a"].difference.low == pytest.approx(-comparison.row("a").difference.high, abs=1e-9)
    assert len(json.loads(render(comparison, "json"))["pairs"]) == 6


def test_best_and_its_equals_are_marked(tmp_path: Path) -> None:
    rates = {"finetune": 0.9, "close": 0.89, "far": 0.5}
    comparison = compare([make_run(tmp_path, method, rate, n=300) for method, rate in rates.items()])
    assert {row.method: row.equals_best for row in comparison.rows} == {"finetune": True, "close": True, "far": False}


def test_the_pareto_front_holds_what_nothing_beats_in_score_and_cost(tmp_path: Path) -> None:
    from featx.runs import Timings

    costs = {"finetune": (0.95, 100.0), "logreg": (0.8, 5.0), "slow": (0.6, 50.0), "majority": (0.33, 0.1)}
    runs = [
        make_run(tmp_path, method, rate, n=300, timings=Timings(0.0, cost, 0.1, 1.0))
        for method, (rate, cost) in costs.items()
    ]
    assert {row.method for row in compare(runs).rows if row.pareto} == {"finetune", "logreg", "majority"}


def test_metrics_without_shared_texts_stand_beside(tmp_path: Path) -> None:
    plain = make_run(tmp_path / "x", "finetune")
    shared = tuple(range(45))
    run = make_run(tmp_path, "finetune", data=replace(plain.record.data, shared_test_rows=shared))
    row = compare([run]).rows[0]
    test = run.predictions["test"]
    assert row.without_shared == pytest.approx(f1_score(test.y_true[45:], test.y_pred[45:], average="macro"))
    assert f"{row.without_shared:.3f}" in render(compare([run]), "md")
    assert compare([plain]).rows[0].without_shared is None


def test_every_metric_has_an_interval(tmp_path: Path) -> None:
    scored, bare = make_run(tmp_path, "finetune"), make_run(tmp_path, "ridge", scores=False)
    comparison = compare([scored, bare])
    assert set(comparison.row("finetune").intervals) == {*CONFUSION_METRICS, *SCORE_METRICS}
    assert set(comparison.row("ridge").intervals) == set(CONFUSION_METRICS)
    for run in (scored, bare):
        for metric, interval in comparison.row(run.record.method).intervals.items():
            assert interval.value == pytest.approx(run.record.metrics["test"][metric], rel=1e-5)
            assert interval.low <= interval.high


def test_every_class_has_intervals_of_its_own(tmp_path: Path) -> None:
    run = make_run(tmp_path, "finetune", n=300)
    row = compare([run, make_run(tmp_path, "logreg", n=300)]).row("finetune")
    test, rng = run.predictions["test"], np.random.default_rng(0)
    drawn = {metric: [] for metric in ("precision", "recall", "f1")}
    for _ in range(600):
        rows = rng.integers(300, size=300)
        scores = precision_recall_fscore_support(test.y_true[rows], test.y_pred[rows], labels=[0, 1, 2])
        for metric, values in zip(drawn, scores, strict=False):
            drawn[metric].append(values)
    for k, label in enumerate(test.label_names):
        for metric, interval in row.class_intervals[label].items():
            assert interval.value == pytest.approx(run.record.metrics["test"]["per_class"][label][metric])
            bounds = np.quantile([values[k] for values in drawn[metric]], [0.025, 0.975])
            assert [interval.low, interval.high] == pytest.approx(bounds, abs=0.03)
    content = json.loads(render(compare([run]), "json"))["rows"][0]["per_class_intervals"]
    assert list(content) == list(test.label_names)


def test_seeds_widen_the_interval_and_are_all_kept(tmp_path: Path) -> None:
    rates = (0.6, 0.9, 0.75)
    runs = [make_run(tmp_path, "finetune", rate, seed=seed, n=300) for seed, rate in enumerate(rates)]
    row = compare(runs).rows[0]
    alone = compare(runs[:1]).rows[0]
    assert row.test.high - row.test.low > 1.5 * (alone.test.high - alone.test.low)
    assert row.score_std == pytest.approx(np.std(row.scores, ddof=1))
    content = json.loads(render(compare(runs), "json"))["rows"][0]
    assert list(content["scores_by_seed"]) == ["0", "1", "2"]


def test_the_answer_says_when_fine_tuning_is_not_needed(tmp_path: Path) -> None:
    runs = [make_run(tmp_path, "finetune", 0.9, n=3000), make_run(tmp_path, "logreg", 0.9, n=3000)]
    comparison = compare(runs, ReportSettings(margin=0.05))
    assert comparison.row("logreg").verdict == "equivalent"
    assert answer(comparison)[0].startswith("No, fine-tuning is not needed here")
    assert "equivalent ±0.05" in render(comparison, "md")


def test_the_answer_names_under_trained_fine_tuning(tmp_path: Path) -> None:
    caveat = Caveat(CaveatCode.UNDER_TRAINED, "under-trained, raise `num_train_epochs`")
    made = make_run(tmp_path, "finetune", 0.6, under_trained=True, caveats=(caveat,))
    runs = [made, make_run(tmp_path, "logreg", 0.6)]
    comparison = compare(runs)
    assert answer(comparison)[0] == "Undecided, but fine-tuning was under-trained."
    assert (
        "more epochs or another learning rate may raise fine-tuning, which was under-trained" in answer(comparison)[4]
    )
    assert "under-trained" in render(comparison, "md")
    assert replace(caveat, method="finetune") in comparison.caveats


def test_a_note_says_why_fine_tuning_is_under_trained(tmp_path: Path) -> None:
    caveats = (Caveat(CaveatCode.LEARNED_NOTHING, "under-trained, learned nothing: x"),)
    runs = [
        make_run(tmp_path, "finetune", 0.6),
        make_run(tmp_path, "finetune", 0.6, seed=1, under_trained=True, caveats=caveats),
        make_run(tmp_path, "logreg", 0.6),
    ]
    assert "finetune: seed 1 of 2: under-trained, learned nothing: x [learned-nothing]" in compare(runs).notes


def test_methods_on_other_checkpoints_are_compared_with_a_note(tmp_path: Path) -> None:
    other = OTHER
    comparison = compare([make_run(tmp_path, "finetune"), make_run(tmp_path, "logreg", checkpoint=other)])
    (caveat,) = (caveat for caveat in comparison.caveats if caveat.code is CaveatCode.MIXED_CHECKPOINT)
    assert caveat.text.startswith("methods differ in their checkpoint: demo, other")


def test_no_runs_and_unknown_names(runs: list) -> None:
    with pytest.raises(RunError, match="no runs to compare"):
        compare([])
    with pytest.raises(SettingsError, match=r"`metric` is 'f1'; expected one of: accuracy, f1_macro"):
        compare(runs, ReportSettings(metric="f1"))
    with pytest.raises(SettingsError, match=r"`format` is 'xls'; expected one of: table, md"):
        render(compare(runs), "xls")


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    stuck = Caveat(CaveatCode.NOT_CONVERGED, "the optimiser stopped at its limit")
    lonely = compare([make_run(tmp_path, converged=False, caveats=(stuck,))])
    assert [caveat.code for caveat in lonely.caveats] == [CaveatCode.NO_REFERENCE, CaveatCode.NOT_CONVERGED]
    assert "no run of the reference method 'finetune'" in lonely.notes[0]
    assert lonely.notes[1] == "logreg: the optimiser stopped at its limit [not-converged]"
    assert lonely.rows[0].difference is None
    single = compare([make_run(tmp_path, "finetune")])
    assert [caveat.code for caveat in single.caveats] == [CaveatCode.ONE_SEED]


def test_answer_is_never_more_certain_than_the_interval(tmp_path: Path) -> None:
    weak = compare([make_run(tmp_path / "1", "finetune", 0.72, n=60), make_run(tmp_path / "1", "logreg", 0.7, n=60)])
    assert not weak.row("logreg").difference.excludes_zero
    assert answer(weak)[0].startswith("Undecided")
    clear = compare([make_run(tmp_path / "2", "finetune", 0.95, n=900), make_run(tmp_path / "2", "logreg", 0.6, n=900)])
    assert answer(clear)[0].startswith("Yes, fine-tuning with this one seed is better here")
    other = compare([make_run(tmp_path / "3", "finetune", 0.5, n=900), make_run(tmp_path / "3", "logreg", 0.9, n=900)])
    assert answer(other)[0].startswith("No, the classical method is better here")
    alone = compare([make_run(tmp_path / "4", "logreg")])
    assert "cannot be said yet" in answer(alone)[0]


def test_the_rival_is_chosen_on_validation_not_on_test(tmp_path: Path) -> None:
    rates = {"finetune": 0.9, "logreg": 0.5, "tfidf-logreg": 0.8}
    runs = {method: make_run(tmp_path, method, rate) for method, rate in rates.items()}
    record = runs["logreg"].record
    validation = record.metrics["validation"] | {"f1_macro": 0.99}
    lucky = replace(record, metrics=record.metrics | {"validation": validation})
    comparison = compare([runs["finetune"], replace(runs["logreg"], record=lucky), runs["tfidf-logreg"]])
    assert comparison.row("logreg").test.value < comparison.row("tfidf-logreg").test.value
    assert (
        f", logreg {comparison.row('logreg').test.value:.3f} (f1_macro on test; each is the best"
        in answer(comparison)[1]
    )
    assert "tfidf-logreg" not in " ".join(answer(comparison)[:4])


HOSTILE = ("<script>alert(1)</script>", "=1+1\"'|`$x^2$", "日本語 عربى 👍")


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.found.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_hostile_names_do_nothing(tmp_path: Path) -> None:
    data = made_data(address=HOSTILE[0], notes=(HOSTILE[0] + HOSTILE[1],))
    selection = made_selection(summary=HOSTILE[1])
    runs = [make_run(tmp_path, m, names=HOSTILE, data=data, selection=selection) for m in ("finetune", "logreg")]
    comparison = compare(runs)
    files = write_report(comparison, tmp_path / "report", HOSTILE[0])
    page = files[0].read_text("utf-8")
    parser = Tags()
    parser.feed(page)
    assert parser.found.count("script") == 2
    assert "alert(1)</script>" not in page
    assert HOSTILE[2] in parser.text
    markdown = (tmp_path / "report" / "report.md").read_text("utf-8")
    assert "<script>" not in markdown
    for row in csv.reader(io.StringIO(render(comparison, "csv"))):
        assert not any(cell.startswith(("=", "+", "@")) for cell in row)
    assert "$x^2$" not in render(comparison, "tex")


def test_report_folder_holds_everything(runs: list, tmp_path: Path) -> None:
    files = write_report(compare(runs), tmp_path / "report", "title")
    names = {str(path.relative_to(tmp_path / "report")) for path in files}
    assert {"report.html", "report.md", "table.csv", "table.tex", "table.json"} <= names
    for method in ("logreg", "tfidf-logreg", "majority", "finetune"):
        assert {f"figures/confusion-{method}.png", f"figures/confusion-{method}.svg"} <= names
    assert (tmp_path / "report/figures/scores.png").read_bytes().startswith(b"\x89PNG")
    page = files[0].read_text("utf-8")
    assert "default-src 'none'" in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert files[0].stat().st_size < 5_000_000


def test_same_runs_same_report(runs: list, tmp_path: Path) -> None:
    first, again = (write_report(compare(runs), tmp_path / name, "t") for name in ("a", "b"))
    for a, b in zip(first, again, strict=True):
        assert a.read_bytes() == b.read_bytes(), a.name


def test_unwritable_report(runs: list, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(RunError, match=r"the report cannot be written to"):
        write_report(compare(runs), tmp_path / "file", "t")


def test_a_report_is_written_through_no_link(runs: list, tmp_path: Path) -> None:
    outside, results = tmp_path / "outside", runs[0].folder.parents[1]
    outside.mkdir()
    (outside / "mine").write_text("mine")
    (results / "report").symlink_to(outside)
    with pytest.raises(RunError, match=r"report is a link, and featx writes through none"):
        report([results])
    (results / "report").unlink()
    (results / "report" / "figures").mkdir(parents=True)
    (results / "report" / "report.md").symlink_to(outside / "mine")
    (results / "report" / "figures" / "scores.svg").symlink_to(outside / "mine")
    report([results])
    assert [path.read_text() for path in outside.iterdir()] == ["mine"]


def test_confusion_display_draws_what_it_holds() -> None:
    from matplotlib.figure import Figure

    display = ConfusionDisplay(np.array([[8, 2], [0, 0]]), ("a", "b$"), "title")
    assert display.normalised.tolist() == [[0.8, 0.2], [0, 0]]
    ax = Figure().subplots()
    assert display.plot(ax=ax) is display
    assert [text.get_text() for text in ax.texts] == ["8", "2", "0", "0"]
    assert display.plot() is display
    assert len(display.figure().axes) == 2


def test_many_runs_are_quick_enough_to_try(tmp_path: Path) -> None:
    runs = [make_run(tmp_path, f"m{i}", 0.6 + i / 100, n=900) for i in range(8)]
    comparison = compare(runs, ReportSettings(reference="m0"))
    assert sum(row.difference is not None for row in comparison.rows) == 7


def test_every_format_is_listed() -> None:
    assert FORMATS == ("table", "md", "csv", "tex", "json")
    assert simulate(9, 1.0, 0).y_pred.tolist() == [0, 1, 2] * 3

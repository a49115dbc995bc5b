"""What limits a statement is an object with a code: shown in every format, silenced by its code, decided by, never read."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from made_runs import made_data, make_run

from featx.errors import SettingsError
from featx.evaluation import Caveat, Family
from featx.reporting import answer, compare, render, write_report
from featx.reporting.details import take_apart
from featx.reporting.differing import page_data
from featx.runs import CheckpointFacts, SplitFacts
from featx.settings import CaveatCode, ReportSettings


@pytest.fixture
def runs(tmp_path: Path) -> list:
    """An experiment to which every caveat of a comparison applies."""
    rows = tuple(range(90))
    data = made_data(notes=("2 duplicate texts",), shared_test_rows=rows)
    splits = data.splits | {
        "train": SplitFacts(300, "c" * 64, (100,) * 3),
        "validation": SplitFacts(60, "e" * 64, (20,) * 3),
    }
    other = made_data(notes=("2 duplicate texts",), shared_test_rows=rows, splits=splits)
    nothing = Caveat(CaveatCode.LEARNED_NOTHING, "under-trained, learned nothing")
    stuck = Caveat(CaveatCode.NOT_CONVERGED, "the optimiser stopped at its limit")
    return [
        make_run(tmp_path, "finetune", 0.6, data=data, under_trained=True, caveats=(nothing,), environment={"device": "cpu"}),
        make_run(tmp_path, "logreg", 0.6, data=other, converged=False, caveats=(stuck,), environment={"device": "cuda"},
                 checkpoint=CheckpointFacts("other", None, "z", "z")),
        make_run(tmp_path, "lda", data=data, failure="singular matrix"),
    ]  # fmt: skip


EXPECTED = {
    CaveatCode.DATA, CaveatCode.SHARED_TEST_TEXTS, CaveatCode.FAILED, CaveatCode.ONE_SEED, CaveatCode.MIXED_TRAIN,
    CaveatCode.MIXED_VALIDATION, CaveatCode.MIXED_CHECKPOINT, CaveatCode.MIXED_DEVICE, CaveatCode.NOT_CONVERGED,
    CaveatCode.LEARNED_NOTHING,
}  # fmt: skip


def test_a_caveat_names_the_seeds_that_it_is_about(tmp_path: Path) -> None:
    stuck = Caveat(CaveatCode.UNDER_TRAINED, "under-trained, still improving")
    made = [make_run(tmp_path, "finetune", seed=seed, caveats=(stuck,) if seed != 1 else ()) for seed in range(3)]
    said = [caveat.text for caveat in compare(made).caveats if caveat.code is CaveatCode.UNDER_TRAINED]
    assert said == ["seeds 0, 2 of 3: under-trained, still improving"]
    said = [caveat.text for caveat in compare(made[::2]).caveats if caveat.code is CaveatCode.UNDER_TRAINED]
    assert said == ["under-trained, still improving"]


def test_every_caveat_is_shown_in_every_format(runs: list, tmp_path: Path) -> None:
    comparison = compare(runs)
    assert {caveat.code for caveat in comparison.caveats} == EXPECTED
    write_report(comparison, tmp_path / "report", "t")
    page, markdown = ((tmp_path / "report" / f"report.{kind}").read_text() for kind in ("html", "md"))
    listed = json.loads(render(comparison, "json"))["caveats"]
    for caveat in comparison.caveats:
        assert {"code": caveat.code, "text": caveat.text, "method": caveat.method} in listed
        assert f"[{caveat.code}]" in page
        assert f"\\[{caveat.code}\\]" in markdown
        assert any(line.endswith(f"{caveat.text} [{caveat.code}]") for line in comparison.notes)


def test_a_caveat_is_silenced_by_its_code_and_that_is_said(runs: list) -> None:
    everything = compare(runs)
    for code in sorted(EXPECTED):
        comparison = compare(runs, ReportSettings(silence=(code,)))
        assert [*comparison.caveats] == [caveat for caveat in everything.caveats if caveat.code is not code]
        assert comparison.silenced == (code,)
        assert comparison.notes[-1] == f"left out on demand: {code}"
        assert json.loads(render(comparison, "json"))["silenced"] == [code]
    assert compare(runs, ReportSettings(silence=(CaveatCode.RARE_CLASS,))).silenced == ()
    with pytest.raises(SettingsError, match=r"`silence` is .*; expected one or more of: data, "):
        ReportSettings(silence=("two-seeds",))


def test_the_answer_says_its_reservations_by_code(runs: list) -> None:
    reserved = "the methods were trained on different texts and every test text stands in train as well"
    rest = [run for run in runs if run.record.method != "finetune"]
    fine = replace(runs[0], record=replace(runs[0].record, under_trained=None, caveats=()))
    assert reserved in " ".join(answer(compare([fine, *rest])))
    codes = (CaveatCode.MIXED_TRAIN, CaveatCode.SHARED_TEST_TEXTS)
    said = " ".join(answer(compare([fine, *rest], ReportSettings(silence=codes))))
    assert "different texts" not in said
    assert "stands in train" not in said


def test_families_are_recorded_and_not_told_from_names(tmp_path: Path) -> None:
    runs = [
        make_run(tmp_path, "finetune", 0.6, n=300),
        make_run(tmp_path, "finetune-free", 0.9, n=300, family=Family.STATIC),
    ]
    comparison = compare(runs)
    assert [row.family for row in comparison.rows] == [Family.STATIC, Family.FINE_TUNED]
    assert "finetune-free" in " ".join(answer(comparison))
    assert [caveat.method for caveat in comparison.caveats if caveat.code is CaveatCode.ONE_SEED] == ["finetune"]


def test_a_metric_that_some_records_lack_is_absent_and_no_error(tmp_path: Path) -> None:
    with_scores, without = make_run(tmp_path, "finetune"), make_run(tmp_path, "ridge", scores=False)
    comparison = compare([with_scores, without])
    assert "roc_auc" in comparison.row("finetune").metrics
    assert not {"roc_auc", "log_loss", "ece"} & set(comparison.row("ridge").metrics)
    rows = {row["method"]: row for row in json.loads(render(comparison, "json"))["rows"]}
    assert rows["finetune"]["test_roc_auc"] == pytest.approx(comparison.row("finetune").metrics["roc_auc"], abs=1e-6)
    assert rows["ridge"]["test_roc_auc"] is None


HOSTILE = "a|b\n<b>`c`</b> [d](http://x) \x1b[2J\u202eEVIL\u2028_x_ *y* $z$ #1 &amp; ~w~"


def test_hostile_settings_stay_text_in_the_markdown_table_and_visible_elsewhere(tmp_path: Path) -> None:
    from made_runs import made_selection

    runs = [make_run(tmp_path, "finetune", selection=made_selection(summary=HOSTILE))]
    comparison = compare(runs)
    lines = render(comparison, "md").splitlines()
    assert len(lines) == 3
    assert lines[2].replace("\\|", "").count("|") == lines[0].count("|")
    for markup in ("<b>", "`c`", "[d](", "_x_", "*y*", " &amp;", "~w~", " #1"):
        assert markup not in lines[2], markup
    for kind in ("table", "md", "csv", "tex"):
        text = render(comparison, kind, 1_000)
        assert not {"\x1b", "\u202e", "\u2028"} & set(text), kind
        assert "u202eEVIL" in text, kind


def test_names_of_rows_and_labels_that_are_cut_alike_are_told_apart_and_visible_on_the_page(tmp_path: Path) -> None:
    names = tuple("a label of more than eighty characters " * 3 + end for end in ("one", "two", "three"))
    places = ["/a/very/long/folder" * 8 + end for end in ("/one", "/two", "/\u202ethree")]
    runs = [
        make_run(
            tmp_path / str(at), "finetune", 0.6, names=names, checkpoint=CheckpointFacts(place, None, str(at), "t")
        )
        for at, place in enumerate(places)
    ]
    comparison = compare(runs)
    file = write_report(comparison, tmp_path / "report", "t", runs)[0]
    for path in (file, file.with_name("report.md"), file.with_name("table.tex"), file.with_name("table.csv")):
        assert "\u202e" not in path.read_text(), path.name
    shown = page_data(take_apart(comparison, runs))
    assert len(set(shown["labels"])) == len({method["name"] for method in shown["methods"]}) == 3
    assert all(len(name) <= 90 for name in shown["labels"])

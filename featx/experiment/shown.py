"""Results that show themselves, as text and, in notebooks, as tables with every cell escaped."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar, overload

from featx.errors import RunError
from featx.markup import html_table
from featx.runs import Run, find_runs, read_run

if TYPE_CHECKING:
    from featx.prediction import Prediction  # noqa: F401  (in quotes below)
    from featx.reporting import Comparison


Item = TypeVar("Item")


class _Results(Sequence[Item]):
    """Results in a fixed order; a slice of them is of the same kind."""

    def __init__(self, items: Iterable[Item]) -> None:
        self._items = tuple(items)

    def __len__(self) -> int:
        return len(self._items)

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> Self: ...
    def __getitem__(self, index: int | slice) -> Item | Self:
        return type(self)(self._items[index]) if isinstance(index, slice) else self._items[index]


class Runs(_Results[Run]):
    """Finished runs, in the order in which they were made."""

    @property
    def folder(self) -> Path:
        """The experiment that the first run belongs to: what `report` takes."""
        return self[0].experiment

    def __repr__(self) -> str:
        width = max((len(run.record.method) for run in self), default=0)
        lines = [
            f"{run.record.method:{width}}  seed {run.record.seed}  {metric} {' '.join(scores)}".rstrip()
            for run in self
            for metric, *scores in [_scores(run)]
        ]
        return "\n".join([f"{len(self)} runs", *lines])

    def _repr_html_(self) -> str:
        rows = [
            [run.record.method, run.record.seed, *_scores(run)[1:], run.record.selection.summary, run.folder]
            for run in self
        ]
        metric = _scores(self[0])[0] if len(self) else ""
        return html_table(["method", "seed", f"validation {metric}", f"test {metric}", "settings", "folder"], rows)


def _scores(run: Run) -> list[str]:
    """Return the metric, and its value on validation and test; why it failed where it did."""
    if run.record.failure is not None:
        return ["", f"failed: {run.record.failure}", ""]
    metric = run.record.selection.metric
    return [metric, *(_number(run.record.metric(split, metric)) for split in ("validation", "test"))]


#: What stands for runs: a folder (experiment, method or run), a run, or what a method returned.
Results = str | Path | Run | Runs


def is_result(thing: object) -> bool:
    """Return whether `thing` is a run, or several."""
    return isinstance(thing, Run | Runs)


def runs_of(results: Sequence[Results]) -> list[Run]:
    """Return the runs that `results` stand for.

    Raises
    ------
    RunError
        If there are none.
    """
    runs: list[Run] = []
    for result in results:
        if isinstance(result, Run):
            runs.append(result)
        elif isinstance(result, Runs):
            runs += result
        else:
            runs += [read_run(path) for path in find_runs(Path(result))]
    if not runs:
        raise RunError("no runs given; give a results folder such as results/demo, or what baseline returned")
    return runs


def folder_of(run: Results) -> Path:
    """Return the folder of the one run that `run` stands for.

    Raises
    ------
    RunError
        If it stands for several.
    """
    if isinstance(run, Runs):
        if len(run) != 1:
            raise RunError(f"predict takes one run, but these are {len(run)}; choose one, such as runs[0]")
        run = run[0]
    return run.folder if isinstance(run, Run) else Path(run)


class Predicted(_Results["Prediction"]):
    """Labels of texts, in their order."""

    @property
    def labels(self) -> list[str]:
        """Label of each text."""
        return [prediction.label for prediction in self]

    def __repr__(self) -> str:
        return "\n".join(f"{p.label}\t{_shown_scores(p.scores)}\t{' '.join(p.text.split())}" for p in self)

    def _repr_html_(self) -> str:
        names = list((self[0].scores or {}) if len(self) else {})
        rows = [[p.text, p.label, *(f"{(p.scores or {})[name]:.3f}" for name in names)] for p in self]
        return html_table(["text", "label", *names], rows)


def _shown_scores(scores: dict[str, float] | None) -> str:
    return " ".join(f"{name}={score:.3f}" for name, score in (scores or {}).items())


@dataclass(frozen=True, repr=False)
class Compared:
    """A comparison of runs.

    Attributes
    ----------
    comparison : Comparison
    files : tuple of Path
        What was written, the HTML page first; empty for a comparison that was not.
    """

    comparison: Comparison
    files: tuple[Path, ...] = ()

    @property
    def answer(self) -> list[str]:
        """The answer in sentences, never more certain than the intervals allow."""
        return list(self._content()["answer"])

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Methods, best first, as plain values: what ``pandas.DataFrame`` takes."""
        return list(self._content()["rows"])

    def render(self, format_name: str = "table", width: int = 100) -> str:
        """Return the table as ``table``, ``md``, ``csv``, ``tex`` or ``json``."""
        from featx.reporting import render

        return render(self.comparison, format_name, width)

    def _content(self) -> dict[str, Any]:
        return dict(json.loads(self.render("json")))

    def __repr__(self) -> str:
        return "\n".join([*self.answer, "", self.render()])

    def _repr_html_(self) -> str:
        content = self._content()
        metric = content["metric"]
        rows = [
            [
                row["method"],
                row.get("settings", ""),
                _number(row.get(f"validation_{metric}")),
                _number(row.get(f"test_{metric}")),
                f"{_number(row.get('test_low'))} to {_number(row.get('test_high'))}",
                _number(row.get("difference"), "+.3f"),
                row.get("verdict", ""),
            ]
            for row in content["rows"]
        ]
        header = [
            "method",
            "settings",
            f"validation {metric}",
            f"test {metric}",
            f"{content['confidence']:.0%} interval",
            f"vs {content['reference']}" if content["reference"] else "difference",
            "verdict",
        ]
        return html_table(header, rows, content["answer"])


def _number(value: float | None, form: str = ".3f") -> str:
    return "" if value is None else format(value, form)

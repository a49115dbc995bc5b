"""The comparison table as text: terminal, Markdown, CSV, LaTeX, JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from featx.errors import SettingsError
from featx.evaluation import METRICS, Interval
from featx.markup import text_table, visible
from featx.reporting.answer import answer
from featx.reporting.cells import Column, columns
from featx.reporting.comparison import Comparison
from featx.reporting.escaping import clipped, csv_cell, latex_text, markdown_text
from featx.reporting.headline import Headline
from featx.reporting.judging import Pair
from featx.reporting.rows import Row


def render(comparison: Comparison, format_name: str, width: int = 80) -> str:
    """Return the table in one of `FORMATS`.

    Parameters
    ----------
    comparison : Comparison
    format_name : str
    width : int
        Characters a line of the terminal; other formats do not use it.

    Raises
    ------
    SettingsError
        If the format is unknown.
    """
    if format_name == "table":
        return terminal_table(comparison, width)
    if format_name not in FORMATS:
        raise SettingsError(f"`format` is {format_name!r}; expected one of: {', '.join(FORMATS)}")
    return _WRITERS[format_name](comparison)


def fitting_columns(comparison: Comparison, width: int) -> list[Column]:
    """Return the columns that fit into `width` characters; the least important ones are dropped, none is broken."""
    kept = columns(comparison)
    while True:
        total = sum(_width(column, comparison) + 2 for column in kept) - 2
        droppable = [column for column in kept if column.rank > 0]
        if total <= width or not droppable:
            return kept
        worst = max(droppable, key=lambda column: column.rank)
        kept = [column for column in kept if column is not worst]


def _width(column: Column, comparison: Comparison) -> int:
    from rich.cells import cell_len

    return max(
        cell_len(text)
        for text in (column.short or column.title, *(visible(column.cell(row)) for row in comparison.rows))
    )


def terminal_table(comparison: Comparison, width: int) -> str:
    """Return aligned text, at most `width` characters a line wherever the never-dropped columns fit."""
    kept = fitting_columns(comparison, width)
    made = text_table(
        [column.short or column.title for column in kept],
        [[column.cell(row) for column in kept] for row in comparison.rows],
        {at for at, column in enumerate(kept) if column.numeric},
    )
    failed = [clipped(f"{made.method}: failed: {made.reason}", max(2, width)) for made in comparison.failed]
    return "\n".join([made, *failed])


def _markdown(comparison: Comparison) -> str:
    shown = columns(comparison)

    def line(cells: list[str]) -> str:
        return "| " + " | ".join(markdown_text(cell) for cell in cells) + " |"

    rule = "|" + "|".join("---:" if column.numeric else ":---" for column in shown) + "|"
    body = [line([column.cell(row) for column in shown]) for row in comparison.rows]
    body += [line([f.method, f"failed: {f.reason}", *[""] * (len(shown) - 2)]) for f in comparison.failed]
    return "\n".join([line([column.title for column in shown]), rule, *body])


def flat(row: Row, comparison: Comparison) -> dict[str, Any]:
    """Return a row as names and plain values, for CSV and JSON; numbers rounded to six decimals."""
    d, paired = row.difference, row.paired
    return {
        "method": row.method,
        "control": row.control,
        "features": row.features,
        "settings": row.settings,
        "seeds": len(row.seeds),
        "trials": row.trials,
        "n_train": row.n_train,
        f"validation_{comparison.metric}": round(row.validation, 6),
        f"test_{comparison.metric}": round(row.test.value, 6),
        "test_low": round(row.test.low, 6),
        "test_high": round(row.test.high, 6),
        "test_sd_over_seeds": _rounded(row.score_std),
        "test_without_shared": _rounded(row.without_shared),
        "equals_best": row.equals_best,
        **{f"test_{name}": _rounded(row.metrics.get(name)) for name, metric in METRICS.items() if metric.rank},
        "reference": comparison.reference,
        "difference": _rounded(d.value if d else None),
        "difference_low": _rounded(d.low if d else None),
        "difference_high": _rounded(d.high if d else None),
        "p": _rounded(paired.p_value if paired else None),
        "p_holm": _rounded(row.p_holm),
        "mcnemar_p": _rounded(paired.mcnemar_p if paired else None),
        "mcnemar_p_holm": _rounded(row.mcnemar_holm),
        "detectable": _rounded(paired.minimum_detectable_difference if paired else None),
        "verdict": row.verdict,
        "converged": row.converged,
        "under_trained": row.under_trained,
        "extract_seconds": round(row.extract_seconds, 3),
        "fit_seconds": round(row.fit_seconds, 3),
        "predict_ms_per_text": round(row.predict_ms, 4),
        "peak_memory_bytes": row.peak_memory_bytes,
        "model_bytes": row.model_bytes,
        "pareto": row.pareto,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def _csv(comparison: Comparison) -> str:
    rows = [flat(row, comparison) | {"failure": None} for row in comparison.rows]
    rows += [dict.fromkeys(rows[0]) | {"method": made.method, "failure": made.reason} for made in comparison.failed]
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows([{key: csv_cell(value) for key, value in row.items()} for row in rows])
    return out.getvalue().rstrip("\n")


def _latex(comparison: Comparison) -> str:
    shown = [column for column in columns(comparison) if column.rank < 8]
    layout = "".join("r" if column.numeric else "l" for column in shown)

    def line(cells: list[str]) -> str:
        return " & ".join(latex_text(cell) for cell in cells) + r" \\"

    body = [line([column.cell(row) for column in shown]) for row in comparison.rows]
    body += [line([f.method, f"failed: {f.reason}", *[""] * (len(shown) - 2)]) for f in comparison.failed]
    head = line([column.title for column in shown])
    rules = [
        rf"\begin{{tabular}}{{{layout}}}",
        r"\toprule",
        head,
        r"\midrule",
        *body,
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return "\n".join(["% needs \\usepackage{booktabs}", *rules])


def _json(comparison: Comparison) -> str:
    content = {
        "answer": answer(comparison),
        "headline": _headline(comparison.headline),
        "metric": comparison.metric,
        "confidence": comparison.confidence,
        "reference": comparison.reference,
        "label_names": list(comparison.label_names),
        "data": asdict(comparison.data),
        "checkpoints": list(comparison.checkpoints),
        **({} if comparison.n_folds is None else {"n_folds": comparison.n_folds}),
        "caveats": [asdict(caveat) for caveat in comparison.caveats],
        "silenced": list(comparison.silenced),
        "missing": comparison.notes,
        "margin": comparison.margin,
        "rows": [flat(row, comparison) | _details(row) for row in comparison.rows],
        "pairs": [_pair(pair) for pair in comparison.pairs],
        "failed": [asdict(failed) for failed in comparison.failed],
    }
    return json.dumps(content, indent=1, ensure_ascii=False)


def _headline(headline: Headline | None) -> dict[str, Any] | None:
    if headline is None:
        return None
    d, p_value = headline.paired.difference, headline.paired.p_value
    numbers = {"difference": d.value, "low": d.low, "high": d.high, "p": p_value}
    return {
        "finetuned": headline.finetuned.method,
        "classical": headline.classical.method,
        **{name: _rounded(value) for name, value in numbers.items()},
        "verdict": headline.verdict.value,
        "learned_nothing": headline.learned_nothing,
        "contradicted_by": [pair.a for pair in headline.contradicting],
        "looks": None if headline.looks is None else asdict(headline.looks),
    }


def _pair(pair: Pair) -> dict[str, Any]:
    d = pair.paired.difference
    numbers = {"difference": d.value, "low": d.low, "high": d.high, "p": pair.paired.p_value, "p_holm": pair.p_holm}
    numbers |= {"mcnemar_p": pair.paired.mcnemar_p, "mcnemar_p_holm": pair.mcnemar_holm}
    return {"a": pair.a, "b": pair.b} | {name: _rounded(value) for name, value in numbers.items()}


def _interval(interval: Interval) -> dict[str, float | None]:
    return {name: _rounded(value) for name, value in asdict(interval).items()}


def _details(row: Row) -> dict[str, Any]:
    """Return what JSON has beyond the other formats."""
    intervals = {metric: _interval(interval) for metric, interval in row.intervals.items()}
    classes = {
        label: {metric: _interval(interval) for metric, interval in metrics.items()}
        for label, metrics in row.class_intervals.items()
    }
    return {
        "scores_by_seed": {str(seed): _rounded(value) for seed, value in zip(row.seeds, row.scores, strict=True)},
        "metrics": {metric: _rounded(value) for metric, value in row.metrics.items()},
        "intervals": intervals,
        "per_class_intervals": classes,
        "confusion_matrix": row.confusion.tolist(),
    }


_WRITERS: Mapping[str, Callable[[Comparison], str]] = {
    "md": _markdown,
    "csv": _csv,
    "tex": _latex,
    "json": _json,
}
#: Names of the formats.
FORMATS = ("table", *_WRITERS)

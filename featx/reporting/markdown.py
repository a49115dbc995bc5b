"""``report.md``: the answer, the table, where the methods differ, and the figures."""

from __future__ import annotations

from collections.abc import Sequence

from featx.reporting.answer import answer
from featx.reporting.details import Details
from featx.reporting.differing import Flip, flips_of, shared_rows, shown_text
from featx.reporting.escaping import clipped, markdown_text
from featx.reporting.figures import ReportFigure
from featx.reporting.formats import render
from featx.reporting.run_summary import describe_data
from featx.reporting.votes import confused_pairs

_MOST_FLIPS = 5
_MOST_CONFUSED = 5


def markdown(details: Details, title: str, figures: Sequence[ReportFigure]) -> str:
    """Return the report as Markdown, figures as links to their files."""
    comparison = details.comparison
    parts = [
        f"# {markdown_text(title)}",
        "\n\n".join(map(markdown_text, answer(comparison))),
        render(comparison, "md"),
        "\n".join(f"- {markdown_text(name)}: {markdown_text(value)}" for name, value in describe_data(comparison)),
        "\n".join(f"- note: {markdown_text(note)}" for note in comparison.notes),
        *_differing(details),
        *_shared(details),
        *(f"![{markdown_text(figure.caption)}](figures/{figure.name}.svg)" for figure in figures),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _differing(details: Details) -> list[str]:
    rival, base = details.rival, details.base
    if rival is None or details.votes[rival] is None or details.votes[base] is None:
        return []
    names = details.comparison.label_names
    parts = ["## Where the methods differ"]
    for right, wrong in ((base, rival), (rival, base)):
        n, made = flips_of(details, right, wrong, _MOST_FLIPS)
        a, b = markdown_text(details.names[right]), markdown_text(details.names[wrong])
        shown = "" if n <= len(made) else f", the {len(made)} on which both are most confident"
        parts.append(f"**{a} right, {b} wrong:** {n} test texts{shown}")
        if made:
            head = f"| row | true, {a} | {b} | text |\n|---:|:---|:---|:---|"
            parts.append("\n".join([head, *(_flip(details, flip) for flip in made)]))
    for at in (base, rival):
        pairs = confused_pairs(details.comparison.rows[at].confusion, _MOST_CONFUSED)
        listed = "; ".join(
            f"{markdown_text(names[t])} as {markdown_text(names[p])} {n} ({share:.0%})" for t, p, n, share in pairs
        )
        parts.append(f"**{markdown_text(details.names[at])} confuses most:** {listed or 'nothing'}")
    return parts


def _flip(details: Details, flip: Flip) -> str:
    names = details.comparison.label_names
    labels = (_labelled(names[flip.true], flip.right_confidence), _labelled(names[flip.wrong], flip.wrong_confidence))
    text = shown_text(details, flip.row)
    return f"| {flip.row} | {labels[0]} | {labels[1]} | {'' if text is None else markdown_text(clipped(text, 160))} |"


def _labelled(name: str, confidence: float | None) -> str:
    return markdown_text(name, 40) + ("" if confidence is None else f" {confidence:.2f}")


def _known(value: object) -> str:
    return "" if value is None else str(value)


def _shared(details: Details) -> list[str]:
    if details.overlap is None:
        return []
    rows = shared_rows(details)
    n_test = details.comparison.data.test.n_texts
    parts = [f"**Test texts that stand in train as well:** {len(details.overlap)} of {n_test}"]
    if rows:
        lines = [
            f"| {row['row']} | {markdown_text(row['label'], 40)} | {_known(row['train_row'])} "
            f"| {markdown_text(_known(row['train_label']), 40)} "
            f"| {'' if row['text'] is None else markdown_text(clipped(row['text'], 160))} |"
            for row in rows[:_MOST_FLIPS]
        ]
        parts.append(
            "\n".join(["| row | label | row in train | label there | text |\n|---:|:---|---:|:---|:---|", *lines])
        )
    return parts

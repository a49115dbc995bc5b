"""``report.md``: the answer, the table, where the methods differ, and the figures."""

from __future__ import annotations

from collections.abc import Sequence

from featx.reporting.answer import answer
from featx.reporting.details import Details
from featx.reporting.differing import Flip, flips_of, shared_rows, shown_text
from featx.reporting.figures import ReportFigure
from featx.reporting.formats import render
from featx.reporting.run_summary import facts
from featx.reporting.style import clipped
from featx.reporting.votes import confused_pairs

_MOST_FLIPS = 5
_MOST_CONFUSED = 5


def markdown(details: Details, title: str, figures: Sequence[ReportFigure]) -> str:
    """The report as Markdown, figures as links to their files."""
    comparison = details.comparison
    parts = [
        f"# {plain_md(title)}",
        "\n\n".join(map(plain_md, answer(comparison))),
        render(comparison, "md"),
        "\n".join(f"- {plain_md(name)}: {plain_md(value)}" for name, value in facts(comparison)),
        "\n".join(f"- note: {plain_md(note)}" for note in comparison.notes),
        *_differing(details),
        *_shared(details),
        *(f"![{plain_md(figure.caption)}](figures/{figure.name}.svg)" for figure in figures),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def plain_md(text: str, length: int = 500) -> str:
    """Text with what Markdown or HTML in it would read as markup made harmless, on one line."""
    for sign in "\\`*_[]<>|#&~!":
        text = text.replace(sign, "\\" + sign)
    return clipped(text, length)


def _differing(details: Details) -> list[str]:
    rival, base = details.rival, details.base
    if rival is None or details.votes[rival] is None or details.votes[base] is None:
        return []
    names = details.comparison.label_names
    parts = ["## Where the methods differ"]
    for right, wrong in ((base, rival), (rival, base)):
        n, made = flips_of(details, right, wrong, _MOST_FLIPS)
        a, b = plain_md(details.names[right]), plain_md(details.names[wrong])
        shown = "" if n <= len(made) else f", the {len(made)} on which both are most confident"
        parts.append(f"**{a} right, {b} wrong:** {n} test texts{shown}")
        if made:
            head = f"| row | true, {a} | {b} | text |\n|---:|:---|:---|:---|"
            parts.append("\n".join([head, *(_flip(details, flip) for flip in made)]))
    for at in (base, rival):
        pairs = confused_pairs(details.comparison.rows[at].confusion, _MOST_CONFUSED)
        listed = "; ".join(
            f"{plain_md(names[t])} as {plain_md(names[p])} {n} ({share:.0%})" for t, p, n, share in pairs
        )
        parts.append(f"**{plain_md(details.names[at])} confuses most:** {listed or 'nothing'}")
    return parts


def _flip(details: Details, flip: Flip) -> str:
    names = details.comparison.label_names
    labels = (_labelled(names[flip.true], flip.right_confidence), _labelled(names[flip.wrong], flip.wrong_confidence))
    text = shown_text(details, flip.row)
    return f"| {flip.row} | {labels[0]} | {labels[1]} | {'' if text is None else plain_md(clipped(text, 160))} |"


def _labelled(name: str, confidence: float | None) -> str:
    return plain_md(name, 40) + ("" if confidence is None else f" {confidence:.2f}")


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
            f"| {row['row']} | {plain_md(row['label'], 40)} | {_known(row['train_row'])} "
            f"| {plain_md(_known(row['train_label']), 40)} "
            f"| {'' if row['text'] is None else plain_md(clipped(row['text'], 160))} |"
            for row in rows[:_MOST_FLIPS]
        ]
        parts.append(
            "\n".join(["| row | label | row in train | label there | text |\n|---:|:---|---:|:---|:---|", *lines])
        )
    return parts

"""What ``featx inspect`` prints: aligned tables in which wide characters count for two."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import TYPE_CHECKING, Any

import click

from featx.cli.output import terminal_width

if TYPE_CHECKING:
    from featx.experiment.inspect import InspectedData, InspectedText

_MOST_CLASSES = 30
_BAR = 20


def show_data(made: InspectedData) -> None:
    """Sizes, classes, lengths, cuts, repeated texts and samples."""
    facts = made.facts
    names = facts["label_names"]
    click.echo(f"{facts['address']}: {len(names)} classes")
    for note in facts["notes"]:
        click.echo(f"note: {note}")
    _show_classes(facts, names)
    for unit, of_class in made.lengths.items():
        rows = [
            [_short(name), *_numbers(lengths)] for name, lengths in list(of_class.items())[:_MOST_CLASSES] if lengths
        ]
        click.echo(f"\n{unit} of a text, all splits" + (f" ({made.checkpoint})" if unit == "tokens" else ""))
        click.echo(table(["class", "mean", "median", "95 %", "longest"], rows, right=range(1, 9)))
    if made.cuts:
        splits = list(facts["splits"])
        rows = [[cut.name, str(cut.length), *(f"{cut.shares[split]:.1%}" for split in splits)] for cut in made.cuts]
        click.echo("\nshare of texts that are longer, and so cut")
        click.echo(table(["at", "tokens", *splits], rows, right=range(1, 9)))
    _show_repeated(facts)
    if made.samples:
        click.echo("\nsome rows of train")
        width = max(20, terminal_width() - 30)
        rows = [[str(row), _short(label, 18), _short(text, width)] for row, label, text in made.samples]
        click.echo(table(["row", "label", "text"], rows, right={0}))
    if made.figures:
        click.echo(f"\nfigures: {made.figures[0].parent}")


def _show_classes(facts: dict[str, Any], names: Sequence[str]) -> None:
    splits = facts["splits"]
    rows = []
    train = splits["train"]["class_counts"]
    for label, name in list(enumerate(names))[:_MOST_CLASSES]:
        share = train[label] / sum(train)
        bar = "█" * max(1, round(share * _BAR / max(train) * sum(train)))
        rows.append(
            [_short(name), *(f"{split['class_counts'][label]:,}" for split in splits.values()), f"{share:.1%}", bar]
        )
    rows.append(["all", *(f"{split['n_texts']:,}" for split in splits.values()), "", ""])
    click.echo("\ntexts of each class")
    click.echo(table(["class", *splits, "of train", ""], rows, right=range(1, len(splits) + 2)))
    if len(names) > _MOST_CLASSES:
        click.echo(f"… {len(names) - _MOST_CLASSES} more classes; --json and --figures have them")


def _show_repeated(facts: dict[str, Any]) -> None:
    click.echo("\ntexts that stand there twice, letter for letter")
    rows = [
        [f"within {name}", str(split["repeated"]["n_texts"]), str(split["repeated"]["n_other_label"])]
        for name, split in facts["splits"].items()
    ]
    rows += [
        [f"{shared['and']} in {shared['in']}", str(shared["n_texts"]), str(shared["n_other_label"])]
        for shared in facts["shared"]
    ]
    click.echo(table(["where", "texts", "with another label"], rows, right=range(1, 9)))


def show_tokens(made: Sequence[InspectedText], max_length: int) -> None:
    """One aligned table a text."""
    for at, inspected in enumerate(made):
        if at:
            click.echo()
        rows = [
            [
                str(token.position),
                visible(token.token),
                str(token.id),
                str(token.attention_mask),
                token.kind,
                "" if token.text is None else visible(token.text),
                "" if token.kept else "cut",
            ]
            for token in inspected.tokens
        ]
        click.echo(table(["#", "token", "id", "mask", "kind", "text", ""], rows, right={0, 2, 3}))
        n = sum(token.kind != "padding" for token in inspected.tokens)
        click.echo(f"{n} tokens, {inspected.n_cut or 'none'} cut at {max_length}")
        if inspected.cut_text:
            click.echo(f"cut away: {_short(inspected.cut_text, 200)}")


def _numbers(lengths: Any) -> list[str]:
    return [f"{lengths.mean:.1f}", f"{lengths.median:.0f}", f"{lengths.p95:.0f}", f"{lengths.longest:,}"]


def _short(text: str, length: int = 24) -> str:
    flat = visible(" ".join(text.split()))
    return flat if len(flat) <= length else flat[: length - 1] + "…"


def visible(text: str) -> str:
    r"""Text with signs that would move a terminal's cursor, or reorder its line, written as escapes.

    Examples
    --------
    >>> visible("a\x1b[2Jb")
    'a\\x1b[2Jb'
    """
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


def table(head: Sequence[str], rows: Sequence[Sequence[str]], right: Container[int]) -> str:
    """Aligned text; the columns at the positions `right` stand on the right."""
    from rich.cells import cell_len

    widths = [max(cell_len(line[k]) for line in (head, *rows)) for k in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        parts = []
        for column, cell in enumerate(cells):
            blank = " " * (widths[column] - cell_len(cell))
            parts.append(blank + cell if column in right else cell + blank)
        return "  ".join(parts).rstrip()

    rule = "  ".join("─" * width for width in widths).rstrip()
    return "\n".join([line(head), rule, *map(line, rows)])

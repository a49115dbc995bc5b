"""What ``featx inspect`` prints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from featx.cli.failures import spelling
from featx.cli.output import say
from featx.cli.tables import table, terminal_width
from featx.errors import spelled
from featx.markup import visible

if TYPE_CHECKING:
    from featx.experiment.inspect import InspectedData, InspectedText

_MOST_CLASSES = 30
_BAR = 20


def show_data(made: InspectedData) -> None:
    """Print sizes, classes, lengths, cuts, duplicate texts and samples."""
    facts = made.facts
    names = facts["label_names"]
    say(f"{facts['address']}: {len(names)} classes")
    for note in facts["notes"]:
        say(f"note: {spelled(note, spelling())}")
    _show_classes(facts, names)
    for unit, of_class in made.lengths.items():
        rows = [
            [_short(name), *_numbers(lengths)] for name, lengths in list(of_class.items())[:_MOST_CLASSES] if lengths
        ]
        say(f"\n{unit} of a text, all splits" + (f" ({made.checkpoint})" if unit == "tokens" else ""))
        say(table(["class", "mean", "median", "95 %", "longest"], rows, right=range(1, 9)))
    if made.cuts:
        splits = list(facts["splits"])
        rows = [[cut.name, str(cut.length), *(f"{cut.shares[split]:.1%}" for split in splits)] for cut in made.cuts]
        say("\nshare of texts that are longer, and so cut")
        say(table(["at", "tokens", *splits], rows, right=range(1, 9)))
    if made.long:
        _show_long(made)
    _show_repeated(facts)
    if made.samples:
        say("\nsome rows of train")
        width = max(20, terminal_width() - 30)
        rows = [[str(row), _short(label, 18), _short(text, width)] for row, label, text in made.samples]
        say(table(["row", "label", "text"], rows, right={0}))
    if made.figures:
        say(f"\nfigures: {made.figures[0].parent}")


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
    say("\ntexts of each class")
    say(table(["class", *splits, "of train", ""], rows, right=range(1, len(splits) + 2)))
    if len(names) > _MOST_CLASSES:
        say(f"… {len(names) - _MOST_CLASSES} more classes; --json and --figures have them")


def _show_long(made: InspectedData) -> None:
    from featx.experiment.inspect import suggestion

    rows = [
        [
            kept.long,
            f"{kept.kept:.1%}",
            f"{kept.kept_of_longer:.1%}",
            f"{kept.windows:.2f}",
            str(kept.most_windows),
            f"{kept.cost:.2f}",
        ]
        for kept in made.long
    ]
    say(f"\nlong texts at {made.long[0].max_length} tokens: {made.long[0].longer:.1%} of the texts are longer")
    heads = ["long", "tokens kept", "of longer texts", "windows a text", "most", "tokens to encode, x cut"]
    say(table(heads, rows, right=range(1, 9)))
    say(spelled(suggestion(made.long), spelling()))


def _show_repeated(facts: dict[str, Any]) -> None:
    say("\nduplicate texts, letter for letter")
    rows = [
        [f"within {name}", str(split["repeated"]["n_texts"]), str(split["repeated"]["n_other_label"])]
        for name, split in facts["splits"].items()
    ]
    rows += [
        [f"{shared['and']} in {shared['in']}", str(shared["n_texts"]), str(shared["n_other_label"])]
        for shared in facts["shared"]
    ]
    say(table(["where", "texts", "with another label"], rows, right=range(1, 9)))


def show_tokens(made: Sequence[InspectedText], max_length: int) -> None:
    """Print one aligned table a text."""
    for at, inspected in enumerate(made):
        if at:
            say("")
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
        say(table(["#", "token", "id", "mask", "kind", "text", ""], rows, right={0, 2, 3}))
        n = sum(token.kind != "padding" for token in inspected.tokens)
        say(f"{n} tokens, {inspected.n_cut or 'none'} cut at {max_length}")
        if inspected.cut_text:
            say(f"cut away: {_short(inspected.cut_text, 200)}")


def _numbers(lengths: Any) -> list[str]:
    return [f"{lengths.mean:.1f}", f"{lengths.median:.0f}", f"{lengths.p95:.0f}", f"{lengths.longest:,}"]


def _short(text: str, length: int = 24) -> str:
    flat = visible(" ".join(text.split()))
    return flat if len(flat) <= length else flat[: length - 1] + "…"

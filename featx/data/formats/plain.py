"""Text files with one text a line, for predictions; blank lines after the last text are left out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from featx.data.formats.decoding import text_lines
from featx.data.formats.delimited import count_lines
from featx.data.formats.table import Format, ReadOptions, Row, Source, Table


def _read(source: Source, options: ReadOptions) -> Table:
    def rows(columns: Sequence[int]) -> Iterator[Row]:
        with source.open() as file:
            for number, line in without_end(text_lines(file, str(source), options.encoding)):
                yield number, [line] * len(columns)

    return Table(str(source), ("text",), rows)


def without_end(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Yield lines with their numbers from 1 on, but for blank ones at the end."""
    held: list[tuple[int, str]] = []
    for number, line in enumerate(lines, 1):
        held.append((number, line))
        if line.strip():
            yield from held
            held.clear()


FORMATS = [Format("text", (".txt",), _read, count=count_lines, compressible=True, labelled=False)]

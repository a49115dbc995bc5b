"""Text files with one text a line, for predictions; lines that are blank are left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from featx.data.formats.decoding import text_lines
from featx.data.formats.delimited import count_lines
from featx.data.formats.table import Format, ReadOptions, Row, Source, Table


def _read(source: Source, options: ReadOptions) -> Table:
    def rows(columns: Sequence[int]) -> Iterator[Row]:
        with source.open() as file:
            for number, line in enumerate(text_lines(file, str(source), options.encoding), 1):
                if line.strip():
                    yield number, [line] * len(columns)

    return Table(str(source), ("text",), rows)


FORMATS = [Format("text", (".txt",), _read, count=count_lines, compressible=True, labelled=False)]

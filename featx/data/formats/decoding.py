r"""Bytes become lines of text: one reader for tables, TweetEval folders, files of texts and standard input.

A line ends at ``\n`` or ``\r\n``, and the last one may end at neither; every other character, a ``\r`` within a line
included, is part of it.
"""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from typing import BinaryIO

from featx.errors import DataError

_BLOCK = 1 << 20
#: Characters of a line (or of a cell): far above any text, far below what fills memory.
LONGEST_LINE = 1 << 26
#: What a file may begin with, longer marks first, and the encoding that it tells.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
#: What files that are no text begin with.
_NO_TEXT = {
    b"\x1f\x8b": "gzip (.gz)",
    b"BZh91AY&SY": "bzip2 (.bz2)",
    b"\xfd7zXZ\x00": "xz (.xz)",
    b"\x28\xb5\x2f\xfd": "Zstandard (.zst)",
    b"PK\x03\x04": "zip (.zip, .xlsx)",
    b"PAR1\x15": "Parquet (.parquet)",
    b"ARROW1\x00": "Arrow (.arrow)",
    b"\xd0\xcf\x11\xe0": "old Excel (.xls; save it as .xlsx)",
}
_FIND_OUT = (
    "find out the encoding of the file and give it as `encoding`, for example windows-1252 (Western Europe), "
    "windows-1251 (Cyrillic), shift_jis (Japanese), gb18030 (Chinese)"
)


def text_lines(file: BinaryIO, source: str, encoding: str | None = None) -> Iterator[str]:
    r"""Yield the lines of a file without their ends; a ``\r`` before the end of a line is part of the end.

    Raises
    ------
    DataError
        If the bytes are not of the encoding, or a line is longer than any text; names the line.
    """
    for line in _cut(_decoded(file, source, encoding), source, bare_return=False):
        yield line.removesuffix("\n").removesuffix("\r")


def table_lines(file: BinaryIO, source: str, encoding: str | None = None) -> Iterator[str]:
    r"""Yield the lines of a CSV or TSV file with their ends, where a bare ``\r`` is one too.

    Raises
    ------
    DataError
        As `text_lines`.
    """
    return _cut(_decoded(file, source, encoding), source, bare_return=True)


def decoded_text(file: BinaryIO, source: str, encoding: str | None = None) -> str:
    """Return the whole text of a file.

    Raises
    ------
    DataError
        If the bytes are not of the encoding; names the line.
    """
    return "".join(_decoded(file, source, encoding))


def _decoded(file: BinaryIO, source: str, encoding: str | None) -> Iterator[str]:
    read = getattr(file, "read1", file.read)  # what is there already, so that a pipe is read as it comes
    block = read(_BLOCK)
    while 0 < len(block) < 4 and (more := read(_BLOCK)):
        block += more
    codec = _codec(block, source, encoding)
    decoder = codecs.getincrementaldecoder(codec)()
    line = 1
    while True:
        try:
            text = decoder.decode(block, final=not block)
        except UnicodeDecodeError as e:
            line += _line_breaks(e.object[: e.start], codec)
            name = encoding or codec.removesuffix("-sig").upper()
            wrong = f"byte 0x{e.object[e.start]:02x} is not {name}" if e.start < len(e.object) else f"not {name}"
            raise DataError(f"{source}, line {line}: {wrong}; {_FIND_OUT}") from e
        except UnicodeError as e:  # some codecs say no more
            raise DataError(f"{source}, line {line}: not {encoding or codec}: {e}; {_FIND_OUT}") from e
        line += text.count("\n")
        yield text
        if not block:
            return
        block = read(_BLOCK)


def _line_breaks(data: bytes, codec: str) -> int:
    try:
        return data.decode(codec, "ignore").count("\n")
    except UnicodeError:  # a codec that ignores nothing
        return data.count(b"\n")


def _codec(start: bytes, source: str, encoding: str | None) -> str:
    if encoding is not None:
        return "utf-8-sig" if codecs.lookup(encoding).name == "utf-8" else encoding
    for begin, kind in _NO_TEXT.items():
        if start.startswith(begin):
            raise DataError(f"{source}: is no text but begins as {kind} files do; give it the suffix of what it is")
    for mark, codec in _MARKS:
        if start.startswith(mark):
            return codec
    for name, zeros, others in (("utf-16-le", start[1:64:2], start[:64:2]), ("utf-16-be", start[:64:2], start[1:64:2])):
        if len(zeros) > 1 and not any(zeros) and all(others):
            raise DataError(f"{source}: looks like UTF-16 without a byte order mark; give `encoding`: {name}")
    return "utf-8"


def _cut(chunks: Iterator[str], source: str, bare_return: bool) -> Iterator[str]:
    """Yield lines with their ends."""
    rest, number = "", 0
    for chunk in chunks:
        rest += chunk
        # A \r at the end of a chunk may be the first half of \r\n.
        end = max(rest.rfind("\n"), rest.rfind("\r", 0, len(rest) - 1) if bare_return else -1) + 1
        if end:
            for line in io.StringIO(rest[:end], newline="" if bare_return else "\n"):
                number += 1
                yield line
            rest = rest[end:]
        if len(rest) > LONGEST_LINE:
            raise DataError(
                f"{source}, line {number + 1}: longer than {LONGEST_LINE:,} characters; expected a row a line"
            )
    yield from io.StringIO(rest, newline="" if bare_return else "\n")

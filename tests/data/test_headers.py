"""Files as people have them: without a header, with semicolons, comments, columns without a name; and encodings."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from featx.data import load_dataset
from featx.data.formats import ReadOptions
from featx.data.streams import stream_lines, stream_texts
from featx.data.tables import read_table
from featx.errors import DataError, SettingsError
from featx.settings import DataSettings, PredictionSettings

ROWS = [(f"a {('good', 'bad')[k % 2]} day, number {k}", ("ham", "spam")[k % 2]) for k in range(40)]


def table(header: str, delimiter: str = ",", rows: object = ROWS) -> str:
    lines = [delimiter.join((f'"{text}"' if delimiter == "," else text, label)) for text, label in rows]
    return "\n".join([header, *lines] if header else lines) + "\n"


@pytest.mark.parametrize(
    ("content", "settings"),
    [
        (table("text;label", ";"), {}),
        (table("text|label", "|"), {}),
        (table("text\tlabel", "\t"), {}),
        ("sep=;\n" + table("text;label", ";"), {}),
        ('"sep=^"\r\n' + table("text^label", "^"), {}),
        (table("text^label", "^"), {"delimiter": "^"}),
        (table("body;stars", ";"), {"text_column": "body", "label_column": "stars"}),
        ("# made by hand\n# 2026\n\n" + table("text,label"), {}),
        ("\n\n" + table("text,label"), {}),
        (table(""), {"header": False}),
        (table("", ";"), {"header": False, "delimiter": ";"}),
        (table(""), {"header": False, "text_column": "0", "label_column": "1"}),
        (table("Text , LABEL"), {}),
        (table("texts,labels"), {}),
    ],
)
def test_what_can_be_read_is_read(tmp_path: Path, content: str, settings: dict[str, object]) -> None:
    path = tmp_path / "data.csv"
    path.write_text(content)
    dataset = load_dataset(DataSettings(str(path), **settings))
    assert dataset.label_names == ("ham", "spam")
    assert sorted(text for split in dataset.splits.values() for text in split.texts) == sorted(text for text, _ in ROWS)


def test_columns_without_a_name_or_standing_twice_matter_only_as_text_or_label(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text(
        ",,text,note,note,label,\n" + "".join(f'{k},,"{text}",a,b,{label},\n' for k, (text, label) in enumerate(ROWS))
    )
    assert list(read_table(path).texts) == [text for text, _ in ROWS]
    path.write_text("text,label,label\nx,1,2\n")
    with pytest.raises(DataError, match="column 'label' stands twice in the header; rename one"):
        read_table(path)
    assert list(stream_texts(path)) == ["x"]


def test_errors_show_what_was_seen_and_the_setting_that_helps(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text(table(""))
    with pytest.raises(
        DataError,
        match=r"no text column .*; it has 'a good day, number 0', 'ham'; name yours with `text_column`.*, or give `header` false",
    ):
        read_table(path)
    path.write_text(
        "tweet_id,airline_sentiment,Review Text\n"
        + "".join(f'{10**9 + k},{label},"{text}"\n' for k, (text, label) in enumerate(ROWS))
    )
    with pytest.raises(DataError, match=r"no text column .*`text_column` \(likely 'Review Text'\)"):
        read_table(path)
    with pytest.raises(DataError, match=r"no label column .*`label_column` \(likely 'airline_sentiment'\)"):
        read_table(path, ReadOptions(text_column="Review Text"))
    with pytest.raises(
        DataError, match=r"no column 'body'; it has .*; give one of them as `text_column` \(likely 'Review Text'\)"
    ):
        list(stream_texts(path, "body"))


def test_all_faults_of_a_file_are_counted_and_told_at_once(tmp_path: Path) -> None:
    rows = ["x,1", "y,0", ",1", "a,b,c", "z,", " ,0", "d,e,f", "w," + "long" * 200, ",0"]
    path = tmp_path / "data.csv"
    path.write_text("\n".join(["text,label", *rows]))
    with pytest.raises(DataError) as raised:
        load_dataset(DataSettings(str(path)))
    message = str(raised.value)
    assert "line 4: the text is empty; fill it in or remove the row" in message
    assert "(3 rows in all: also line 7, line 10)" in message
    assert "line 5: 3 cells, but the header has 2" in message
    assert "(2 rows in all: also line 8)" in message
    assert "line 6: the label is empty" in message
    assert "line 9: the label 'longlong" in message
    assert "\n" not in message
    path.write_text("text,label\n" + ",1\n" * 50_000)
    with pytest.raises(DataError, match=r"\(50000 rows in all: also line 3, line 4, line 5, …\)"):
        load_dataset(DataSettings(str(path)))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.json", "a.txt"])
def test_marks_tell_the_encoding(tmp_path: Path, encoding: str, name: str) -> None:
    content = {"a.csv": "text,label\r\né \U0001f600,1\r\n", "a.txt": "é \U0001f600\r\n"}.get(
        name, '{"text": "é \U0001f600"}'
    )
    (tmp_path / name).write_bytes(content.encode(encoding))
    assert list(stream_texts(tmp_path / name)) == ["é \U0001f600"]


@pytest.mark.parametrize(
    ("encoding", "word"),
    [("windows-1251", "Обед"), ("shift_jis", "日本語"), ("gb18030", "中文"), ("latin-1", "café"), ("utf-16-le", "ab")],
)
def test_other_encodings_are_asked_for_and_read_when_named(tmp_path: Path, encoding: str, word: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("".join(["text,label\n", *(f"{word} {k},{k % 2}\n" for k in range(20))]).encode(encoding))
    words = "line 2: byte .* is not UTF-8; find out the encoding .*`encoding`, for example windows-1252"
    with pytest.raises(
        DataError, match=words if encoding != "utf-16-le" else "UTF-16 without a byte order mark; give `encoding`"
    ):
        read_table(path)
    assert read_table(path, ReadOptions(encoding=encoding)).texts[0] == f"{word} 0"
    assert list(stream_texts(path, options=ReadOptions.of(PredictionSettings(encoding=encoding))))[3] == f"{word} 3"


def test_the_line_of_the_first_wrong_byte_far_into_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("é line\n".encode() * 400_000 + "café\n".encode("latin-1"))
    with pytest.raises(DataError, match="line 400001: byte 0xe9 is not UTF-8"):
        list(stream_texts(path))
    path.write_bytes("é line\n".encode("utf-16") * 3 + b"\x00")
    with pytest.raises(DataError, match=r"line 4: .*not UTF-16"):
        list(stream_texts(path))


@pytest.mark.parametrize("wrong", ["utf-9", "base64", "rot13", "", "utf\x00"])
def test_encodings_that_are_none(wrong: str) -> None:
    with pytest.raises(SettingsError, match=r"`encoding` is .*; expected an encoding that Python knows"):
        DataSettings(encoding=wrong)


@pytest.mark.parametrize("wrong", ["", ";;", '"', "\n", "é"])
def test_delimiters_that_are_none(wrong: str) -> None:
    with pytest.raises(SettingsError, match="`delimiter` is"):
        DataSettings(delimiter=wrong)


def test_delimiters_by_name() -> None:
    assert [DataSettings(delimiter=name).delimiter for name in ("tab", "\\t", "semicolon", ";")] == [
        "\t",
        "\t",
        ";",
        ";",
    ]


class Pipe:
    """A pipe that gives a few bytes at a time."""

    def __init__(self, data: bytes, size: int) -> None:
        self.data, self.size = data, size

    def read(self, _: int) -> bytes:
        taken, self.data = self.data[: self.size], self.data[self.size :]
        return taken


@pytest.mark.parametrize("size", [1, 2, 3, 5, 100])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_lines_are_the_same_whatever_their_ends(size: int, encoding: str) -> None:
    lines = ["one é", "two\rstill two", "three\u2028three", "\x85four"]
    for end in ("\n", "\r\n"):
        for last in ("", end):
            data = (end.join(lines) + last).encode(encoding)
            assert [new.text for new in stream_lines(Pipe(data, size), "pipe")] == lines  # type: ignore[arg-type]


def test_columns_of_other_formats_are_not_guessed(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("".join(f'{{"body": "a long text {k}", "stars": {k % 2}}}\n' for k in range(20)))
    with pytest.raises(
        DataError,
        match=r"no text column .* and no label column .*; it has 'body', 'stars'; name yours with `text_column` "
        r"\(likely 'body'\) and name yours with `label_column` \(likely 'stars'\)$",
    ):
        read_table(path)
    with pytest.raises(DataError, match="no text column"):
        list(stream_texts(path))


@pytest.mark.parametrize(
    ("start", "kind"),
    [(gzip.compress(b"text", mtime=0), "gzip"), (b"PK\x03\x04abc", "zip"), (b"PAR1\x15\x04", "Parquet")],
)
def test_files_with_the_suffix_of_another_kind(tmp_path: Path, start: bytes, kind: str) -> None:
    (tmp_path / "a.csv").write_bytes(start)
    with pytest.raises(DataError, match=f"is no text but begins as {kind}"):
        read_table(tmp_path / "a.csv")


@pytest.mark.parametrize("name", ["a.csv", "a.parquet", "a.jsonl.gz"])
def test_pointers_of_git_lfs(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12\n")
    with pytest.raises(DataError, match="a pointer of Git LFS and not the data; fetch it with: git lfs pull"):
        read_table(tmp_path / name)

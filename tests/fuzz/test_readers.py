"""Readers of files that others wrote: whatever the bytes are, a result or a `FeatxError`, and soon.

Each test takes valid files and breaks them by rules (bytes cut out, put in, values replaced by values of other kinds),
or makes up bytes. ``FEATX_SOAK=1`` gives 100,000 inputs in all.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_runs import make_run
from store_faults import open_store, put

from featx.data import load_dataset
from featx.data.formats import ReadOptions, writer_of
from featx.data.streams import stream_texts
from featx.errors import FeatxError
from featx.experiment.plan import read_plan
from featx.features.store.maintenance import list_stores, verify
from featx.features.store.manifest import Manifest, parse_manifest
from featx.reporting import compare, render
from featx.runs import read_run
from featx.settings import DataSettings, ReportSettings

SOAK = os.environ.get("FEATX_SOAK") == "1"
#: Inputs of each test in the long form; together 100,000.
SHARES = {
    "csv": 16_000,
    "jsonl": 14_000,
    "json": 6_000,
    "tweeteval": 13_000,
    "parquet": 3_000,
    "arrow": 2_000,
    "xlsx": 1_000,
    "compressed": 3_000,
    "toml": 16_000,
    "run.json": 14_000,
    "predictions": 2_000,
    "manifest": 10_000,
}
assert sum(SHARES.values()) == 100_000
#: One input that takes longer hangs.
SECONDS = 5
FAST = ReportSettings(n_resamples=999)


def inputs(share: str, short: int = 150) -> settings:
    return settings(
        max_examples=SHARES[share] if SOAK else short,
        deadline=SECONDS * 1_000,
        suppress_health_check=list(HealthCheck),
        derandomize=not SOAK,
        database=None,
    )


def outcome(read: Callable[[], object]) -> object | None:
    """What `read` gives; None for an error that says something in one line's length."""
    try:
        return read()
    except FeatxError as e:
        message = str(e)
        assert message.strip(), "an error without words"
        assert len(message) < 3_000, "an error without end"
        return None


TOKENS = [
    b"", b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\r", b"\r\n", b"\n\n", b"\t", b",", b";", b'"', b'""', b"'", b"\\",
    b"NaN", b"Infinity", b"-1", b"1e999", b"9" * 5_000, b"[" * 5_000, b'{"a":' * 2_000, b"null", b"true", b"{}", b"[]",
    "\u2028".encode(), "\u0085".encode(), "é".encode(), b"\\ud800", b"\xed\xa0\x80", b"../../x", b"text", b"label",
    b"inf", b"0x10", "٣".encode(), "²".encode(), b" " * 3_000, b"1_000", b"=1+1", b"a" * 9_000,
]  # fmt: skip


def broken(valid: bytes) -> st.SearchStrategy[bytes]:
    """`valid` with up to six pieces replaced, or bytes of their own."""
    piece = st.one_of(st.binary(max_size=6), st.sampled_from(TOKENS))
    size = st.one_of(st.integers(0, 3), st.integers(0, len(valid)))
    edits = st.lists(st.tuples(st.integers(0, len(valid)), size, piece), min_size=1, max_size=6)

    def apply(edits: list[tuple[int, int, bytes]]) -> bytes:
        data = valid
        for at, n, new in edits:
            data = data[:at] + new + data[at + n :]
        return data

    return st.one_of(edits.map(apply), edits.map(apply), edits.map(apply), st.binary(max_size=60))


VALUES = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.integers(-2, 3), st.floats(), st.text(max_size=8),
        st.sampled_from(["", "test", "f1_macro", "logreg", "\ud800", "\u0000", 10**400, -(2**63), 2**64, "x" * 10_000]),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=5,
)  # fmt: skip


def paths(content: object, so_far: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value."""
    found = [so_far] if so_far else []
    items = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, value in items:
        found += paths(value, (*so_far, key))
    return found


def changed(content: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """`content` with one to three values replaced or removed."""
    edits = st.lists(
        st.tuples(st.sampled_from(paths(content)), st.one_of(st.just(...), VALUES)), min_size=1, max_size=3
    )

    def apply(edits: list[tuple[tuple[Any, ...], Any]]) -> dict[str, Any]:
        made = json.loads(json.dumps(content))
        for path, value in edits:
            at = made
            try:
                for key in path[:-1]:
                    at = at[key]
                if value is ...:
                    del at[path[-1]]
                else:
                    at[path[-1]] = value
            except (KeyError, IndexError, TypeError):
                continue  # an earlier edit took the place away
        return made

    return edits.map(apply)


def check_dataset(dataset: Any) -> None:
    """What a reader lets through keeps the promises of a `TextDataset`."""
    for split in ("train", "validation", "test"):
        held = dataset.splits[split]
        assert len(held.texts) == len(held.labels) > 0
        assert all(isinstance(text, str) and text.strip() for text in held.texts)
        assert 0 <= held.labels.min() <= held.labels.max() < len(dataset.label_names)
        "".join(held.texts).encode()
    assert (dataset.train.class_counts > 0).all()
    assert "<script" not in dataset._repr_html_()


WORDS = ("good", "bad", 'a "quoted" word', "comma, here", "two\nlines", "=1+1", "é\u2028")
ROWS = [(f"{WORDS[i % 7]} {i}", ("yes", "no")[i % 2]) for i in range(24)]


def delimited(delimiter: str) -> bytes:
    def cell(text: str) -> str:
        return '"' + text.replace('"', '""') + '"'

    lines = [f"text{delimiter}label", *(f"{cell(text)}{delimiter}{label}" for text, label in ROWS)]
    return "\n".join(lines).encode()


def read_both_ways(path: Path, **settings: Any) -> None:
    """Read a file with and without labels: what one gives, the other gives too."""
    wanted = DataSettings(str(path), **settings)
    dataset = outcome(lambda: load_dataset(wanted))
    if dataset is not None:
        check_dataset(dataset)
    options = ReadOptions.of(wanted)
    texts = outcome(lambda: list(stream_texts(path, options=options)))
    if dataset is not None and not (wanted.drop_empty or wanted.drop_rare or wanted.drop_unlabelled):
        streamed = sorted(texts)
        assert streamed == sorted(text for split in dataset.splits.values() for text in split.texts)


TABLE_SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "text_column": st.sampled_from([None, "text", "label", "é", "0"]),
        "delimiter": st.sampled_from([None, ",", ";", "\t", "a"]),
        "header": st.booleans(),
        "quoting": st.sampled_from(["auto", "on", "off"]),
        "encoding": st.sampled_from([None, "utf-8", "utf-16", "utf-32", "latin-1", "shift_jis", "utf-7", "idna"]),
        "drop_empty": st.booleans(),
        "drop_rare": st.booleans(),
        "drop_unlabelled": st.booleans(),
    },
)


@given(st.sampled_from([".csv", ".tsv"]), broken(delimited(",")), TABLE_SETTINGS)
@inputs("csv", 100)
def test_csv(tmp_path_factory: pytest.TempPathFactory, suffix: str, data: bytes, wanted: dict[str, Any]) -> None:
    path = tmp_path_factory.getbasetemp() / f"fuzz{suffix}"
    path.write_bytes(data.replace(b",", b"\t") if suffix == ".tsv" else data)
    read_both_ways(path, **wanted)


JSONL = "\n".join(json.dumps({"text": text, "label": label}) for text, label in ROWS).encode()
JSON_LINES = st.lists(
    st.fixed_dictionaries({"text": st.one_of(st.text(max_size=5), VALUES), "label": st.one_of(st.integers(0, 1), VALUES)})
    .map(json.dumps), min_size=1, max_size=12,
).map(lambda lines: "\n".join(lines).encode())  # fmt: skip


@given(st.one_of(broken(JSONL), JSON_LINES))
@inputs("jsonl")
def test_jsonl(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzz.jsonl"
    path.write_bytes(data)
    read_both_ways(path)


OBJECTS = [{"text": text, "label": label} for text, label in ROWS]
JSON_FILES = [
    json.dumps(OBJECTS).encode(),
    json.dumps({"text": [text for text, _ in ROWS], "label": [label for _, label in ROWS]}).encode(),
    json.dumps({"text": dict(enumerate(t for t, _ in ROWS)), "label": dict(enumerate(n for _, n in ROWS))}).encode(),
    json.dumps({"data": OBJECTS}).encode("utf-16"),
]


@given(st.one_of(st.sampled_from(JSON_FILES).flatmap(broken), VALUES.map(lambda value: json.dumps(value).encode())))
@inputs("json")
def test_json(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzz.json"
    path.write_bytes(data)
    read_both_ways(path)


TWEETS = {
    "mapping.txt": b"0\tno\n1\tyes\n",
    **{f"{split}_text.txt": b"one\ntwo\rstill two\nthree\nfour" for split in ("train", "val", "test")},
    **{f"{split}_labels.txt": b"0\n1\n0\n1\n" for split in ("train", "val", "test")},
}


@given(
    st.sampled_from(sorted(TWEETS)).flatmap(lambda name: st.tuples(st.just(name), broken(TWEETS[name]))), st.booleans()
)
@inputs("tweeteval")
def test_tweeteval(tmp_path_factory: pytest.TempPathFactory, edit: tuple[str, bytes], no_validation: bool) -> None:
    folder = tmp_path_factory.getbasetemp() / "fuzz-tweets"
    folder.mkdir(exist_ok=True)
    for name, content in (TWEETS | dict([edit])).items():
        (folder / name).write_bytes(content)
    if no_validation:
        for name in ("val_text.txt", "val_labels.txt"):
            (folder / name).unlink()
    dataset = outcome(lambda: load_dataset(DataSettings(str(folder))))
    if dataset is not None:
        check_dataset(dataset)


def parquet_bytes(columns: dict[str, list]) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue().to_pybytes()


PARQUET = parquet_bytes({"text": [text for text, _ in ROWS], "label": [label for _, label in ROWS]})


def written(name: str) -> bytes:
    """Return the bytes of the rows in another format."""
    file = io.BytesIO()
    with writer_of(file, Path(name)) as writer:
        writer.write(OBJECTS)
    return file.getvalue()


@given(broken(PARQUET))
@inputs("parquet", 60)
def test_parquet(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzz.parquet"
    path.write_bytes(data)
    read_both_ways(path)


@given(broken(written("a.arrow")))
@inputs("arrow", 60)
def test_arrow(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzz.arrow"
    path.write_bytes(data)
    read_both_ways(path)


@given(broken(written("a.xlsx")))
@inputs("xlsx", 30)
def test_xlsx(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzz.xlsx"
    path.write_bytes(data)
    read_both_ways(path)


@given(st.sampled_from([".gz", ".bz2", ".xz", ".zip", ".zst"]), st.data())
@inputs("compressed", 100)
def test_compressed(tmp_path_factory: pytest.TempPathFactory, suffix: str, data: st.DataObject) -> None:
    path = tmp_path_factory.getbasetemp() / f"fuzz.jsonl{suffix}"
    path.write_bytes(data.draw(broken(written(f"a.jsonl{suffix}"))))
    read_both_ways(path)


TOML = b"""experiment = "name"
[data]
address = "x.csv"
split_seed = 0
[checkpoint]
name = "demo"
[features]
layers = [-1, 0]
poolings = ["cls"]
[compute]
device = "cpu"
threads = 2
[baseline]
methods = ["majority", "logreg"]
seeds = [0, 1]
[finetune]
learning_rate = 2e-5
num_train_epochs = 2
seeds = 0
[report]
reference = "finetune"
confidence = 0.95
"""
TOML_VALUES = st.sampled_from(
    [b"[]", b"[[]]", b"{}", b"nan", b"inf", b"-1", b"9" * 30, b'""', b"true", b"1979-05-27", b"12:00:00", b'["a", 1]',
     b"[nan]", b"0.0", b"[true]", b"'''x'''", b"1e400", b"-0.0", b"[-1]", b'[""]', b"1_0", b"0xff"]
)  # fmt: skip


def toml_with_other_values(draws: list[tuple[int, bytes]]) -> bytes:
    lines = TOML.split(b"\n")
    for number, value in draws:
        key, equals, _ = lines[number % len(lines)].partition(b" = ")
        if equals:
            lines[number % len(lines)] = key + b" = " + value
    return b"\n".join(lines)


@given(
    st.one_of(
        broken(TOML),
        st.lists(st.tuples(st.integers(0, 30), TOML_VALUES), min_size=1, max_size=3).map(toml_with_other_values),
    )
)
@inputs("toml")
def test_toml(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzz.toml"
    path.write_bytes(data)
    plan = outcome(lambda: read_plan(path))
    if plan is not None:
        asdict(plan)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("runs"), n=12).folder


def report_on(folder: Path) -> str:
    """All that a report reads of a run."""
    comparison = compare([read_run(folder)], FAST)
    return "".join(render(comparison, name) for name in ("table", "json", "md", "csv", "tex"))


@given(st.data())
@inputs("run.json", 120)
def test_run_json(run: Path, data: st.DataObject) -> None:
    record = run / "run.json"
    valid = (run / "valid.json").read_bytes() if (run / "valid.json").exists() else record.read_bytes()
    (run / "valid.json").write_bytes(valid)
    made = data.draw(st.one_of(broken(valid), changed(json.loads(valid)).map(lambda c: json.dumps(c).encode())))
    record.write_bytes(made)
    try:
        outcome(lambda: report_on(run))
    finally:
        record.write_bytes(valid)


@given(st.data())
@inputs("predictions", 60)
def test_predictions(run: Path, data: st.DataObject) -> None:
    path = run / "predictions.parquet"
    valid = path.read_bytes()
    columns = pq.read_table(path).to_pydict()
    other = st.sampled_from([None, -1, 7, 2**40, "test", "dev", 0.5, float("nan"), float("inf"), True])

    def with_another(draw: tuple[str, Any, bool]) -> bytes:
        name, value, everywhere = draw
        values = [value] * 72 if everywhere else [value if i == 65 else v for i, v in enumerate(columns[name])]
        try:
            return parquet_bytes(columns | {name: values})
        except (pa.ArrowException, ValueError, TypeError):
            return parquet_bytes({key: values for key, values in columns.items() if key != name})

    table = st.tuples(st.sampled_from(sorted(columns)), other, st.booleans()).map(with_another)
    path.write_bytes(data.draw(st.one_of(broken(valid), table)))
    try:
        outcome(lambda: report_on(run))
    finally:
        path.write_bytes(valid)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    cache = tmp_path_factory.mktemp("cache")
    put(open_store(cache), ["one", "two", "three"])
    return cache


@given(st.data())
@inputs("manifest", 120)
def test_manifest(cache: Path, data: st.DataObject) -> None:
    """A manifest that is not byte for byte what was written is no manifest."""
    store = open_store(cache).folder
    path = next(p for p in store.iterdir() if p.suffix == ".json" and p.name != "spec.json")
    valid = path.read_bytes()
    made = data.draw(st.one_of(broken(valid), changed(json.loads(valid)).map(lambda c: json.dumps(c).encode())))
    parsed = outcome(lambda: parse_manifest(made, path))
    assert parsed is None or isinstance(parsed, Manifest)
    assert (parsed is not None) == (made == valid)
    path.write_bytes(made)
    (store / "spec.json").write_bytes(made[:200])
    try:
        assert len(open_store(cache)) == (3 if made == valid else 0)
        outcome(lambda: (list_stores(cache), verify(cache)))
    finally:
        path.write_bytes(valid)


def test_what_was_found(tmp_path: Path) -> None:
    """Inputs that once ended in a traceback, or in a message without end."""
    (tmp_path / "number.toml").write_text(f"experiment = {'9' * 5_000}\n")
    (tmp_path / "key.toml").write_text(f"{'a' * 9_000} = 1\n")
    (tmp_path / "metadata.parquet").write_bytes(PARQUET[:68] + b"\x80" + PARQUET[69:])
    (tmp_path / "columns.csv").write_text(",".join(f"column {i}" for i in range(5_000)) + "\n")
    folder = tmp_path / "tweets"
    folder.mkdir()
    for name, content in (TWEETS | {"mapping.txt": b"0\t" + b"9" * 5_000 + b"\n"}).items():
        (folder / name).write_bytes(content)
    assert outcome(lambda: read_plan(tmp_path / "number.toml")) is None
    assert outcome(lambda: read_plan(tmp_path / "key.toml")) is None
    for address in (tmp_path / "metadata.parquet", tmp_path / "columns.csv", folder):
        assert outcome(lambda address=address: load_dataset(DataSettings(str(address)))) is None

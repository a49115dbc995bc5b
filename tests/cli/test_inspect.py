"""``featx inspect``: what it says of texts and tokens is what the data and the tokenizer say."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tiny import LABELS, make_tokenizer

from featx.cli import main
from featx.cli.tables import table
from featx.data import Split, TextDataset
from featx.data.summary import Lengths, Repeated, repeated_across, repeated_within, samples
from featx.markup import visible

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def featx(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("FEATX_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("FEATX_DEVICE", "cpu")

    def run(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main([str(argument) for argument in arguments])
        return int(stop.value.code or 0), *capsys.readouterr()

    return run


def split(texts: list[str], labels: list[int]) -> Split:
    return Split(texts, np.array(labels), ("no", "yes"))


def test_repeated_texts_are_counted_with_their_labels() -> None:
    train, test = split(["a", "b", "a", "a"], [0, 1, 0, 1]), split(["a", "c", "a"], [1, 0, 0])
    assert repeated_within(train) == Repeated(2, 1)
    assert repeated_across(TextDataset("x", ("no", "yes"), {"train": train, "test": test})) == {
        ("train", "test"): Repeated(2, 1)
    }


def test_lengths_are_numpys() -> None:
    lengths = np.array([1, 2, 3, 10])
    made = Lengths.of(lengths)
    assert (made.n_texts, made.mean, made.median, made.longest) == (4, 4.0, 2.5, 10)
    assert made.p95 == pytest.approx(np.percentile(lengths, 95))
    assert Lengths.of(np.array([], int)) is None


def test_samples_are_of_every_class_and_the_same_each_time() -> None:
    drawn = samples(split([f"t{k}" for k in range(20)], [0] * 18 + [1] * 2), 4)
    assert {label for _, label, _ in drawn} == {"no", "yes"}
    assert drawn == samples(split([f"t{k}" for k in range(20)], [0] * 18 + [1] * 2), 4)
    assert all(text == f"t{row}" for row, _, text in drawn)
    assert len(samples(split(["a", "b"], [0, 1]), 9)) == 2


def test_data_as_json(featx: Run, tweets: Path, tiny: Path) -> None:
    code, out, err = featx("inspect", "data", "--dataset", tweets, "--checkpoint", tiny, "--max-length", 8, "--json")
    assert (code, err) == (0, "")
    made = json.loads(out)
    texts = {name: (tweets / f"{name}_text.txt").read_text().split("\n") for name in ("train", "val", "test")}
    assert {name: facts["n_texts"] for name, facts in made["splits"].items()} == {
        "train": 60,
        "validation": 15,
        "test": 30,
    }
    assert made["splits"]["test"]["class_counts"] == [10, 10, 10]
    words = [len(text.split()) + 2 for text in texts["train"]]
    cut = {entry["name"]: entry for entry in made["cut"]}
    assert cut["max_length"]["length"] == 8
    assert cut["max_length"]["shares"]["train"] == pytest.approx(np.mean([n > 8 for n in words]))
    assert cut["checkpoint limit"] == {
        "name": "checkpoint limit",
        "length": 40,
        "shares": {"train": 0, "validation": 0, "test": 0},
    }
    every = [text for part in texts.values() for text in part]
    assert max(lengths["longest"] for lengths in made["lengths"]["characters"].values()) == max(map(len, every))
    assert max(lengths["longest"] for lengths in made["lengths"]["tokens"].values()) == max(
        len(t.split()) + 2 for t in every
    )


def test_data_on_a_terminal_and_its_figures(featx: Run, tweets: Path, tiny: Path, tmp_path: Path) -> None:
    plots = tmp_path / "plots"
    code, out, _ = featx(
        "inspect", "data", "--dataset", tweets, "--checkpoint", tiny, "--figures", plots, "--map", "pca"
    )
    assert code == 0
    assert all(name in out for name in LABELS)
    assert "share of texts that are longer" in out
    assert f"figures: {plots}" in out
    names = {"classes", "characters", "tokens", "map-pca"}
    assert {path.name for path in plots.iterdir()} == {f"{name}.{kind}" for name in names for kind in ("png", "svg")}


def test_data_without_a_checkpoint_counts_characters_and_loads_no_torch(tweets: Path) -> None:
    import subprocess
    import sys

    code = (
        "import sys\nfrom featx.cli import main\ntry:\n main(['inspect', 'data', '--dataset', sys.argv[1]])\n"
        "except SystemExit: pass\nprint('torch' in sys.modules, 'transformers' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tweets)], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False False"
    assert "tokens" not in done.stdout


def test_no_texts_shows_no_rows(featx: Run, tweets: Path) -> None:
    first = (tweets / "train_text.txt").read_text().split("\n")
    shown, hidden = (
        featx("inspect", "data", "--dataset", tweets, "--rows", 60, *more)[1] for more in ((), ("--no-texts",))
    )
    assert sum(text in shown for text in first) > 10
    assert not any(text in hidden for text in first)


def test_tokens(featx: Run, tiny: Path) -> None:
    text = "The train is never zzz on time"
    code, out, _ = featx("inspect", "tokens", text, "--checkpoint", tiny, "--max-length", 6, "--json")
    assert code == 0
    made = json.loads(out)["texts"][0]
    tokens = made["tokens"]
    expected = make_tokenizer("distilbert")(text)["input_ids"]
    assert [token["id"] for token in tokens] == expected
    assert [token["kind"] for token in tokens] == [
        "special",
        "word",
        "word",
        "word",
        "word",
        "unknown",
        "word",
        "word",
        "special",
    ]
    assert [token["text"] for token in tokens][1:-1] == text.split()
    kept = make_tokenizer("distilbert")(text, truncation=True, max_length=6)["input_ids"]
    assert [token["id"] for token in tokens if token["kept"]] == kept
    assert (made["n_cut"], made["cut_text"]) == (3, "zzz on time")


def test_several_texts_are_padded_to_the_longest_that_is_left(featx: Run, tiny: Path) -> None:
    arguments = ["the train is on time today", "good day", "--checkpoint", tiny, "--max-length", 6, "--json"]
    first, second = (made["tokens"] for made in json.loads(featx("inspect", "tokens", *arguments)[1])["texts"])
    assert sum(token["kept"] for token in first) == 6
    assert [token["attention_mask"] for token in second] == [1, 1, 1, 1, 0, 0]
    assert [token["kind"] for token in second[4:]] == ["padding"] * 2


def test_tokens_on_a_terminal_are_aligned(featx: Run, tiny: Path) -> None:
    out = featx("inspect", "tokens", "good 日本\x1b[2J day", "--checkpoint", tiny)[1]
    assert "none cut at 40" in out
    assert "\x1b" not in out
    assert out.splitlines()[1].startswith("─")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["data"], 2, "Missing option '--dataset'"),
        (["data", "--dataset", "demo", "--max-length", "9"], 2, "give --checkpoint as well"),
        (["data", "--dataset", "demo", "--map", "pca"], 2, "give --checkpoint and --figures as well"),
        (["tokens"], 2, "Missing argument"),
        (["tokens", "a", "", "--checkpoint", "TINY"], 1, "text 2 is empty"),
        (["tokens", "a", "--checkpoint", "TINY", "--max-length", "41"], 2, "to 40, the limit of"),
        (["tokens", "a", "--checkpoint", "./nowhere"], 1, "is no folder and no Hub name"),
        (["nothing"], 2, "No such command"),
    ],
)
def test_wrong_usage_is_one_line(featx: Run, tiny: Path, arguments: list[str], code: int, words: str) -> None:
    got, out, err = featx("inspect", *[str(tiny) if part == "TINY" else part for part in arguments])
    assert (got, out) == (code, "")
    assert words in err


def test_unknown_map_and_unwritable_figures(featx: Run, tweets: Path, tiny: Path, tmp_path: Path) -> None:
    data = ["inspect", "data", "--dataset", tweets, "--checkpoint", tiny]
    assert (
        "--map is 'tsne'; expected one of: pca, umap" in featx(*data, "--figures", tmp_path / "p", "--map", "tsne")[2]
    )
    (tmp_path / "file").write_text("x")
    assert "the figures cannot be written to" in featx(*data, "--figures", tmp_path / "file" / "p")[2]


def test_wide_signs_count_for_two() -> None:
    lines = table(["a", "b"], [["日本", "1"], ["xy", "22"]], right={1}).splitlines()
    assert lines[2:] == ["日本   1", "xy    22"]
    assert visible("a\u202eb\nc") == "a\\u202eb\\nc"

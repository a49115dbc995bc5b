"""Data cut by folds: every text in test once, equal texts together, each class dealt evenly, always the same."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import featx
from featx.data import Split, TextDataset
from featx.data.folding import cut_folds
from featx.errors import DataError
from featx.settings import DataSettings

NAMES = ("a", "b", "c")


def whole_of(labels: list[int], texts: list[str] | None = None) -> Split:
    return Split(texts or [f"text {row}" for row in range(len(labels))], np.array(labels, np.int64), NAMES)


def check_folds(dataset: TextDataset) -> None:
    folds = dataset.folds
    assert folds is not None
    assert np.array_equal(np.sort(np.concatenate([rows["test"] for rows in folds.rows])), np.arange(len(folds.whole)))
    for fold, rows in enumerate(folds.rows):
        part = dataset.of_fold(fold)
        assert np.array_equal(np.sort(np.concatenate(list(rows.values()))), np.arange(len(folds.whole)))
        seen = [set(part.splits[name].texts) for name in ("train", "validation", "test")]
        assert not seen[0] & seen[1]
        assert not seen[0] & seen[2]
        assert not seen[1] & seen[2]
        assert [folds.whole.texts[row] for row in part.test_rows.tolist()] == part.test.texts
        assert np.array_equal(folds.whole.labels[part.test_rows], part.test.labels)
        assert part.train.class_counts.all()
        assert part.validation.class_counts.all()


@settings(max_examples=60, deadline=None)
@example(rows=[(0, 0)] * 4, n_folds=2, seed=0)
@given(
    st.lists(st.tuples(st.integers(0, 25), st.integers(0, 2)), max_size=60),
    st.integers(2, 10),
    st.integers(0, 2**32 - 1),
)
def test_every_text_is_in_test_once_and_equal_texts_are_together(
    rows: list[tuple[int, int]], n_folds: int, seed: int
) -> None:
    rows = rows + [(100 + k, k % 3) for k in range(12)]  # four texts of each class that nothing else equals
    whole = whole_of([label for _, label in rows], [f"text {text}" for text, _ in rows])
    wanted = DataSettings(folds=n_folds, split_seed=seed)
    made = TextDataset("x", NAMES, {}, folds=cut_folds(whole, wanted, "x")).of_fold(0)
    check_folds(made)
    again = cut_folds(whole, wanted, "x")
    assert all(np.array_equal(a[name], b[name]) for a, b in zip(made.folds.rows, again.rows, strict=True) for name in a)


def test_classes_and_sizes_are_even_and_the_seed_matters() -> None:
    whole = whole_of([0] * 503 + [1] * 97 + [2] * 3)
    folds = cut_folds(whole, DataSettings(folds=10), "x")
    counts = np.array([np.bincount(whole.labels[rows["test"]], minlength=3) for rows in folds.rows])
    assert np.ptp(counts, axis=0).tolist() == [1, 1, 1]
    assert np.ptp(counts.sum(axis=1)) <= 1
    assert {len(rows["validation"]) for rows in folds.rows} <= {81, 82, 83}  # 15 % of what is not in test
    other = cut_folds(whole, DataSettings(folds=10, split_seed=1), "x")
    assert not np.array_equal(folds.rows[0]["test"], other.rows[0]["test"])


def test_a_rare_class_is_refused_or_left_out(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    rows = [("a", "a")] + [("same", "b")] * 5 + [(f"t{k}", "cd"[k % 2]) for k in range(40)]
    path.write_text("text,label\n" + "".join(f"{text},{label}\n" for text, label in rows), "utf-8")
    with pytest.raises(DataError, match=r"class 'a' has 1 different texts, too few for 5 folds .* set `drop_rare`"):
        featx.load_dataset(path, folds=5)
    made = featx.load_dataset(path, folds=5, drop_rare=True)
    assert made.label_names == ("c", "d")
    assert "2 classes with fewer than 3 texts in train left out, with 6 texts: 'a', 'b'" in made.notes
    with pytest.raises(DataError, match="50 folds of 40 different texts; lower `folds`"):
        featx.load_dataset(path, folds=50, drop_rare=True)
    with pytest.raises(DataError, match=r"too few for 2 folds .* add texts \(4 of each class at least\)"):
        cut_folds(whole_of([0] * 9 + [1] * 9 + [2] * 3), DataSettings(folds=2), "x")


def test_a_test_split_is_left_alone_unless_asked_for() -> None:
    whole = featx.load_dataset("demo")
    folded = featx.load_dataset("demo", folds=10)
    check_folds(folded)
    assert len(folded.folds.whole) == len(whole.train) + len(whole.validation)
    assert not set(whole.test.texts) & set(folded.folds.whole.texts)
    assert any(f"{len(whole.test)} texts of the test split are left alone" in note for note in folded.notes)
    assert repr(folded).startswith(f"TextDataset('demo': fold 0 of 10: train {len(folded.train)}, validation ")
    every = featx.load_dataset("demo", folds=10, fold_test=True)
    assert Counter(every.folds.whole.texts) == Counter(t for split in whole.splits.values() for t in split.texts)


def test_a_data_set_in_memory_is_cut_alike(tmp_path: Path) -> None:
    texts, labels = [f"text {k % 57}" for k in range(60)], ["a" if k % 57 % 2 else "b" for k in range(60)]
    path = tmp_path / "x.csv"
    path.write_text("text,label\n" + "".join(f"{t},{n}\n" for t, n in zip(texts, labels, strict=True)), "utf-8")
    of_file, of_lists = featx.load_dataset(path, folds=4), featx.load_dataset((texts, labels), folds=4)
    check_folds(of_file)
    assert [part.digest for part in of_file.splits.values()] == [part.digest for part in of_lists.splits.values()]
    assert "3 texts repeat another; equal texts are in test in one fold" in of_file.notes
    loaded = featx.load_dataset("demo")
    check_folds(featx.Session(loaded, folds=3).dataset)
    whole = featx.Session(loaded, folds=3, fold_test=True).dataset.folds.whole
    assert len(whole) == sum(map(len, loaded.splits.values()))


def test_without_folds_there_are_none() -> None:
    dataset = featx.load_dataset("demo")
    assert dataset.folds is None
    assert dataset.fold is None
    assert dataset.test_rows is None
    with pytest.raises(ValueError, match="not cut by folds"):
        dataset.of_fold(0)

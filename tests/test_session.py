"""`Session`: everything is loaded once, objects in memory go everywhere, and finished runs are kept whoever asks."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tiny import write_tweeteval
from transformers import AutoModel, AutoModelForSequenceClassification

import featx
from featx.errors import DataError, SettingsError
from featx.features import checkpoint as checkpoint_module
from featx.settings import BaselineSettings, ComputeSettings, FeatureSettings, FinetuneSettings

FEW = {"num_train_epochs": 1, "per_device_train_batch_size": 16, "learning_rate": 1e-3}


class Remarks:
    """A display that keeps what is said."""

    def __init__(self) -> None:
        from featx.experiment.progress import Silent

        self.task = Silent().task
        self.said: list[str] = []

    def say(self, message: str) -> None:
        self.said.append(message)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Finding and hashing of checkpoints, and what is loaded from them, by their names in code."""
    counts: Counter[str] = Counter()

    def counting(module: Any, name: str, key: str) -> None:
        real = getattr(module, name)

        def count(*arguments: Any, **named: Any) -> Any:
            counts[key] += 1
            return real(*arguments, **named)

        monkeypatch.setattr(module, name, count)

    counting(checkpoint_module, "find_checkpoint", "find")
    counting(checkpoint_module, "digest_files", "hash")
    for auto in (AutoModel, AutoModelForSequenceClassification):
        counting(auto, "from_pretrained", auto.__name__)
    return counts


def test_a_checkpoint_is_found_hashed_and_loaded_once(
    tmp_path: Path, tweets: Path, tiny: Path, counted: Counter[str]
) -> None:
    session = featx.Session(tweets, tiny, results=tmp_path / "results", cache_dir=tmp_path / "cache", device="cpu")
    runs = session.finetune(method="lp", seeds=(0, 1, 2), **FEW)
    assert [run.record.seed for run in runs] == [0, 1, 2]
    assert counted["find"] == 1
    assert counted["hash"] == 2, "model and tokenizer, each once; what is loaded is compared with it elsewhere"
    assert counted["AutoModel"] == 1, "the encoder of the probes"
    session.extract()
    session.baseline(methods="logreg,ridge")
    session.extract(layer="all")
    assert counted["find"] == 1
    assert counted["hash"] == 2
    assert counted["AutoModel"] == 2, "given up for the trainings, and then loaded once for all layers"


def test_a_data_set_is_read_once(tmp_path: Path, tweets: Path, tiny: Path) -> None:
    session = featx.Session(tweets, tiny, results=tmp_path / "results", cache_dir=tmp_path / "cache")
    features = session.extract()
    for path in tweets.iterdir():
        path.unlink()
    assert np.array_equal(session.extract(layer=-1)["test"], features["test"])
    assert len(session.baseline(methods="majority,logreg")) == 2
    assert session.report(n_resamples=999).files[0] == tmp_path / "results/tweets/report/report.html"
    loaded = featx.load_dataset(session.dataset)
    assert featx.extract(loaded, tiny, cache_dir=tmp_path / "cache").dataset is session.dataset


def test_settings_are_objects_or_keywords(tmp_path: Path, tweets: Path, tiny: Path) -> None:
    where = {"results": tmp_path / "results", "cache_dir": tmp_path / "cache"}
    session = featx.Session(tweets, tiny, compute=ComputeSettings(threads=1), device="cpu", **where)
    assert session.compute == ComputeSettings("cpu", threads=1)
    (run,) = session.baseline(FeatureSettings(layer=1), BaselineSettings(("ridge",)), max_length=9)
    assert run.record.features["max_length"] == 9
    assert run.record.features["kinds"][0]["layer"] == 1
    with pytest.raises(SettingsError, match="baseline: unknown key 'metods'; did you mean 'methods'"):
        session.baseline(metods="ridge")
    with pytest.raises(
        SettingsError, match=r"baseline takes BaselineSettings and FeatureSettings, not FinetuneSettings"
    ):
        session.baseline(FinetuneSettings())
    with pytest.raises(SettingsError, match="`layer` is 99"):
        featx.extract(tweets, tiny, layer=99, **where)


def test_runs_are_kept_whatever_the_data_came_as(tmp_path: Path, tiny: Path) -> None:
    """A CSV file, lists and a frame with its content are one data set."""
    folder = write_tweeteval(tmp_path / "tweets")
    texts = (folder / "train_text.txt").read_text().splitlines()
    labels = [int(line) for line in (folder / "train_labels.txt").read_text().splitlines()]
    frame = pd.DataFrame({"text": texts, "label": labels})
    frame.to_csv(tmp_path / "x.csv", index=False)
    where = {"results": tmp_path / "results", "cache_dir": tmp_path / "cache", "experiment": "one"}
    first = featx.baseline(tmp_path / "x.csv", tiny, methods="tfidf-logreg,logreg", **where)
    for data in ((texts, labels), frame, featx.load_dataset(frame)):
        remarks = Remarks()
        again = featx.baseline(data, tiny, methods="tfidf-logreg,logreg", display=remarks, **where)
        assert [said for said in remarks.said if "kept" in said and "cut" not in said] == [
            f"{run.folder} is there with the same data and settings: kept" for run in first
        ]
        assert [run.record.created for run in again] == [run.record.created for run in first]


def test_texts_to_label_come_in_every_form(tmp_path: Path, tweets: Path) -> None:
    """The texts are labelled, never the names of columns; what holds none is told in a line."""
    import polars
    import pyarrow as pa
    from datasets import Dataset, DatasetDict

    session = featx.Session(tweets, None, results=tmp_path / "results", cache_dir=tmp_path / "cache")
    (run,) = session.baseline(methods="tfidf-logreg")
    texts = ["a good day", "a bad bus", "fine"]
    columns = {"n": [1, 2, 3], "Text": texts}
    forms = (texts, tuple(texts), iter(texts), np.array(texts), pd.Series(texts), pa.array(texts), columns,
             pd.DataFrame(columns), polars.DataFrame(columns), pa.table(columns), Dataset.from_dict(columns))  # fmt: skip
    for form in forms:
        assert [one.text for one in session.predict(run, form)] == texts, type(form)
    assert [one.text for one in session.predict(run, session.dataset.test)] == list(session.dataset.test.texts)
    assert len(featx.predict(run, pd.DataFrame(columns), cache_dir=tmp_path / "cache")) == 3
    for wrong, words in (
        (session.dataset, "texts of a TextDataset with the splits 'train', 'validation', 'test'; give one of them"),
        (DatasetDict({"test": Dataset.from_dict(columns)}), "texts of a DatasetDict with the splits 'test'"),
        ({"train": (texts, [1, 0, 1])}, "texts of a dict with the splits 'train'; give one"),
        (pd.DataFrame({"a": texts}), "texts of a DataFrame: no text column .*; it has 'a'; .*or give that column"),
        ((texts, [1, 0, 1]), "text 1 is of type list; expected a text, a sequence of texts, one split"),
        ([[one] for one in texts], "text 1 is of type list; expected"),
        ([*texts, 5], "text 4 is of type int; expected"),
        (pd.DataFrame([texts, texts], columns=["text", "text", "b"]), "its text column stands twice"),
        ([pd.Series(texts)], "text 1 is of type Series; expected"),
        ({"text": "one"}, "texts of type str; expected"),
        (b"raw", "texts of type bytes; expected"),
        (5, "texts of type int; expected"),
        ([*texts, None], "text 4 is empty"),
    ):
        with pytest.raises(DataError, match=words):
            session.predict(run, wrong)

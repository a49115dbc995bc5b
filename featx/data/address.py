"""One function from an address to a `TextDataset`; the only place that knows which reader an address means."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from featx.data.dataset import Split, TextDataset
from featx.data.folder import read_folder
from featx.data.hub import is_hub_address, read_hub
from featx.data.in_memory import read_in_memory
from featx.data.labels import encode
from featx.data.paths import is_file, is_folder
from featx.data.raw import RawSplit
from featx.data.splitting import cut, three_way
from featx.data.tables import READERS, read_table
from featx.data.tweeteval import is_tweeteval, read_tweeteval
from featx.errors import DataError
from featx.settings import DEMO, DataSettings

_DEMO_FOLDER = Path(__file__).parent / "demo"


def load_dataset(settings: DataSettings, content: Any = None) -> TextDataset:
    """Read, check and complete the data set at an address, or that `content` holds.

    Parameters
    ----------
    settings : DataSettings
        `address` is ``demo``, a table file, a folder with one table a split, a folder in the TweetEval layout,
        or ``NAME[:CONFIG]`` on the Hugging Face Hub. An existing path goes before a Hub name.
    content : optional
        Data in memory, see `featx.data.in_memory`; then the address does not count.

    Returns
    -------
    TextDataset
        With train, validation and test. A single file is cut in three, stratified; a missing validation split
        is cut from train. Its notes say so.

    Raises
    ------
    DataError
        For any input that breaks a rule; names file, row and remedy.
    """
    revision = None
    if content is None:
        raw, mapping, revision = _read(settings)
        single = _is_single_file(settings.dataset)
    else:
        raw, mapping, single = read_in_memory(content, settings)
    label_names, splits = encode(raw, mapping)
    splits, notes = _complete(splits, settings, raw["train"].source, single)
    notes += _overlap_notes(splits)
    address = settings.dataset if content is None else _address_of(splits)
    return TextDataset(address, label_names, splits, revision, tuple(notes))


def _address_of(splits: Mapping[str, Split]) -> str:
    """Return a name for data in memory: the same for the same content."""
    return f"memory-{sha256(''.join(split.digest for split in splits.values()).encode()).hexdigest()[:12]}"


def _is_single_file(address: str) -> bool:
    return address != DEMO and is_file(address)


def _read(settings: DataSettings) -> tuple[Mapping[str, RawSplit], tuple[str, ...] | None, str | None]:
    address, columns = settings.dataset, (settings.text_column, settings.label_column)
    if address == DEMO:
        return read_folder(_DEMO_FOLDER, None, None), None, None
    if not address.strip():
        raise DataError("no file or folder ''; give a path that exists, a Hub data set as NAME or NAME:CONFIG, or demo")
    path = Path(address)
    if is_folder(path):
        if is_tweeteval(path):
            return *read_tweeteval(path), None
        return read_folder(path, *columns), None, None
    if is_file(path):
        return {"train": read_table(path, *columns)}, None, None
    if path.suffix.lower() in READERS or not is_hub_address(address):
        raise DataError(
            f"no file or folder {address!r}; give a path that exists, a Hub data set as NAME or NAME:CONFIG, or demo"
        )
    return read_hub(settings)


def _complete(
    splits: dict[str, Split], settings: DataSettings, source: str, single: bool
) -> tuple[dict[str, Split], list[str]]:
    if single:
        cuts = three_way(splits["train"], settings, source)
        sizes = "/".join(str(len(split)) for split in cuts.values())
        return cuts, [f"one file, cut into train/validation/test of {sizes}, stratified, seed {settings.split_seed}"]
    if "test" not in splits:
        raise DataError(
            f"{source}: there is no test split beside train; add one (test.csv, test_text.txt, …), "
            "or give one file alone to have it cut 70/15/15"
        )
    if "validation" in splits:
        return splits, []
    train, validation = cut(splits["train"], settings.validation_fraction, settings.split_seed, source)
    note = (
        f"no validation split: {len(validation)} texts cut from train, stratified, seed {settings.split_seed}; "
        f"{len(train)} left"
    )
    return {"train": train, "validation": validation, "test": splits["test"]}, [note]


def _overlap_notes(splits: Mapping[str, Split]) -> list[str]:
    """Texts of test or validation that stand in train too: counted, never dropped."""
    train = set(splits["train"].texts)
    notes = []
    for name in ("validation", "test"):
        shared = sum(text in train for text in splits[name].texts)
        if shared:
            notes.append(f"{shared} of {len(splits[name])} {name} texts stand in train as well")
    return notes

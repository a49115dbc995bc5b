"""One function from an address to a `TextDataset`; the only place that knows which reader an address means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from featx.data.dataset import SPLITS, Split, TextDataset
from featx.data.dropping import check_labelled, drop_rare, drop_rows
from featx.data.folder import is_saved_table, read_folder, read_saved_table
from featx.data.folding import cut_folds, fold_notes, least_texts, left_alone
from featx.data.formats import ReadOptions, find_format
from featx.data.hub import is_hub_address, read_hub
from featx.data.in_memory import read_in_memory
from featx.data.labels import encode, same_names, with_names
from featx.data.paths import is_file, is_folder
from featx.data.raw import RawSplit, joined
from featx.data.splitting import cut, cut_test, three_way
from featx.data.tables import read_table
from featx.data.tweeteval import is_tweeteval, read_tweeteval
from featx.errors import DataError
from featx.settings import DEMO, DataSettings, SplitName

_DEMO_FOLDER = Path(__file__).parent / "demo"
_NO_FILE = "give a path that exists, a Hub data set as NAME or NAME:CONFIG, or demo"


@dataclass(frozen=True)
class Reading:
    """What a source holds, before it is checked and completed.

    Attributes
    ----------
    raw : mapping of split name to RawSplit
    mapping : tuple of str or None
        Label names that the source states beside the tables.
    revision : str or None
        The Hub's commit.
    single : bool
        Whether it is one table, to be cut in three.
    """

    raw: Mapping[str, RawSplit]
    mapping: tuple[str, ...] | None = None
    revision: str | None = None
    single: bool = False


def load_dataset(settings: DataSettings, content: Any = None) -> TextDataset:
    """Read, check and complete the data set at an address, or that `content` holds.

    Parameters
    ----------
    settings : DataSettings
        `dataset` is ``demo``, a table file, a folder with tables for each split, a folder in the TweetEval layout,
        or ``NAME[:CONFIG]`` on the Hugging Face Hub. An existing path goes before a Hub name.
    content : optional
        Data in memory, see `featx.data.in_memory`; then the address does not count.

    Returns
    -------
    TextDataset
        With train, validation and test. A single file is cut in three, stratified; a missing validation split
        is cut from train. With `folds` all of them are pooled and cut, but for a test split that the source brings;
        the splits are then those of the first fold. Its notes say so.

    Raises
    ------
    DataError
        For any input that breaks a rule; names file, row and remedy.
    """
    if content is None:
        return complete(_read(settings), settings, settings.dataset)
    raw, mapping, single = read_in_memory(content, settings)
    return complete(Reading(raw, mapping, single=single), settings, None)


def complete(reading: Reading, settings: DataSettings, address: str | None) -> TextDataset:
    """Check what a source holds and make a data set with the three splits out of it.

    Parameters
    ----------
    reading : Reading
    settings : DataSettings
    address : str or None
        What the data set is called; made from its content when None.

    Raises
    ------
    DataError
        As `load_dataset`.
    """
    raw, notes = _chosen_splits(reading, settings)
    mapping = reading.mapping or _stated_names(raw)
    check_labelled(raw, mapping, settings)
    raw, dropped = drop_rows(raw, mapping, settings)
    source = raw["train"].source
    raw, alike = same_names(with_names(raw, mapping), mapping)
    rare: list[str] = []
    if settings.drop_rare:
        raw, mapping, rare = drop_rare(
            raw, mapping, *((least_texts(settings.folds), True) if settings.folds else (4 - len(raw),))
        )
    _, splits = encode(raw, mapping)
    notes += [*dropped, *alike, *rare]
    if settings.folds:
        whole = splits["train"]
        folds = cut_folds(whole, settings, source)
        notes += fold_notes(folds, settings.split_seed)
        name = _address_of([whole]) if address is None else address
        made = TextDataset(name, whole.label_names, {}, reading.revision, tuple(notes), folds)
        return made.of_fold(0)
    splits, cuts = _complete(splits, settings, source, reading.single)
    notes += [*cuts, *_overlap_notes(splits)]
    name = _address_of(splits.values()) if address is None else address
    return TextDataset(name, splits["train"].label_names, splits, reading.revision, tuple(notes))


def _address_of(splits: Iterable[Split]) -> str:
    """Return a name for data in memory: the same for the same content."""
    return f"memory-{sha256(''.join(split.digest for split in splits).encode()).hexdigest()[:12]}"


def _read(settings: DataSettings) -> Reading:
    address, options = settings.dataset, ReadOptions.of(settings)
    wanted = tuple(split.value for split in SplitName)
    if settings.test_split != SplitName.TEST:
        wanted = (SplitName.TRAIN.value, SplitName.VALIDATION.value)
    if address == DEMO:
        return Reading(read_folder(_DEMO_FOLDER, wanted=wanted))
    if not address.strip():
        raise DataError(f"no file or folder ''; {_NO_FILE}")
    path = Path(address)
    if is_folder(path):
        if is_tweeteval(path):
            return Reading(*read_tweeteval(path, settings.encoding, wanted))
        if is_saved_table(path):
            return Reading({"train": read_saved_table(path, options)}, single=True)
        return Reading(read_folder(path, options, wanted))
    if is_file(path):
        return Reading({"train": read_table(path, options)}, single=True)
    if find_format(path) is not None or not is_hub_address(address):
        raise DataError(f"no file or folder {address!r}; {_NO_FILE}")
    return Reading(*read_hub(settings, wanted))


def _chosen_splits(reading: Reading, settings: DataSettings) -> tuple[dict[str, RawSplit], list[str]]:
    """Return the splits that are used, with the one that serves as test under that name, and notes.

    With folds that is one, all texts that they are cut from, under the name of train.
    """
    raw = dict(reading.raw)
    notes = list(dict.fromkeys(note for held in raw.values() for note in held.notes))
    if settings.folds:
        if "test" in raw and not settings.fold_test:
            notes.append(left_alone(len(raw.pop("test").texts)))
        parts = [raw[name] for name in SPLITS if name in raw]
        return {"train": joined(" and ".join(part.source for part in parts), parts)}, notes
    if reading.single or settings.test_split == SplitName.TEST:
        return raw, notes
    raw.pop("test", None)
    if settings.test_split == SplitName.VALIDATION:
        if "validation" not in raw:
            raise DataError(
                f"{raw['train'].source}: there is no validation split to serve as test; set `test_split` to "
                "train to cut one from train"
            )
        raw["test"] = raw.pop("validation")
        notes.append("the validation split serves as test")
    return raw, notes


def _stated_names(raw: Mapping[str, RawSplit]) -> tuple[str, ...] | None:
    """Return the label names that the tables state.

    Raises
    ------
    DataError
        If two state different ones.
    """
    stated = {held.label_names: held.source for held in raw.values() if held.label_names is not None}
    if len(stated) > 1:
        (_, first), (_, second) = list(stated.items())[:2]
        raise DataError(f"{first} and {second} state different label names; expected the same in each")
    return next(iter(stated), None)


def _complete(
    splits: dict[str, Split], settings: DataSettings, source: str, single: bool
) -> tuple[dict[str, Split], list[str]]:
    seed, notes = settings.split_seed, []
    if single:
        cuts = three_way(splits["train"], settings, source)
        sizes = "/".join(str(len(split)) for split in cuts.values())
        return cuts, [f"one file, cut into train/validation/test of {sizes}, stratified, seed {seed}"]
    if "test" not in splits and settings.test_split == SplitName.TRAIN:
        train, test = cut_test(splits["train"], settings, source)
        splits = splits | {"train": train, "test": test}
        notes.append(f"{len(test)} texts cut from train serve as test, stratified, seed {seed}; {len(train)} left")
    if "test" not in splits:
        raise DataError(f"{source}: there is no test split beside train; {_remedies(splits, settings)}")
    if "validation" not in splits:
        fraction = settings.validation_fraction
        if settings.test_split == SplitName.TRAIN:
            fraction /= 1 - settings.test_fraction
        train, validation = cut(splits["train"], fraction, seed, source)
        notes.append(
            f"no validation split: {len(validation)} texts cut from train, stratified, seed {seed}; {len(train)} left"
        )
        splits = splits | {"train": train, "validation": validation}
    return {name: splits[name] for name in ("train", "validation", "test")}, notes


def _remedies(splits: Mapping[str, Split], settings: DataSettings) -> str:
    """Say how a test split can be had."""
    ways = ["set `test_split` to train to have one cut from train"]
    if "validation" in splits:
        ways.insert(0, "set `test_split` to validation to use that split")
    if is_folder(settings.dataset):
        ways = [
            "add one (test.csv, test_text.txt, …)",
            *ways,
            "give one file alone to have it cut 70/15/15",
        ]
    return ", or ".join(ways)


def _overlap_notes(splits: Mapping[str, Split]) -> list[str]:
    """Return notes on texts of test or validation that are in train too: counted, never dropped."""
    train = set(splits["train"].texts)
    notes = []
    for name in ("validation", "test"):
        shared = sum(text in train for text in splits[name].texts)
        if shared:
            notes.append(f"{shared} of {len(splits[name])} {name} texts stand in train as well")
    return notes

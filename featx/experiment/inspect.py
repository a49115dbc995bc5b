"""``featx inspect``: what the texts and their tokens look like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featx.data import TextDataset
from featx.data.summary import Lengths, by_class, character_lengths, samples, summary
from featx.errors import DataError, RunError, SettingsError
from featx.experiment.context import Context
from featx.files import write_file
from featx.settings import FeatureSettings


@dataclass(frozen=True)
class Cut:
    """How many texts of each split are longer than a length.

    Attributes
    ----------
    name : str
        What sets the length: ``max_length`` or ``checkpoint limit``.
    length : int
        In tokens, special ones included.
    shares : dict of str to float
        Split name to the share of its texts, from 0 to 1.
    """

    name: str
    length: int
    shares: dict[str, float]


@dataclass(frozen=True)
class InspectedData:
    """What ``featx inspect data`` shows.

    Attributes
    ----------
    facts : dict
        Sizes, classes, repeated and shared texts; see `featx.data.summary.summary`.
    lengths : dict
        ``characters`` and, with a checkpoint, ``tokens``: class name to `Lengths`, over all splits.
    cuts : list of Cut
    checkpoint : str or None
    samples : list of (int, str, str)
        Row of train, label name, text.
    figures : list of Path
    """

    facts: dict[str, Any]
    lengths: dict[str, dict[str, Lengths | None]]
    cuts: list[Cut]
    checkpoint: str | None
    samples: list[tuple[int, str, str]]
    figures: list[Path]

    def to_json(self) -> dict[str, Any]:
        """What ``--json`` prints."""
        lengths = {
            unit: {name: made and asdict(made) for name, made in of_class.items()}
            for unit, of_class in self.lengths.items()
        }
        return self.facts | {
            "lengths": lengths,
            "cut": [asdict(cut) for cut in self.cuts],
            "checkpoint": self.checkpoint,
            "samples": [{"row": row, "label": label, "text": text} for row, label, text in self.samples],
            "figures": [str(path) for path in self.figures],
        }


def inspect_data(
    context: Context,
    max_length: int | None = None,
    n_samples: int = 6,
    figures: Path | None = None,
    projection: str | None = None,
) -> InspectedData:
    """Look at a data set.

    Parameters
    ----------
    context : Context
        With a checkpoint its tokens are counted; without one, characters only.
    max_length : int, optional
        A length in tokens to try, up to the checkpoint's limit.
    n_samples : int
        Rows of train to show.
    figures : Path, optional
        Folder for figures.
    projection : str, optional
        ``pca`` or ``umap``: a map of the test texts' features among the figures, which takes the checkpoint's encoder.

    Raises
    ------
    FeatxError
        For wrong data, checkpoint or settings.
    """
    if context.checkpoint_name is None and max_length is not None:
        raise SettingsError(
            "`max_length` counts tokens, which takes a tokenizer; give `checkpoint` as well", "max_length"
        )
    if projection is not None and (context.checkpoint_name is None or figures is None):
        raise SettingsError(
            "`map` draws features, which takes an encoder; give `checkpoint` and `figures` as well", "map"
        )
    dataset = context.dataset
    counted = {"characters": _counted(dataset, character_lengths)}
    cuts: list[Cut] = []
    if context.checkpoint_name is not None:
        counted["tokens"], lengths_cut_at = _tokens(context, max_length)
        cuts = [Cut(name, at, _shares(counted["tokens"], at)) for name, at in lengths_cut_at.items()]
    drawn = [] if figures is None else _draw(dataset, counted, cuts, figures)
    if figures is not None and projection is not None:
        drawn += _draw_map(context, max_length, projection, figures)
    shown = samples(dataset.train, n_samples) if context.workspace.texts else []
    lengths = {unit: _by_class(of_split, dataset) for unit, of_split in counted.items()}
    return InspectedData(summary(dataset), lengths, cuts, context.checkpoint_name, shown, drawn)


def _counted(dataset: TextDataset, count: Any) -> dict[str, NDArray[np.int64]]:
    return {name: count(split.texts) for name, split in dataset.splits.items()}


def _tokens(context: Context, max_length: int | None) -> tuple[dict[str, NDArray[np.int64]], dict[str, int]]:
    """Tokens of each text by split, and the lengths at which texts may be cut, by name."""
    from featx.features.inspection import token_lengths

    tokenizer, limit = _tokenizer(context, max_length)
    counted = _counted(context.dataset, lambda texts: token_lengths(tokenizer, texts))
    stated = {} if max_length is None else {"max_length": max_length}
    return counted, stated | {"checkpoint limit": limit}


def _tokenizer(context: Context, max_length: int | None) -> tuple[Any, int]:
    """Tokenizer of the checkpoint that cuts at `max_length`, and the checkpoint's own limit."""
    from featx.features.tokens import load_config, load_tokenizer, token_limit

    config = load_config(context.checkpoint)
    tokenizer = load_tokenizer(context.checkpoint, config, max_length)
    return tokenizer, token_limit(tokenizer.hf, config)


def _shares(lengths: dict[str, NDArray[np.int64]], at: int) -> dict[str, float]:
    return {split: float((of_split > at).mean()) for split, of_split in lengths.items()}


def _by_class(lengths: dict[str, NDArray[np.int64]], dataset: TextDataset) -> dict[str, Lengths | None]:
    """Summary over all splits of each class."""
    from featx.data import Split

    parts = dataset.splits.values()
    together = Split(range(sum(map(len, parts))), _labels(dataset), dataset.label_names)  # type: ignore[arg-type]
    return by_class(np.concatenate(list(lengths.values())), together)


def _labels(dataset: TextDataset) -> NDArray[np.int64]:
    return np.concatenate([split.labels for split in dataset.splits.values()])


def _draw(
    dataset: TextDataset, counted: dict[str, dict[str, NDArray[np.int64]]], cuts: Sequence[Cut], folder: Path
) -> list[Path]:
    from featx.reporting.data_display import BalanceDisplay, LengthDisplay

    names, labels = dataset.label_names, _labels(dataset)
    counts = {split: held.class_counts.tolist() for split, held in dataset.splits.items()}
    made = {"classes": BalanceDisplay(counts, names).figure()}
    for unit, of_split in counted.items():
        limits = {cut.name: cut.length for cut in cuts} if unit == "tokens" else {}
        lengths = np.concatenate(list(of_split.values()))
        made[unit] = LengthDisplay(lengths, labels, names, unit, limits).figure()
    return _written(made, folder)


def _draw_map(context: Context, max_length: int | None, projection: str, folder: Path) -> list[Path]:
    from featx.experiment.features import extract_splits
    from featx.reporting.map_display import PROJECTIONS, MapDisplay

    if projection not in PROJECTIONS:
        raise SettingsError(f"the map is {projection!r}; expected one of: {', '.join(PROJECTIONS)}")
    made = extract_splits(context, ["test"], FeatureSettings(max_length=max_length))
    dataset = context.dataset
    points = MapDisplay.of_features(made.of("test"), dataset.test.labels, dataset.label_names, projection)
    return _written({f"map-{projection}": points.figure()}, folder)


def _written(figures: dict[str, Any], folder: Path) -> list[Path]:
    from featx.reporting.style import drawn

    paths = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, figure in figures.items():
            for suffix in ("png", "svg"):
                path = folder / f"{name}.{suffix}"
                write_file(path, [drawn(figure, suffix)])
                paths.append(path)
    except OSError as e:
        raise RunError(f"the figures cannot be written to {folder}: {e.strerror or e}; give other `figures`") from e
    return paths


@dataclass(frozen=True)
class InspectedText:
    """A text and its tokens.

    Attributes
    ----------
    text : str
    tokens : list of Token
    """

    text: str
    tokens: list[Any]

    @property
    def n_cut(self) -> int:
        """Tokens that are cut away."""
        return sum(not token.kept for token in self.tokens)

    @property
    def cut_text(self) -> str:
        """The part of the text that is cut away; empty where that cannot be told."""
        starts = [token.start for token in self.tokens if not token.kept and token.start is not None]
        return self.text[min(starts) :] if starts else ""


def inspect_tokens(
    context: Context, texts: Sequence[str], max_length: int | None = None
) -> tuple[list[InspectedText], int]:
    """Tokens of each text, and the length at which they are cut.

    Raises
    ------
    DataError
        If a text is empty.
    FeatxError
        For a wrong checkpoint or length.
    """
    from featx.features.inspection import tokens_of

    for position, text in enumerate(texts, 1):
        if not text.strip():
            raise DataError(f"text {position} is empty; leave it out or give it words")
    tokenizer, _ = _tokenizer(context, max_length)
    made = tokens_of(tokenizer, texts)
    return [InspectedText(text, tokens) for text, tokens in zip(texts, made, strict=True)], tokenizer.max_length

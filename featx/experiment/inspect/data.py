"""``featx inspect data``: sizes, classes, lengths, what is cut, and texts that stand in it twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featx.data import Split, TextDataset
from featx.data.summary import Lengths, by_class, character_lengths, samples, summary
from featx.errors import SettingsError
from featx.experiment.context import Context
from featx.experiment.inspect.figures import draw, draw_map
from featx.experiment.inspect.long import Kept, kept_by_each
from featx.experiment.inspect.tokens import tokenizer_of
from featx.features.inspection import token_lengths
from featx.features.stated import stated_by


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
    long : list of Kept
        What each way to read long texts keeps, at `max_length` or what extraction would cut at; empty without a
        checkpoint.
    checkpoint : str or None
    samples : list of (int, str, str)
        Row of train, label name, text.
    figures : list of Path
    """

    facts: dict[str, Any]
    lengths: dict[str, dict[str, Lengths | None]]
    cuts: list[Cut]
    long: list[Kept]
    checkpoint: str | None
    samples: list[tuple[int, str, str]]
    figures: list[Path]

    def to_json(self) -> dict[str, Any]:
        """Return what ``--json`` prints."""
        lengths = {
            unit: {name: made and asdict(made) for name, made in of_class.items()}
            for unit, of_class in self.lengths.items()
        }
        return self.facts | {
            "lengths": lengths,
            "cut": [asdict(cut) for cut in self.cuts],
            "long": [kept.to_json() for kept in self.long],
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
    """Return what a data set is like.

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
    long: list[Kept] = []
    if context.checkpoint_name is not None:
        tokenizer, limit = tokenizer_of(context, max_length)
        counted["tokens"] = _counted(dataset, partial(token_lengths, tokenizer))
        at = ({} if max_length is None else {"max_length": max_length}) | {"checkpoint limit": limit}
        every = np.concatenate(list(counted["tokens"].values()))
        own = max_length or min(limit, stated_by(context.checkpoint).max_length or limit)
        long = kept_by_each(every, own, tokenizer.hf.num_special_tokens_to_add())
        cuts = [Cut(name, length, _shares(counted["tokens"], length)) for name, length in at.items()]
    labels = np.concatenate([split.labels for split in dataset.splits.values()])
    lengths = {unit: np.concatenate(list(of_split.values())) for unit, of_split in counted.items()}
    drawn = []
    if figures is not None:
        limits = {cut.name: cut.length for cut in cuts}
        drawn = draw(dataset, labels, lengths, limits, figures)
        if projection is not None:
            drawn += draw_map(context, max_length, projection, figures)
    together = Split(range(len(labels)), labels, dataset.label_names)  # type: ignore[arg-type]  # texts do not count
    of_class = {unit: by_class(made, together) for unit, made in lengths.items()}
    shown = samples(dataset.train, n_samples) if context.workspace.texts else []
    return InspectedData(summary(dataset), of_class, cuts, long, context.checkpoint_name, shown, drawn)


def _counted(dataset: TextDataset, count: Callable[[Sequence[str]], NDArray[np.int64]]) -> dict[str, NDArray[np.int64]]:
    """Return the length of each text by split."""
    return {name: count(split.texts) for name, split in dataset.splits.items()}


def _shares(lengths: dict[str, NDArray[np.int64]], at: int) -> dict[str, float]:
    """Return the share of each split's texts that are longer."""
    return {split: float((of_split > at).mean()) for split, of_split in lengths.items()}

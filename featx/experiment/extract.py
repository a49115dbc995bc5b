"""``featx extract``: features of a data set, into the store; `feature_files` writes them elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featx.data import TextDataset
from featx.errors import SettingsError
from featx.experiment.context import Context
from featx.experiment.features import SplitFeatures, extract_splits
from featx.markup import html_table
from featx.settings import FeatureSettings, Long, Pooling


@dataclass(frozen=True)
class Extracted:
    """A data set and its features."""

    dataset: TextDataset
    features: SplitFeatures

    def __getitem__(self, split: str) -> NDArray[np.float32]:
        """Return the features of one split: `array` with the first pooling."""
        return self.array(split)

    def array(self, split: str, pooling: str | None = None, long: str | None = None) -> NDArray[np.float32]:
        """Return the features of one split, in the order of its texts.

        Parameters
        ----------
        split : str
        pooling, long : str, optional
            The first one extracted when None.

        Returns
        -------
        ndarray of shape (n_texts, hidden_size) or (n_texts, n_layers, hidden_size), float32

        Raises
        ------
        SettingsError
            If that split, pooling or `long` was not extracted; lists those that were.
        """
        poolings = list(dict.fromkeys(spec.pooling.value for spec in self.features.specs))
        longs = list(dict.fromkeys(spec.long.value for spec in self.features.specs))
        for name, wanted, there in (
            ("split", split, list(self.features.encoded)),
            ("pooling", poolings[0] if pooling is None else pooling, poolings),
            ("long", longs[0] if long is None else long, longs),
        ):
            if wanted not in there:
                raise SettingsError(f"{name} {wanted!r} was not extracted; expected one of: {', '.join(there)}")
        return _layers(self.features, split, Pooling(pooling or poolings[0]), Long(long or longs[0]))

    def __repr__(self) -> str:
        shapes = ", ".join(
            f"{split} ({len(encoded.digests)}, {self.features.hidden_size})"
            for split, encoded in self.features.encoded.items()
        )
        kinds = ", ".join(
            f"layer {spec.layer} {spec.pooling.value}" + ("" if spec.long is Long.CUT else f" {spec.long.value}")
            for spec in self.features.specs
        )
        return f"Extracted({self.features.checkpoint.name!r}, {kinds}: {shapes})"

    def _repr_html_(self) -> str:
        rows = [
            [split, encoded.counts.texts, encoded.counts.encoded, encoded.counts.reused, self.features.hidden_size]
            for split, encoded in self.features.encoded.items()
        ]
        return html_table(["split", "texts", "encoded", "reused", "hidden_size"], rows, [repr(self)])

    def summary(self) -> dict[str, Any]:
        """Return what ``featx extract --json`` prints."""
        counts, specs = self.features.counts, self.features.specs
        described = [spec.facts() for spec in specs]
        names = [spec.name for spec in specs]
        return {
            "texts": counts.texts,
            "encoded": counts.encoded,
            "reused": counts.reused,
            "truncated": counts.truncated,
            "tokens": counts.tokens,
            "extract_seconds": round(counts.extract_seconds, 6),
            "waiting_seconds": round(counts.waiting_seconds, 6),
            "texts_per_second": round(counts.texts_per_second, 3),
            "hidden_size": self.features.hidden_size,
            "spec": described[0] if len(described) == 1 else described,
            "digest": names[0] if len(names) == 1 else names,
            "device": self.features.device,
            "dtype": specs[0].dtype.value,
        }


def extract(
    context: Context, features: FeatureSettings | None = None, splits: Sequence[str] | None = None
) -> Extracted:
    """Return the features of every split (or of `splits`), through the store.

    Raises
    ------
    FeatxError
        For wrong data, checkpoint or settings, and for a store that cannot be written.
    """
    dataset = context.dataset
    wanted = list(splits) if splits is not None else list(dataset.splits)
    for split in wanted:
        if split not in dataset.splits:
            raise SettingsError(f"`splits` names {split!r}; expected some of: {', '.join(dataset.splits)}", "splits")
    return Extracted(dataset, extract_splits(context, wanted, features or FeatureSettings()))


def _layers(features: SplitFeatures, split: str, pooling: Pooling, long: Long) -> NDArray[np.float32]:
    kinds = [kind for kind, spec in enumerate(features.specs) if spec.pooling is pooling and spec.long is long]
    if len(kinds) == 1:
        return features.of(split, kinds[0])
    n_texts = len(features.encoded[split].digests)
    stacked = np.empty((n_texts, len(kinds), features.hidden_size), np.float32)
    for position, kind in enumerate(kinds):
        stacked[:, position] = features.of(split, kind)
    return stacked

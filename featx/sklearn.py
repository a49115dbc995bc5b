"""`FeatureExtractor`: frozen features of a Transformer as a scikit-learn transformer.

Texts go in, a feature matrix comes out; everything is kept in the same store that the command line uses, so that
cross-validation and grid search never encode a text twice. May import ``features``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from featx.errors import CheckpointError, ExtractionError, SettingsError
from featx.features.checkpoint import find_checkpoint
from featx.features.device import thread_limit
from featx.features.encoder import Encoder, load_encoder
from featx.features.extraction import Extractor
from featx.features.sources import strings
from featx.settings import (
    DEFAULT_CHECKPOINT,
    Checkpoint,
    ComputeSettings,
    Device,
    Dtype,
    FeatureSettings,
    Long,
    Pooling,
    cache_folder,
    cache_place,
    choose,
)

__all__ = ["FeatureExtractor", "TextsError"]


class TextsError(ExtractionError, ValueError):
    """What was given is no sequence of texts; a `ValueError` too, as scikit-learn expects."""


class FeatureExtractor(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Frozen features of a Transformer encoder.

    Parameters
    ----------
    checkpoint : str, default="distilbert-base-uncased"
        Hub name, folder, or ``demo``.
    layer : int, default=-1
        0 (embeddings) to n (last); negative numbers count from the end.
    pooling : {"auto", "cls", "mean", "max", "weighted-mean", "last"}, default="auto"
        How the vector of a text is taken. With auto the checkpoint's own word counts, for normalising, length and
        prompt too; encoders that say nothing give the first token, decoders the last.
    normalize : bool, optional
        Whether vectors are scaled to length 1; None: the checkpoint's own word with auto, else no.
    prompt : str, optional
        Text put before each text, or the name of one of the checkpoint's prompts.
    long : {"cut", "head-tail", "windows"}, default="cut"
        What becomes of texts that are longer than `max_length`: cut there, both ends kept, or covered with windows
        whose vectors are joined into one.
    dtype : {"float32", "bfloat16", "float16", "auto"}, default="float32"
        Type of the computation; features are float32 always.
    max_length : int, optional
        Tokens at which texts are cut, special ones included; the checkpoint's own limit when None.
    device : {"auto", "cpu", "cuda", "mps"}, default="auto"
    cache_dir : str or Path, optional
        Cache folder; ``$FEATX_CACHE_DIR``, else the user's, when None.
    revision : str, optional
        Branch, tag or commit of a checkpoint on the Hub.
    store_layers : {"all", "one"}, default="all"
        Which layers a text that must be encoded is stored in. All of them come from one pass, so that a search over
        `layer` encodes each text once; the store then takes (n + 1) * 4 * hidden_size bytes a text instead of
        4 * hidden_size. A search over `pooling` makes one pass for each.
    batch_tokens : int, optional
        Tokens of a batch, padding included; by device when None.
    threads : int, optional
        Bound on the threads of torch, tokenizers and BLAS while encoding.

    Attributes
    ----------
    checkpoint_ : Checkpoint
        What `checkpoint` was found to be: a commit or digests.
    settings_ : FeatureSettings
        What is extracted, with the maximum length resolved.
    spec_ : str
        Sha256 that names the features in the store.

    Notes
    -----
    Nothing is learned from the texts: `fit` finds the checkpoint and checks the settings. The weights are loaded when a
    text must be encoded, and never are part of a pickle or a clone. Wrong settings and texts raise `FeatxError`
    (texts: one that is a `ValueError` too).

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> model = make_pipeline(FeatureExtractor("demo", layer=-2), LogisticRegression())
    >>> model.get_params()["featureextractor__layer"]
    -2
    """

    def __init__(
        self,
        checkpoint: str = DEFAULT_CHECKPOINT,
        *,
        layer: int = -1,
        pooling: str = Pooling.AUTO.value,
        normalize: bool | None = None,
        prompt: str | None = None,
        long: str = Long.CUT.value,
        dtype: str = Dtype.FLOAT32.value,
        max_length: int | None = None,
        device: str = Device.AUTO.value,
        cache_dir: str | Path | None = None,
        revision: str | None = None,
        store_layers: str = "all",
        batch_tokens: int | None = None,
        threads: int | None = None,
    ) -> None:
        self.checkpoint = checkpoint
        self.layer = layer
        self.pooling = pooling
        self.normalize = normalize
        self.prompt = prompt
        self.long = long
        self.dtype = dtype
        self.max_length = max_length
        self.device = device
        self.cache_dir = cache_dir
        self.revision = revision
        self.store_layers = store_layers
        self.batch_tokens = batch_tokens
        self.threads = threads

    def fit(self, X: Any, y: Any = None) -> FeatureExtractor:
        """Find the checkpoint and check settings and texts.

        Parameters
        ----------
        X : sequence, array, or single column of str, length n_texts
        y : ignored

        Raises
        ------
        CheckpointError
            If the checkpoint cannot be found or is no encoder.
        SettingsError
            If a setting does not fit.
        TextsError
            If `X` is no sequence of texts.
        """
        as_texts(X)
        if self.store_layers not in ("all", "one"):
            raise SettingsError(f"store_layers is {self.store_layers!r}; expected all or one")
        if isinstance(self.layer, bool) or not isinstance(self.layer, int | np.integer):
            raise SettingsError(f"layer is {self.layer!r}; expected one whole number")
        settings = FeatureSettings(
            (int(self.layer),),
            (choose(Pooling, self.pooling, "pooling"),),
            self.max_length,
            choose(Dtype, self.dtype, "dtype"),
            self.normalize,
            self.prompt,
            (choose(Long, self.long, "long"),),
        )
        self.checkpoint_: Checkpoint = self._found()
        self._encoder: Encoder = load_encoder(self.checkpoint_, settings, self._compute())
        made = Extractor(self._encoder, self.checkpoint_, settings, None)
        spec = made.specs[0]
        self.settings_ = replace(made.features, layer=(spec.layer,), max_length=spec.max_length, dtype=spec.dtype)
        self.spec_: str = spec.name
        self._n_features_out: int = self._encoder.hidden_size
        return self

    def transform(self, X: Any) -> NDArray[np.float32]:
        """Return features of each text, in order; only texts that the store lacks are encoded.

        Parameters
        ----------
        X : sequence, array, or single column of str, length n_texts

        Returns
        -------
        ndarray of shape (n_texts, hidden_size), float32

        Raises
        ------
        TextsError
            If `X` is no sequence of texts.
        CheckpointError
            If the checkpoint is another one than when this was fitted.
        """
        check_is_fitted(self)
        texts = as_texts(X)
        encoder, cache = self._loaded(), cache_folder(None if self.cache_dir is None else cache_place(self.cache_dir))
        with thread_limit(self.threads):
            own = Extractor(encoder, self.checkpoint_, self.settings_, cache)
            lacking = np.flatnonzero(own.lacks(texts))
            if self.store_layers == "one" or not len(lacking):
                return own.encode(texts).gather()
            every = replace(self.settings_, layer=None)
            wide = Extractor(encoder, self.checkpoint_, every, cache)
            encoded = wide.encode([texts[row] for row in lacking])
            features = np.empty((len(texts), encoder.hidden_size), np.float32)
            features[lacking] = encoded.gather(wide.specs.index(own.specs[0]))
            there = np.setdiff1d(np.arange(len(texts)), lacking)
            features[there] = own.encode([texts[row] for row in there]).gather()
        return features

    def _compute(self) -> ComputeSettings:
        return ComputeSettings(choose(Device, self.device, "device"), self.batch_tokens, self.threads)

    def _found(self) -> Checkpoint:
        cache = cache_folder(None if self.cache_dir is None else cache_place(self.cache_dir))
        return find_checkpoint(str(self.checkpoint), cache, self.revision)

    def _loaded(self) -> Encoder:
        """Return the encoder; after unpickling it is found again, and must be the one that this was fitted with."""
        if not hasattr(self, "_encoder"):
            found, fitted = self._found(), self.checkpoint_
            if (found.digest, found.tokenizer_digest) != (fitted.digest, fitted.tokenizer_digest):
                raise CheckpointError(
                    f"checkpoint {found.name!r} is another one than when this extractor was fitted (its weights, "
                    "configuration or tokenizer differ); give the right one, or fit again"
                )
            self._encoder = load_encoder(found, self.settings_, self._compute())
        return self._encoder

    def __getstate__(self) -> dict[str, Any]:
        """Everything but the encoder: a pickle carries no weights."""
        state: dict[str, Any] = dict(super().__getstate__())
        state.pop("_encoder", None)
        return state

    def __sklearn_tags__(self) -> Any:
        """Strings in one dimension go in."""
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        tags.no_validation = True
        tags.transformer_tags.preserves_dtype = []  # float32, whatever went in
        return tags


def as_texts(X: Any) -> list[str]:
    """Return texts out of a list, an array, a Series, an Arrow column, or a frame or matrix of one column.

    Raises
    ------
    TextsError
        If it is something else, or one of them is no string; names its position.
    """
    if isinstance(X, str | bytes):
        raise TextsError(f"X is one {type(X).__name__}; expected a sequence of texts: give a list, [X]")
    column = _only_column(X)
    if hasattr(column, "to_pylist"):  # Arrow
        items: Sequence[Any] = column.to_pylist()
    elif hasattr(column, "to_list"):  # pandas, polars
        items = column.to_list()
    elif isinstance(column, np.ndarray):
        items = column.tolist()
    else:
        try:
            items = list(column)
        except TypeError as e:
            raise TextsError(f"X is of type {type(X).__name__}; expected a sequence of texts") from e
    if not items:
        raise TextsError("X holds no texts (0 samples); a minimum of 1 is required")
    try:
        return list(strings(items))
    except ExtractionError as e:
        raise TextsError(f"X: {e}") from e


def _only_column(X: Any) -> Any:
    """Return `X` itself when it has one dimension, else its only column."""
    shape = getattr(X, "shape", None)
    if shape is None or len(shape) == 1:
        return X
    if len(shape) != 2 or shape[1] != 1:
        raise TextsError(
            f"X has the shape {tuple(shape)}; expected texts in one dimension or one column: "
            'choose a column, such as X["text"]'
        )
    if hasattr(X, "iloc"):
        return X.iloc[:, 0]
    if hasattr(X, "column"):  # an Arrow table
        return X.column(0)
    if hasattr(X, "to_series"):  # polars
        return X.to_series(0)
    return np.asarray(X)[:, 0]

"""The linear probe that a fine-tuning can start from: logistic regression on what the head reads, as arrays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featx.baselines import find_method, fit
from featx.data import TextDataset
from featx.experiment.context import Context
from featx.experiment.features import SplitFeatures, extract_splits
from featx.features.configuration import is_decoder_kind, load_config
from featx.settings import FeatureSettings, Long, Pooling
from featx.training import LinearHead

#: Standard deviation, as a share of the median over dimensions, below which a dimension is dead.
_DEAD = 1e-3


@dataclass(frozen=True)
class Probe:
    """A fitted probe.

    Attributes
    ----------
    head : LinearHead
    extract_seconds, fit_seconds : float
    facts : dict
        Its parameters and its score on validation, for the record.
    """

    head: LinearHead
    extract_seconds: float
    fit_seconds: float
    facts: dict[str, Any]


def probe_features(context: Context, max_length: int | None, long: tuple[Long, ...] = (Long.CUT,)) -> SplitFeatures:
    """Return what probes read: the last layer's first token of train and validation, a decoder's last one."""
    config = load_config(context.checkpoint)
    pooling = Pooling.LAST if is_decoder_kind(config) else Pooling.CLS
    features = FeatureSettings(pooling=(pooling,), max_length=max_length, long=long)
    return extract_splits(context, ["train", "validation"], features)


def fit_probe(dataset: TextDataset, features: SplitFeatures, seed: int) -> Probe:
    """Return ``logreg`` tuned on `features`, those of `probe_features`; through the origin for a decoder's head."""
    method = find_method("logreg")
    if features.specs[0].pooling is Pooling.LAST:
        method = replace(method, make=partial(_through_origin, method.make))
    inputs = without_dead_dimensions({name: features.of(name) for name in ("train", "validation")})
    train, validation = ((inputs[name], dataset.splits[name].labels) for name in inputs)
    fitted = fit(method, train, validation, dataset.label_names, seed)
    coef, intercept = linear_map(fitted.classifier, dataset.n_classes)
    logits = inputs["train"].astype(np.float64) @ coef.T + intercept
    return Probe(
        LinearHead(coef, intercept, float(np.abs(logits).max())),
        sum(encoded.encode_seconds for encoded in features.encoded.values()),
        fitted.fit_seconds,
        {"method": "logreg", "chosen": fitted.chosen.params, "score": fitted.chosen.score},
    )


def _through_origin(make: Callable[[int], Any], seed: int) -> Any:
    """Return the pipeline of `make` as a linear map without an intercept: scaled, and not centred."""
    return make(seed).set_params(scale__with_mean=False, logreg__fit_intercept=False)


def without_dead_dimensions(features: dict[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
    """Return `features` with 0 in dimensions that hardly vary on train.

    Some encoders have dimensions of 1e-30 that a scaler blows up to the size of all others. A classifier on frozen
    features may use them; a model that starts with weights of 1e+30 has gradients without bounds.

    Parameters
    ----------
    features : dict of split name to ndarray of shape (n_texts, hidden_size), float32
        ``train`` among them.
    """
    spread = features["train"].astype(np.float64).std(axis=0)
    alive = spread > _DEAD * np.median(spread)
    return {name: np.where(alive, part, np.float32(0)) for name, part in features.items()}


def linear_map(classifier: Any, n_classes: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return what a fitted pipeline of scaler and logistic regression computes, as one linear map.

    Parameters
    ----------
    classifier : Pipeline
        With steps ``scale`` and ``logreg``.
    n_classes : int

    Returns
    -------
    coef : ndarray of shape (n_classes, hidden_size), float64
    intercept : ndarray of shape (n_classes,), float64
        The softmax of ``coef @ features + intercept`` is the pipeline's ``predict_proba``. For two classes, where
        scikit-learn keeps one row w and takes the sigmoid, the rows are -w/2 and w/2.
    """
    scaler, logreg = classifier.named_steps["scale"], classifier.named_steps["logreg"]
    coef = logreg.coef_.astype(np.float64) / scaler.scale_
    intercept = logreg.intercept_.astype(np.float64) - (coef @ scaler.mean_ if scaler.with_mean else 0.0)
    if n_classes == 2:
        coef, intercept = np.concatenate([-coef, coef]) / 2, np.concatenate([-intercept, intercept]) / 2
    return coef, intercept

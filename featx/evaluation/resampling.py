"""Bootstrap resamples of test texts, common to all predictions, and the metrics on them.

A metric that the confusion matrix determines is resampled exactly as a multinomial draw over the cells of the joint
table (truth, prediction of A, prediction of B, …): drawing n texts with replacement and tabulating them has that
very distribution, and the cost does not grow with n. Where nearly every text has a cell of its own, drawing the
texts is cheaper and gives the same distribution. Bootstrap: Efron and Tibshirani, An Introduction to the Bootstrap
(1993), ch. 13.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from featx.evaluation.confusion import CONFUSION_METRICS, class_metrics_of_margins, metrics_of_margins
from featx.evaluation.folds import spread_over_folds
from featx.evaluation.metrics import ECE_BINS, SCORE_METRICS, brier_scores, calibration_gaps, log_losses
from featx.evaluation.predictions import Predictions

#: Counts of resampled cells held in memory at once.
_BLOCK_CELLS = 8_000_000
#: What one count costs in nanoseconds: drawn as a binomial of a multinomial, or by drawing texts.
_CELL_NS, _TEXT_NS = 80.0, 7.0
#: Beyond this all predictions are not drawn jointly, but those of each question apart.
_JOINT_SECONDS = 4.0
#: With more classes than this a sparse product is cheaper than a dense one.
_DENSE_CLASSES = 16
#: Counts of classes that are kept for intervals of single classes, 4 bytes each.
_MOST_MARGINS = 50_000_000
#: Texts times resamples for score metrics, whose cost grows with the number of texts.
_MOST_DRAWN_TEXTS = 2_000_000_000

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Resamples:
    """Metrics of several predictions, as they are and on common resamples of the test texts.

    Attributes
    ----------
    values : dict of str to ndarray of shape (n_predictions,), float64
    drawn : dict of str to ndarray of shape (n_resamples, n_predictions), float64
    margins : Margins or None
        Counts of classes behind them; None where they would take too much memory.
    spread : float
        How many times as far from their mean `drawn` are as the texts alone make them: see `spread_over_folds`.
    """

    values: dict[str, Floats]
    drawn: dict[str, Floats]
    margins: Margins | None = None
    spread: float = 1.0

    def of_classes(self) -> tuple[dict[str, Floats], dict[str, Floats]] | None:
        """Return the `CLASS_METRICS` as `values` and `drawn`, with the classes as last axis; None where not kept."""
        if self.margins is None:
            return None
        drawn = self.margins.metrics(self.margins.drawn)
        return self.margins.metrics(self.margins.values), {name: spread(d, self.spread) for name, d in drawn.items()}

    def spread_by(self, factor: float) -> Resamples:
        """Return the same with `drawn` at `factor` times the distance from their mean."""
        drawn = {name: spread(values, factor) for name, values in self.drawn.items()}
        return replace(self, drawn=drawn, spread=self.spread * factor)


def spread(drawn: Floats, factor: float) -> Floats:
    """Return `drawn`, shape (n_resamples, ...), at `factor` times the distance from their mean."""
    return drawn if factor == 1.0 else np.asarray(drawn.mean(axis=0) + factor * (drawn - drawn.mean(axis=0)))


@dataclass(frozen=True)
class Margins:
    """Counts of classes, as they are and resampled, on the last two axes (1 + 2 * n_predictions, n_classes).

    The true counts come first, then hits and predicted counts of each prediction in turn.

    Attributes
    ----------
    values : ndarray of shape (1 + 2 * n_predictions, n_classes), float32
    drawn : ndarray of shape (n_resamples, 1 + 2 * n_predictions, n_classes), float32
    """

    values: NDArray[np.float32]
    drawn: NDArray[np.float32]

    def of(self, columns: Sequence[int]) -> Margins:
        """Those of some predictions."""
        at = [0, *(k for column in columns for k in (1 + 2 * column, 2 + 2 * column))]
        return Margins(self.values[at], self.drawn[:, at])

    @staticmethod
    def metrics(margins: NDArray[np.float32]) -> dict[str, Floats]:
        """Return class metrics of each prediction, shape (..., n_predictions, n_classes)."""
        counts = margins.astype(np.float64)
        hits = counts[..., 1::2, :]
        true = np.broadcast_to(counts[..., :1, :], hits.shape)
        return class_metrics_of_margins(hits, true, counts[..., 2::2, :])


class Resampler:
    """Resamples the confusion metrics of predictions for the same texts.

    Parameters
    ----------
    predictions : sequence of Predictions
        Of the same texts: truths and label names must agree.
    n_resamples, seed : int
    n_folds : int, optional
        Of how many folds the predictions were put together.

    Raises
    ------
    ValueError
        If the predictions are not for the same texts.
    """

    def __init__(
        self, predictions: Sequence[Predictions], n_resamples: int, seed: int = 0, n_folds: int | None = None
    ) -> None:
        check_same_texts(predictions)
        self._spread = spread_over_folds(n_folds)
        self._predictions = predictions
        self._n_resamples, self._seed = n_resamples, seed
        self._joint: Resamples | None = None
        cells = _joint_cells(predictions)
        if _draw_seconds(cells, len(predictions[0]), n_resamples) <= _JOINT_SECONDS:
            self._joint = _resampled(predictions, cells, n_resamples, seed)

    def resamples(self, columns: Sequence[int]) -> Resamples:
        """Resamples of some of the predictions, jointly: columns in the order asked for."""
        if self._joint is None:
            some = [self._predictions[k] for k in columns]
            return _resampled(some, _joint_cells(some), self._n_resamples, self._seed).spread_by(self._spread)
        at = list(columns)
        return Resamples(
            {name: values[at] for name, values in self._joint.values.items()},
            {name: drawn[:, at] for name, drawn in self._joint.drawn.items()},
            self._joint.margins.of(at) if self._joint.margins else None,
        ).spread_by(self._spread)


def check_same_texts(predictions: Sequence[Predictions]) -> None:
    """Check that predictions are for the same texts.

    Raises
    ------
    ValueError
        If a truth or the label names differ.
    """
    first = predictions[0]
    for other in predictions[1:]:
        if other.label_names != first.label_names or not np.array_equal(other.y_true, first.y_true):
            raise ValueError("predictions must be for the same texts, with the same truth and label names")


@dataclass(frozen=True)
class _Cells:
    """The joint table of truth and predictions.

    Attributes
    ----------
    of_text : ndarray of shape (n_texts,), int64
        The cell of each text.
    example : ndarray of shape (n_cells,), int64
        A text of each cell.
    counts : ndarray of shape (n_cells,), int64
    """

    of_text: Integers
    example: Integers
    counts: Integers


def _joint_cells(predictions: Sequence[Predictions]) -> _Cells:
    n_classes = len(predictions[0].label_names)
    code = predictions[0].y_true.copy()
    for made in predictions:
        code = code * n_classes + made.y_pred
        if code.max() > 2**40:  # keep the next product within 64 bits
            code = np.unique(code, return_inverse=True)[1]
    _, example, of_text, counts = np.unique(code, return_index=True, return_inverse=True, return_counts=True)
    return _Cells(of_text, example, counts)


def _draw_seconds(cells: _Cells, n_texts: int, n_resamples: int) -> float:
    return 1e-9 * n_resamples * min(_CELL_NS * len(cells.counts), _TEXT_NS * n_texts)


def _resampled(predictions: Sequence[Predictions], cells: _Cells, n_resamples: int, seed: int) -> Resamples:
    n_classes, n_predictions = len(predictions[0].label_names), len(predictions)
    indicator = _indicator(predictions, cells, n_classes)
    itself = _margins(cells.counts[None], indicator, n_classes)
    drawn = {name: np.empty((n_resamples, n_predictions)) for name in CONFUSION_METRICS}
    n_columns = n_classes * (1 + 2 * n_predictions)
    kept = None
    if n_resamples * n_columns <= _MOST_MARGINS:
        kept = np.empty((n_resamples, 1 + 2 * n_predictions, n_classes), np.float32)
    at = 0
    for counts in _draws(cells, n_resamples, seed, n_columns):
        margins = _margins(counts, indicator, n_classes)
        for name, block in _metrics(margins).items():
            drawn[name][at : at + len(counts)] = block
        if kept is not None:
            kept[at : at + len(counts)] = margins
        at += len(counts)
    return Resamples(
        {name: value[0] for name, value in _metrics(itself).items()},
        drawn,
        None if kept is None else Margins(itself[0], kept),
    )


def _draws(cells: _Cells, n_resamples: int, seed: int, n_columns: int) -> Iterator[Integers]:
    """Blocks of counts, shape (n_block, n_cells), each row summing to the number of texts.

    `n_columns` is what each row becomes in the end: blocks stay small enough for that too.
    """
    rng = np.random.default_rng(seed)
    n, n_cells = len(cells.of_text), len(cells.counts)
    by_text = _TEXT_NS * n < _CELL_NS * n_cells
    block = max(1, _BLOCK_CELLS // max(n if by_text else n_cells, n_columns))
    for start in range(0, n_resamples, block):
        size = min(block, n_resamples - start)
        if by_text:
            yield _drawn_texts(rng, cells.of_text, n_cells, size)
        else:
            yield rng.multinomial(n, cells.counts / n, size=size)


def _drawn_texts(rng: np.random.Generator, of_text: Integers, n_cells: int, size: int) -> Integers:
    drawn = of_text[rng.integers(len(of_text), size=(size, len(of_text)), dtype=np.int32)]
    drawn += np.arange(size)[:, None] * n_cells
    return np.bincount(drawn.ravel(), minlength=size * n_cells).reshape(size, n_cells)


def _indicator(predictions: Sequence[Predictions], cells: _Cells, n_classes: int) -> object:
    """Return which columns a cell counts in: its true class, then for each prediction its hits and predicted classes.

    Shape (n_cells, n_classes * (1 + 2 * n_predictions)), float32: counts up to 2**24 are exact in it.
    """
    from scipy.sparse import csr_array

    y_true = predictions[0].y_true[cells.example]
    rows, columns = [np.arange(len(y_true))], [y_true]
    for k, made in enumerate(predictions):
        y_pred = made.y_pred[cells.example]
        hit = np.flatnonzero(y_true == y_pred)
        rows += [hit, np.arange(len(y_true))]
        columns += [n_classes * (1 + 2 * k) + y_true[hit], n_classes * (2 + 2 * k) + y_pred]
    at = np.concatenate(rows), np.concatenate(columns)
    shape = (len(y_true), n_classes * (1 + 2 * len(predictions)))
    sparse = csr_array((np.ones(len(at[0]), np.float32), at), shape=shape)
    return sparse.toarray() if n_classes <= _DENSE_CLASSES else sparse


def _margins(counts: Integers, indicator: object, n_classes: int) -> NDArray[np.float32]:
    """Return counts of classes in each draw, shape (n_block, 1 + 2 * n_predictions, n_classes): see `Margins`."""
    sums = np.asarray(counts.astype(np.float32) @ indicator, np.float32)  # type: ignore[operator]
    return sums.reshape(len(counts), -1, n_classes)


def _metrics(margins: NDArray[np.float32]) -> dict[str, Floats]:
    """Return each metric of each draw and prediction, shape (n_block, n_predictions)."""
    counts = margins.astype(np.float64)
    true = np.broadcast_to(counts[:, :1], counts[:, 1::2].shape)
    return metrics_of_margins(counts[:, 1::2], true, counts[:, 2::2])


def resampled_scores(
    predictions: Sequence[Predictions], n_resamples: int, seed: int = 0, n_folds: int | None = None
) -> Resamples:
    """Resamples of log-loss, Brier score and expected calibration error; the cost grows with the number of texts.

    With so many texts that they would take minutes, fewer resamples are drawn, but 999 at least.

    Raises
    ------
    ValueError
        If the predictions are not for the same texts, or one has no scores.
    """
    check_same_texts(predictions)
    if any(made.y_score is None for made in predictions):
        raise ValueError("predictions without scores have no score metrics")
    n = len(predictions[0])
    n_resamples = min(n_resamples, max(999, _MOST_DRAWN_TEXTS // n))
    terms = np.empty((n, (2 + ECE_BINS) * len(predictions)))
    for k, made in enumerate(predictions):
        terms[:, k * (2 + ECE_BINS) : (k + 1) * (2 + ECE_BINS)] = _score_terms(made)
    values = _score_metrics(np.ones((1, n)) @ terms, n)
    drawn = {name: np.empty((n_resamples, len(predictions))) for name in SCORE_METRICS}
    rng, block, texts = np.random.default_rng(seed), max(1, _BLOCK_CELLS // n), np.arange(n)
    for start in range(0, n_resamples, block):
        counts = _drawn_texts(rng, texts, n, min(block, n_resamples - start))
        for name, metric in _score_metrics(counts.astype(np.float64) @ terms, n).items():
            drawn[name][start : start + len(counts)] = metric
    resamples = Resamples({name: value[0] for name, value in values.items()}, drawn)
    return resamples.spread_by(spread_over_folds(n_folds))


def _score_terms(made: Predictions) -> Floats:
    """Return what the score metrics sum over texts, shape (n_texts, 2 + bins): loss, Brier score, gap in its bin."""
    assert made.y_score is not None
    bins, gaps = calibration_gaps(made.y_true, made.y_score)
    spread = np.zeros((len(made), ECE_BINS))
    spread[np.arange(len(made)), bins] = gaps
    loss, brier = log_losses(made.y_true, made.y_score), brier_scores(made.y_true, made.y_score)
    return np.column_stack([loss, brier, spread])


def _score_metrics(sums: Floats, n: int) -> dict[str, Floats]:
    means = sums.reshape(len(sums), -1, 2 + ECE_BINS) / n
    return {"log_loss": means[..., 0], "brier": means[..., 1], "ece": np.abs(means[..., 2:]).sum(axis=-1)}

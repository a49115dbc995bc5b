"""Whether a training ended too early, learned nothing, or went on after it had learned. May import ``settings``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from statistics import fmean as mean
from typing import Any

from featx.settings import CaveatCode, FinetuneSettings
from featx.training.validating import SCORE, STANDARD_ERROR

#: Share by which the loss must have fallen, or lie below that of a constant answer, to count as less.
_FALLING = 0.01
#: Shares of the way from the least possible loss to that of a constant answer: above the first the training loss is
#: still high, below the second it is nearly as low as it can be.
_HIGH, _LOW = 0.5, 0.25
#: Factor by which the validation loss must have risen above its lowest value to count as rising.
_RISEN = 1.1


@dataclass(frozen=True)
class Diagnosis:
    """What a training's log says against it, and what to do then.

    Attributes
    ----------
    code : CaveatCode or None
        ``under-trained``, ``learned-nothing`` or ``overfitted``.
    advice : str or None
    """

    code: CaveatCode | None = None
    advice: str | None = None

    @property
    def under_trained(self) -> bool:
        """Whether more training, or another, would likely give a better model."""
        return self.code in (CaveatCode.UNDER_TRAINED, CaveatCode.LEARNED_NOTHING)


def judge(
    history: Sequence[Mapping[str, Any]],
    best_epoch: float,
    last_epoch: float,
    settings: FinetuneSettings,
    constant_loss: float = float("inf"),
    least_loss: float = 0.0,
) -> Diagnosis:
    """Look at the log of a training.

    The training loss is its mean over the last epoch, and falls if that is below the mean over the epoch before (within
    one epoch: of the second and the first half).

    - Overfitted: the training loss is near the least possible, and at the best epoch the validation loss lies well
      above its lowest value. More training does not help such a model, whatever its score still does.
    - Under-trained: the training loss falls, and either the best epoch is the last one and ahead of all before by more
      than the standard error, or the training loss is still high and the last epoch as good as the best within that.
    - Learned nothing: the training loss is no better than what the same answer to every text would come to.

    Parameters
    ----------
    history : sequence of mapping
        Entries with ``loss`` and ``epoch``, and evaluations.
    best_epoch, last_epoch : float
        In passes over train.
    settings : FinetuneSettings
        What it was trained with, for the advice.
    constant_loss, least_loss : float
        As of `featx.training.loss`; the former infinite where it is not known: then any training loss is high.

    Examples
    --------
    >>> falling = [{"epoch": 1.0, "loss": 1.0}, {"epoch": 2.0, "loss": 0.8}]
    >>> judge(falling, 2, 2, FinetuneSettings(), constant_loss=1.1).code
    <CaveatCode.UNDER_TRAINED: 'under-trained'>
    >>> judge(falling, 1, 2, FinetuneSettings(), constant_loss=1.1).code is None
    True
    """
    early, late = _training_losses(history, last_epoch)
    if late is None:
        return Diagnosis()
    level = (late - least_loss) / (constant_loss - least_loss) if isfinite(constant_loss) else None
    if level is not None and level < _LOW and (rise := _rise_of_validation_loss(history, best_epoch)):
        return Diagnosis(
            CaveatCode.OVERFITTED,
            f"{rise} while the training loss went to {late:.3f}: its probabilities are too certain; lower "
            "`num_train_epochs`, or raise `weight_decay` or `label_smoothing_factor`",
        )
    is_high = level is None or level > _HIGH
    gain, error, is_near = _last_evaluation(history, best_epoch, last_epoch)
    falls = early is not None and late <= (1 - _FALLING) * early
    under_trained = Diagnosis(CaveatCode.UNDER_TRAINED, f"still improving at the end: {_longer(last_epoch, settings)}")
    if falls and best_epoch >= last_epoch and (is_high or gain > error):
        return under_trained
    if late > (1 - _FALLING) * constant_loss:  # before what follows: the loss of one that learns nothing wavers
        return _learned_nothing(late, constant_loss, settings)
    return under_trained if falls and is_high and is_near else Diagnosis()


def _training_losses(history: Sequence[Mapping[str, Any]], last_epoch: float) -> tuple[float | None, float | None]:
    """Return the mean training loss over the epoch before the last and over the last; None where none was logged."""
    losses = [(float(entry["epoch"]), float(entry["loss"])) for entry in history if "loss" in entry]
    span = min(1.0, last_epoch / 2)
    late = [loss for epoch, loss in losses if epoch > last_epoch - span]
    early = [loss for epoch, loss in losses if last_epoch - 2 * span < epoch <= last_epoch - span]
    return mean(early) if early else None, mean(late) if late else None


def _rise_of_validation_loss(history: Sequence[Mapping[str, Any]], best_epoch: float) -> str | None:
    """Return in words how far the validation loss at the best epoch lies above its lowest value before; None if not."""
    losses = {float(entry["epoch"]): float(entry["eval_loss"]) for entry in history if "eval_loss" in entry}
    if best_epoch not in losses:
        return None
    lowest = min(losses, key=lambda epoch: losses[epoch])
    if lowest >= best_epoch or losses[best_epoch] <= _RISEN * losses[lowest]:
        return None
    return f"the validation loss rose from {losses[lowest]:.3f} at epoch {lowest:g} to {losses[best_epoch]:.3f}"


def _last_evaluation(
    history: Sequence[Mapping[str, Any]], best_epoch: float, last_epoch: float
) -> tuple[float, float, bool]:
    """Return what the last evaluation gains on the best before, its standard error, and whether it is near the best.

    A log of an earlier featx lacks standard errors: they count as 0.
    """
    scores = [(float(entry[SCORE]), float(entry.get(STANDARD_ERROR) or 0.0)) for entry in history if SCORE in entry]
    if len(scores) < 2:
        return 0.0, 0.0, best_epoch >= last_epoch
    (last, error), highest = scores[-1], max(score for score, _ in scores[:-1])
    return last - highest, error, last >= highest - error


def one_class_only(label_name: str, settings: FinetuneSettings) -> Diagnosis:
    """Return what is to be said of a model that gives all texts one label, whatever its log says."""
    return Diagnosis(
        CaveatCode.LEARNED_NOTHING,
        f"learned nothing: it predicts one class only, {label_name!r}, on validation and test; {_another(settings)}",
    )


def _learned_nothing(late: float, constant_loss: float, settings: FinetuneSettings) -> Diagnosis:
    return Diagnosis(
        CaveatCode.LEARNED_NOTHING,
        f"learned nothing: its training loss is {late:.3f}, that of the same answer to every text "
        f"{constant_loss:.3f}; {_another(settings)}",
    )


def _another(settings: FinetuneSettings) -> str:
    remedy = f"raise `search` above {settings.search}" if settings.search else "try `search` 8"
    return f"{remedy}, or another `learning_rate` than {settings.learning_rate:g}"


def _longer(last_epoch: float, settings: FinetuneSettings) -> str:
    if settings.max_steps > 0:
        return f"raise `max_steps` above {settings.max_steps}, or leave it out, or raise `learning_rate`"
    if settings.search:
        return f"raise `search` above {settings.search}, or set `num_train_epochs` above {last_epoch:g} without it"
    return (
        f"raise `num_train_epochs` above {last_epoch:g} or `learning_rate` above {settings.learning_rate:g}, or "
        "try `search` 8"
    )

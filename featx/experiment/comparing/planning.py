"""The steps of a comparison, from cheap to dear, each with what it will take."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from featx.baselines import Reads
from featx.errors import RunError
from featx.experiment.baseline import baseline
from featx.experiment.comparing.forecast import (
    ClassicalForecast,
    Sizes,
    encoding_seconds,
    search_seconds,
    training_seconds,
)
from featx.experiment.comparing.speeds import Speeds, measure_speeds
from featx.experiment.comparing.spread import spread_features
from featx.experiment.context import Context
from featx.experiment.features import extract_splits
from featx.experiment.finetune import METHODS, finetune
from featx.experiment.records import has_run
from featx.experiment.wanted import expand_methods
from featx.features.configuration import is_causal, load_config
from featx.features.encoder import resolve_layers
from featx.runs import read_run
from featx.settings import (
    BaselineSettings,
    CompareSettings,
    FeatureSettings,
    FinetuneSettings,
    SavingSettings,
    TrackingSettings,
)

#: Below so many train texts a search tries more passes over them: it takes some hundred steps to learn anything
#: (Mosbach et al., 2021).
_FEW_TEXTS = 2_000
_MORE_EPOCHS = (3, 5, 8, 12)


@dataclass(frozen=True)
class Planned:
    """A step.

    Attributes
    ----------
    name, does : str
    seconds : float
        Forecast.
    work : callable
    then : str
        What comes next, in words.
    may_wait : bool
        Whether it is not begun where the budget does not reach for it.
    """

    name: str
    does: str
    seconds: float
    work: Callable[[], object]
    then: str = ""
    may_wait: bool = True


class Planning:
    """Makes the steps of one comparison; the machine is timed when the first forecast is asked for.

    Parameters
    ----------
    context : Context
    settings : CompareSettings
    features : FeatureSettings
    finetuning : FinetuneSettings
    saving : SavingSettings, optional
    tracking : TrackingSettings, optional
    """

    def __init__(
        self,
        context: Context,
        settings: CompareSettings,
        features: FeatureSettings,
        finetuning: FinetuneSettings,
        saving: SavingSettings | None = None,
        tracking: TrackingSettings | None = None,
    ) -> None:
        self._context, self._settings, self._saving, self._tracking = context, settings, saving, tracking
        config = load_config(context.checkpoint)
        self._hidden_size = int(config.hidden_size)
        self._n_layers = int(config.num_hidden_layers)
        spread = features
        if settings.spread:
            spread = spread_features(features, self._n_layers, is_causal=is_causal(config))
        self.features = context.resolved(spread)
        self._asked = spread
        self.has_folds = context.dataset.folds is not None
        few = len(context.dataset.train) < _FEW_TEXTS
        unset = FinetuneSettings()
        passes = finetuning.search_passes
        self._finetuning = replace(
            finetuning,
            max_length=finetuning.max_length or self.features.max_length,
            long=self.features.long if finetuning.long == unset.long else finetuning.long,
            search_each_seed=False,
            search_passes=_MORE_EPOCHS if few and passes == unset.search_passes else passes,
        )

    def on(self, context: Context) -> Planning:
        """Return the same plan on other data of the same kind; what was timed is not timed again."""
        other = copy(self)
        other._context, other.has_folds = context, context.dataset.folds is not None
        for name in ("sizes", "classical"):
            other.__dict__.pop(name, None)
        other.__dict__["speeds"] = self.speeds
        other.__dict__["classical"] = self.classical.of(other.sizes)
        return other

    @cached_property
    def speeds(self) -> Speeds:
        """What was measured on this machine."""
        return measure_speeds(self._context, self.features, self._finetuning)

    @cached_property
    def sizes(self) -> Sizes:
        """Texts and features."""
        n_kinds = (
            len(self.features.pooling)
            * len(resolve_layers(self.features.layer, self._n_layers))
            * len(self.features.long)
        )
        parts = [part.dataset.splits for part in self._context.of_folds()]
        distinct = len({text for split in parts[0].values() for text in split.texts})
        train, validation, test = (sum(len(part[name]) for part in parts) for name in ("train", "validation", "test"))
        return Sizes(train, validation, test, distinct, n_kinds, self._hidden_size)

    @cached_property
    def classical(self) -> ClassicalForecast:
        """What classical methods take."""
        return ClassicalForecast(self._context.dataset, self.sizes)

    def cheap(self) -> list[Planned]:
        """Return all steps before fine-tuning."""
        methods = expand_methods(self._settings.classical)
        words = tuple(method.name for method in methods if method.reads is Reads.TEXTS)
        frozen = tuple(method.name for method in methods if method.reads is Reads.FEATURES)
        steps = []
        if words:
            steps.append(replace(self._classical("words", words, "frozen features are next"), may_wait=False))
        if frozen:
            kinds = f"{self.sizes.n_kinds} kinds of features of {self.sizes.distinct:,} texts"
            names = list(self._context.dataset.splits)
            steps.append(
                Planned(
                    "extract",
                    kinds,
                    encoding_seconds(self.speeds, self.sizes),
                    lambda: extract_splits(self._context, names, self._asked),
                )
            )
            steps.append(self._classical("frozen", frozen, "fine-tuning is next"))
        return steps

    def _classical(self, name: str, methods: tuple[str, ...], then: str) -> Planned:
        settings = BaselineSettings(methods=methods)
        return Planned(
            name,
            ", ".join(methods),
            self.classical.seconds(methods),
            lambda: baseline(self._context, settings, self._asked),
            then,
        )

    def trial_seconds(self) -> float:
        """Return what one training of a search takes."""
        return search_seconds(self.speeds, self.sizes, replace(self._finetuning, search=1))

    def single_seconds(self) -> float:
        """Return what one training without a search takes."""
        return training_seconds(self.speeds, self.sizes, self._finetuning.num_train_epochs)

    def finetune(self, trials: int, seeds: int) -> Planned:
        """Return fine-tuning with a search of so many trials, the choice trained with so many seeds."""
        settings = replace(self._finetuning, search=trials, seeds=tuple(range(seeds)))
        settings = settings if trials else replace(settings, long=settings.long[:1])  # only a search chooses
        cost = search_seconds(self.speeds, self.sizes, settings) if trials else 0.0
        singles = seeds - (1 if trials else 0)
        epochs = settings.num_train_epochs if not trials else max(settings.search_passes)
        cost += singles * training_seconds(self.speeds, self.sizes, epochs)
        what = f"search of {trials} trial{'s' * (trials > 1)}" if trials else "fixed settings"
        return Planned(
            "fine-tune",
            f"{what}, {seeds} seed{'s' * (seeds > 1)}",
            cost,
            lambda: finetune(self._context, settings, self._saving, self._tracking, extend=True),
        )

    def finished(self) -> tuple[int, int]:
        """Return trials and seeds of fine-tunings that stand there whole."""
        method, seeds, trials = METHODS[self._finetuning.method], 0, 0
        while True:
            stated = [self._searched(part.place(method, seeds)) for part in self._context.of_folds()]
            known = [number for number in stated if number is not None]
            if len(known) < len(stated):
                return trials, seeds
            trials, seeds = max(trials, *known), seeds + 1

    @staticmethod
    def _searched(folder: Path) -> int | None:
        """Return the trials of the search whose run stands in `folder`; None where none does."""
        try:
            stated = read_run(folder).record.settings.get("search") if has_run(folder) else None
        except RunError:
            return None
        return stated if isinstance(stated, int) else None

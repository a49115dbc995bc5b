"""One classical method on one data set with one seed: inputs, classifier, measures, record."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from featx.baselines import (
    Choices,
    Fitted,
    Inputs,
    Method,
    TuningData,
    Workers,
    first_line,
    fit_best,
    n_settings,
    predict,
    save_classifier,
)
from featx.errors import FeatxError, RunError, TrainingError
from featx.evaluation import Family, Predictions, measure
from featx.experiment.context import Context
from featx.experiment.probe_record import failed_record, probe_record, settings_facts
from featx.experiment.records import finished_run, now, run_facts
from featx.experiment.sources import Source
from featx.runs import Run, environment, read_run, write_run
from featx.runs.measuring import peak_memory_bytes, reset_peak_memory
from featx.settings import SELECTION_METRIC, BaselineSettings, Calibration

#: Difference of the score on validation between the walk and the kept classifier that is worth a remark.
_LARGEST_GAP = 0.01


class Probes:
    """Runs methods, and keeps the fits that do not depend on the seed for the next one."""

    def __init__(self, context: Context, settings: BaselineSettings, workers: Workers) -> None:
        self._context, self._settings, self._workers = context, settings, workers
        self._made: dict[tuple[str, str], Fitted | TrainingError] = {}

    def runs(self, method: Method, source: Source, suffix: str = "") -> list[Run]:
        """Return a run for each seed: fitted, tuned and measured, or kept where it is there with the same settings.

        A method that fails leaves a run that says why.
        """
        return [self._run(method, seed, source, method.name + suffix) for seed in self._settings.seeds]

    def _run(self, method: Method, seed: int, source: Source, name: str) -> Run:
        context = self._context
        folder = context.place(name, seed)
        facts = run_facts(
            context.dataset,
            name,
            seed,
            checkpoint=source.checkpoint,
            features=source.feature_facts(self._settings.combine),
            settings=settings_facts(method, self._settings),
        )
        kept = finished_run(folder, facts, context.workspace.overwrite)
        if kept is not None:
            context.display.say(f"{folder} is there with the same data and settings: kept")
            return kept
        reset_peak_memory()
        common: dict[str, Any] = {
            **facts,
            "family": Family.CONTROL if source.control else method.family,
            "label_names": source.dataset.label_names,
            "history": (),
            "environment": environment(source.device),
            "created": now(),
            "control": source.control or None,
            "features_note": source.note,
        }
        try:
            fitted, predictions, seconds = self._measured(method, seed, source)
        except RunError:
            raise
        except Exception as e:  # one method must not take the others with it; its row says why
            reason = str(e) if isinstance(e, FeatxError) else f"{type(e).__name__}: {first_line(e)}"
            context.display.say(f"{name}: {reason}")
            write_run(folder, failed_record(common, reason), {})
            return read_run(folder)
        # Of other processes nothing is known.
        peak = None if self._workers.elsewhere else peak_memory_bytes()
        record = probe_record(common, fitted, source, self._settings, predictions, seconds["test"], peak)
        save = None if source.control else lambda model: save_classifier(fitted.classifier, model)
        write_run(folder, record, predictions, save)
        return read_run(folder)

    def _measured(
        self, method: Method, seed: int, source: Source
    ) -> tuple[Fitted, dict[str, Predictions], dict[str, float]]:
        fitted = self._fitted(method, seed, source)
        labels, names = source.dataset.splits, source.dataset.label_names
        predictions, seconds = {}, {}
        for split, classifier in (("validation", fitted.for_validation), ("test", fitted.classifier)):
            inputs = source.inputs.of(split, fitted.chosen.candidate)
            predictions[split], seconds[split] = predict(classifier, inputs, labels[split].labels, names)
        self._compare_scores(method, fitted, predictions["validation"])
        return fitted, predictions, seconds

    def _compare_scores(self, method: Method, fitted: Fitted, validation: Predictions) -> None:
        """Say where the classifier that is kept scores otherwise than the point of the walk that chose it."""
        if self._settings.cv is not None or (
            self._settings.calibrate is not Calibration.NONE and not method.probabilities
        ):
            return
        score = measure(validation)[SELECTION_METRIC]
        if abs(score - (fitted.chosen.score or 0.0)) > _LARGEST_GAP:
            self._context.display.say(
                f"{method.name}: refitting gave {SELECTION_METRIC} {score:.3f} instead of {fitted.chosen.score:.3f} on "
                "validation; treat differences this small as noise"
            )

    def _fitted(self, method: Method, seed: int, source: Source) -> Fitted:
        key = method.name, source.control
        made = None if method.random else self._made.get(key)
        if isinstance(made, TrainingError):
            raise made
        if made is not None:
            return made
        material = _material(source, self._settings)
        candidates = source.candidates(self._settings.combine)
        n_fits = n_settings(method) * len(candidates) * (self._settings.cv or 1)
        with self._context.display.task(f"tune {method.name} {self._context.fold}".rstrip(), n_fits) as task:

            def show(done: int, best: float | None) -> None:
                task.update(done, n_fits, "" if best is None else f"best {SELECTION_METRIC} so far {best:.3f}")

            choices = Choices(self._settings.refit, self._settings.calibrate)
            try:
                # Where the seed changes nothing it must not matter which one came first.
                seed = seed if method.random else 0
                fitted = fit_best(method, candidates, material, seed, choices, self._workers, show)
            except TrainingError as e:
                self._made[key] = e
                raise
        if not method.random:
            self._made[key] = fitted
        return fitted


def _material(source: Source, settings: BaselineSettings) -> TuningData:
    """Return train and validation only: test is not there to be seen."""
    seen = ("train", "validation")
    inputs = Inputs(
        {name: texts for name, texts in source.inputs.texts.items() if name in seen},
        {name: arrays for name, arrays in source.inputs.features.items() if name in seen},
    )
    labels: dict[str, NDArray[np.int64]] = {name: source.dataset.splits[name].labels for name in seen}
    return TuningData(inputs, labels, source.dataset.label_names, settings.cv)

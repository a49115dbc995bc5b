"""What a classical method leaves in ``run.json``: what it was told, what was chosen, and how long it took."""

from __future__ import annotations

from typing import Any

from featx.baselines import Fitted, Method, TuningTrial, n_settings
from featx.evaluation import Caveat, Predictions
from featx.experiment.records import measured
from featx.experiment.sources import Source
from featx.runs import ChosenFeatures, RunRecord, Selection, Timings, TrialRecord
from featx.settings import SELECTION_METRIC, BaselineSettings, CaveatCode, Long, identity_facts


def probe_record(
    common: dict[str, Any],
    fitted: Fitted,
    source: Source,
    settings: BaselineSettings,
    predictions: dict[str, Predictions],
    predict_seconds: float,
    peak_memory_bytes: int | None,
) -> RunRecord:
    """Return the record of a method that was fitted; `common` is what one that failed records too."""
    return RunRecord(
        **common,
        selection=_selection(fitted, source, settings),
        converged=fitted.converged,
        caveats=_caveats(fitted),
        timings=_timings(fitted, source, predict_seconds),
        metrics=measured(predictions),
        model_format=None if source.control else "skops",
        peak_memory_bytes=peak_memory_bytes,
    )


def failed_record(common: dict[str, Any], reason: str) -> RunRecord:
    """Return the record of a method that failed for `reason`."""
    return RunRecord(
        **common,
        selection=Selection(),
        converged=None,
        timings=Timings(0.0, 0.0, 0.0, 0.0),
        metrics={},
        model_format=None,
        failure=reason,
    )


def settings_facts(method: Method, settings: BaselineSettings) -> dict[str, Any]:
    """Return the settings that are part of a run's identity."""
    facts = identity_facts(settings)
    if n_settings(method) <= 1:  # nothing to choose
        facts["cv"] = None
    if method.probabilities:
        facts["calibrate"] = None
    return {
        "pipeline": method.make(0).__repr__(N_CHAR_MAX=10_000),
        "grid": {name: list(values) for name, values in method.grid.items()},
        **({"preparations": _preparations(method)} if len(method.preparations) > 1 else {}),
        **facts,
    }


def _preparations(method: Method) -> list[dict[str, Any]]:
    """Return the choices before the classifier as JSON holds them."""
    return [
        {name: list(value) if isinstance(value, tuple) else value for name, value in one.items()}
        for one in method.preparations
    ]


def _caveats(fitted: Fitted) -> tuple[Caveat, ...]:
    if fitted.converged is not False:
        return ()
    return (Caveat(CaveatCode.NOT_CONVERGED, "the optimiser stopped at its limit before it converged"),)


def _selection(fitted: Fitted, source: Source, settings: BaselineSettings) -> Selection:
    chosen = fitted.chosen
    candidate = chosen.candidate
    long = candidate.long or next((source.kinds[kind].get("long") for kind in candidate.kinds), None)
    params = [_shown(name.rpartition("__")[2], value) for name, value in chosen.params.items()]
    return Selection(
        metric=SELECTION_METRIC,
        split=f"{settings.cv} folds of train" if settings.cv else "validation",
        chosen=dict(chosen.params),
        summary=", ".join([*params, *([long] if long else [])]),
        score=chosen.score,
        features=ChosenFeatures(**candidate.facts | {"long": long}, kinds=candidate.kinds) if candidate.kinds else None,
        trials=tuple(_trial(trial) for trial in fitted.trials),
        n_iter=fitted.n_iter,
        max_iter=fitted.max_iter,
    )


def _trial(trial: TuningTrial) -> TrialRecord:
    return TrialRecord(
        **trial.candidate.facts,
        params=dict(trial.params),
        score=trial.score,
        fit_seconds=trial.fit_seconds,
        n_iter=trial.n_iter,
        max_iter=trial.max_iter,
        converged=trial.converged if trial.n_iter is not None else None,
        error=trial.error or None,
    )


def _shown(name: str, value: Any) -> str:
    if isinstance(value, tuple):  # a range of n-grams
        value = "-".join(map(str, value))
    return f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}"


def _timings(fitted: Fitted, source: Source, predict_seconds: float) -> Timings:
    kinds = fitted.chosen.candidate.kinds
    encode_test = source.test_seconds.get(source.kinds[kinds[0]].get("long", Long.CUT), 0.0) if kinds else 0.0
    return Timings(
        extract_seconds=sum(source.seconds.values()),
        fit_seconds=fitted.fit_seconds,
        predict_seconds=predict_seconds,
        predict_ms_per_text=1_000 * (encode_test + predict_seconds) / len(source.dataset.test),
    )

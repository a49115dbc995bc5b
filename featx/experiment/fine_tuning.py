"""One fine-tuning, with the settings that were given or the best of a search, shown while it runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from featx.experiment.progress import Display, ProgressBar
from featx.settings import SELECTION_METRIC, FinetuneSettings
from featx.training import Finetuned, Hooks, Interrupts, SearchTrial, search

#: From settings, hooks and a folder for checkpoints to a trained model.
Train = Callable[[FinetuneSettings, Hooks, Path | None], Finetuned]


@dataclass(frozen=True)
class FineTuning:
    """A fine-tuned model and how it was found.

    Attributes
    ----------
    model : Finetuned
    settings : FinetuneSettings
        Those that it was trained with.
    asked : FinetuneSettings
        What the user gave.
    trials : tuple of SearchTrial
        One where nothing was searched.
    fit_seconds : float
        Of all trials.
    """

    model: Finetuned
    settings: FinetuneSettings
    asked: FinetuneSettings
    trials: tuple[SearchTrial, ...]
    fit_seconds: float


def fine_tune(
    train: Train,
    settings: FinetuneSettings,
    seed: int,
    checkpoints: Path,
    name: str,
    display: Display,
    interrupts: Interrupts,
    on_log: Callable[[dict[str, Any]], None],
) -> FineTuning:
    """Train, or search, under a progress bar called `name`."""
    with display.task(f"{name} seed {seed}", None) as task:
        hooks = Hooks(on_step=task.update, say=display.say, interrupts=interrupts)
        if settings.search:
            return _searched(train, settings, seed, checkpoints, hooks, task, on_log)
        model = train(settings, replace(hooks, on_log=on_log), checkpoints)
        trial = SearchTrial(chosen_settings(settings, settings), model.best_score, "complete", [], model.fit_seconds)
        return FineTuning(model, settings, settings, (trial,), model.fit_seconds)


def _searched(
    train: Train,
    settings: FinetuneSettings,
    seed: int,
    checkpoints: Path,
    hooks: Hooks,
    task: ProgressBar,
    on_log: Callable[[dict[str, Any]], None],
) -> FineTuning:
    number, total = 1, settings.search
    said: set[str] = set()

    def show(done: int, steps: int) -> None:
        task.update(done, steps, f"trial {number} of {total}")

    def say(remark: str) -> None:  # each trial finds the same
        if remark not in said:
            said.add(remark)
            hooks.say(remark)

    def tell(finished: int, trial: SearchTrial) -> None:
        nonlocal number
        number = finished + 1
        score = "diverged" if trial.score is None else f"{SELECTION_METRIC} {trial.score:.3f}"
        params = ", ".join(f"{n}={v}" if isinstance(v, str) else f"{n}={v:g}" for n, v in trial.params.items())
        hooks.say(f"trial {finished} of {total}: {params}: {score}{', pruned' if trial.state == 'pruned' else ''}")

    found = search(settings, seed, train, replace(hooks, on_step=show, say=say), checkpoints, tell)
    hooks.say(
        f"trial {found.number} is chosen, and its epoch {found.best.best_epoch:g}: within one standard error of the "
        f"best {SELECTION_METRIC}, of trials the lowest log loss after temperature scaling, of its epochs the latest"
    )
    for entry in found.best.history:
        on_log(entry)
    return FineTuning(found.best, found.settings, settings, found.trials, found.fit_seconds)


def chosen_settings(settings: FinetuneSettings, asked: FinetuneSettings) -> dict[str, Any]:
    """Return the settings that a search chooses when a user `asked` for one, with their values in `settings`."""
    names = ("learning_rate", "num_train_epochs", *(("warmup_steps",) if settings.search_warmup else ()))
    chosen = {name: getattr(settings, name) for name in names}
    return chosen | ({"long": settings.long[0].value} if len(asked.long) > 1 else {})

"""`extract`, `baseline` and `finetune` with keyword arguments."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from featx.api.arguments import (
    COMPUTE,
    FEATURES,
    PLACES,
    changed,
    compute_settings,
    feature_settings,
    names_of,
    nothing_left,
    taken,
    workspace,
)
from featx.api.data import Dataset, settings_of
from featx.api.shown import Runs
from featx.experiment.progress import Display
from featx.settings import (
    DEFAULT_CHECKPOINT,
    BaselineSettings,
    DataSettings,
    FinetuneSettings,
    SavingSettings,
    TrackingSettings,
)

if TYPE_CHECKING:
    from featx.experiment.extract import Extracted


def extract(
    dataset: str | Path | Dataset | DataSettings,
    checkpoint: str = DEFAULT_CHECKPOINT,
    *,
    revision: str | None = None,
    splits: Sequence[str] | None = None,
    display: Display | None = None,
    **options: Any,
) -> Extracted:
    """Frozen features of every text, through the cache.

    Parameters
    ----------
    dataset : str, Path, Dataset or DataSettings
        An address, or what `load_dataset` gave.
    checkpoint : str
        Hub name, folder, or ``demo``.
    revision : str, optional
        Branch, tag or commit of the checkpoint.
    splits : sequence of str, optional
        All when None.
    display : Display, optional
        Where progress is shown.
    **options
        ``layer`` (-1, several, or "all"), ``pooling``, ``max_length``, ``dtype``; ``device``, ``batch_tokens``,
        ``threads``; ``cache_dir``.

    Returns
    -------
    Extracted
        ``extracted["train"]`` is an array of shape (n_texts, hidden_size).
    """
    from featx.experiment.extract import extract as work

    features, compute, where = feature_settings(options), compute_settings(options), workspace(options)
    nothing_left(options, "extract")
    return work(
        settings_of(dataset),
        checkpoint,
        revision,
        features=features,
        compute=compute,
        workspace=where,
        splits=splits,
        display=display,
    )


def baseline(
    dataset: str | Path | Dataset | DataSettings,
    checkpoint: str = DEFAULT_CHECKPOINT,
    *,
    revision: str | None = None,
    features_file: str | Path | None = None,
    display: Display | None = None,
    **settings: Any,
) -> Runs:
    """Fit, tune and measure classical methods on texts and on frozen features.

    Parameters
    ----------
    dataset : str, Path, Dataset or DataSettings
    checkpoint : str
    revision : str, optional
    features_file : str or Path, optional
        An ``.npz`` of features that came from elsewhere, in the order of the texts; then nothing is extracted.
    display : Display, optional
    **settings
        Fields of `BaselineSettings` (``methods``, ``seeds``, …); ``layer``, ``pooling``, ``max_length``, ``dtype``;
        ``device``, ``batch_tokens``, ``threads``; ``results``, ``experiment``, ``cache_dir``, ``overwrite``, ``texts``
        (False keeps no test texts beside the runs).

    Returns
    -------
    Runs
        One for each method and seed; a run that is there with the same settings is kept as it is.
    """
    from featx.experiment.baseline import baseline as work

    features, compute, where = feature_settings(settings), compute_settings(settings), workspace(settings)
    wanted = changed(BaselineSettings(), settings, "baseline", also=[*FEATURES, *COMPUTE, *PLACES])
    return Runs(
        work(
            settings_of(dataset),
            checkpoint,
            revision,
            settings=wanted,
            features=features,
            compute=compute,
            workspace=where,
            display=display,
            features_file=None if features_file is None else Path(features_file),
        )
    )


def finetune(
    dataset: str | Path | Dataset | DataSettings,
    checkpoint: str = DEFAULT_CHECKPOINT,
    *,
    revision: str | None = None,
    display: Display | None = None,
    **settings: Any,
) -> Runs:
    """Fine-tune a checkpoint and measure it.

    Parameters
    ----------
    dataset : str, Path, Dataset or DataSettings
    checkpoint : str
    revision : str, optional
    display : Display, optional
    **settings
        Fields of `FinetuneSettings` (the Trainer's own names, and ``seeds``); of `SavingSettings` (``resume``,
        ``save_strategy``, ``save_steps``, ``save_total_limit``); of `TrackingSettings` (``wandb``,
        ``wandb_project``); ``device``, ``threads``; ``results``, ``experiment``, ``cache_dir``, ``overwrite``,
        ``texts`` (False keeps no test texts beside the runs).

    Returns
    -------
    Runs
        One for each seed.

    Raises
    ------
    SettingsError
        For an unknown name or a value out of range.
    TrainingError
        If labels and head do not fit, memory or disk do not suffice, or the loss is no number.
    StoppedError
        If SIGTERM came; a checkpoint is written before, and the same call goes on from it.
    """
    from featx.experiment.finetune import finetune as work

    compute, where = compute_settings(settings), workspace(settings)
    further = [*names_of(SavingSettings), *names_of(TrackingSettings), *COMPUTE, *PLACES]
    saving = changed(SavingSettings(), taken(settings, names_of(SavingSettings)), "finetune")
    tracking = changed(TrackingSettings(), taken(settings, names_of(TrackingSettings)), "finetune")
    wanted = changed(FinetuneSettings(), settings, "finetune", also=further)
    return Runs(
        work(
            settings_of(dataset),
            checkpoint,
            revision,
            settings=wanted,
            compute=compute,
            workspace=where,
            display=display,
            saving=saving,
            tracking=tracking,
        )
    )

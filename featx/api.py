"""What ``import featx`` offers: the commands as functions, each one call on a `Session`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from featx.data import TextDataset
from featx.experiment.context import read_dataset
from featx.experiment.keywords import names_of, settings_of, split_keywords
from featx.experiment.settings_file import check_keys
from featx.experiment.shown import Compared, Predicted, Results, Runs, runs_of
from featx.session import KINDS, SESSION_KEYWORDS, Session
from featx.settings import DEFAULT_CHECKPOINT, DEMO, DataSettings, ReportSettings

if TYPE_CHECKING:
    from featx.experiment.extract import Extracted
    from featx.experiment.progress import Display


def load_dataset(data: Any = DEMO, **settings: Any) -> TextDataset:
    """Read, check and complete a data set.

    Parameters
    ----------
    data : str, Path, or data in memory
        A file, a folder, ``NAME[:CONFIG]`` on the Hub, or ``demo``; or ``(texts, labels)``, columns by name, a
        pandas or polars frame, a `datasets.Dataset`, or a mapping of split names to one of these.
    **settings
        Fields of `DataSettings`: ``text_column``, ``label_column``, ``revision``, ``split_seed``,
        ``validation_fraction``, ``test_fraction``.

    Returns
    -------
    TextDataset
        With splits train, validation and test.

    Raises
    ------
    DataError
        For input that breaks a rule; names file, row and remedy.

    Examples
    --------
    >>> load_dataset("demo")
    TextDataset('demo': train 600, validation 120, test 180; negative, neutral, positive)
    """
    (wanted,) = settings_of([DataSettings], [], settings, "load_dataset")
    return read_dataset(data, wanted)


def extract(
    data: Any,
    checkpoint: str | Path = DEFAULT_CHECKPOINT,
    *,
    revision: str | None = None,
    splits: Sequence[str] | None = None,
    display: Display | None = None,
    **settings: Any,
) -> Extracted:
    """Return frozen features of every text, through the cache.

    Parameters
    ----------
    data : str, Path, TextDataset, or data in memory
        As for `load_dataset`.
    checkpoint : str or Path
        Hub name, folder, or ``demo``.
    revision : str, optional
        Branch, tag or commit of the checkpoint.
    splits : sequence of str, optional
        All when None.
    display : Display, optional
        Where progress is shown.
    **settings
        ``layer`` (-1, several, or "all"), ``pooling``, ``max_length``, ``dtype``; ``device``, ``batch_tokens``,
        ``threads``; ``engine``, ``ray``; ``cache_dir``.

    Returns
    -------
    Extracted
        ``extracted["train"]`` is an array of shape (n_texts, hidden_size), float32.
    """
    own, rest = _of_session(settings, "extract")
    session = Session(data, checkpoint, revision=revision, display=display, **own)
    return session.extract(splits=splits, **rest)


def baseline(
    data: Any,
    checkpoint: str | Path = DEFAULT_CHECKPOINT,
    *,
    revision: str | None = None,
    features_file: str | Path | None = None,
    display: Display | None = None,
    **settings: Any,
) -> Runs:
    """Fit, tune and measure classical methods on texts and on frozen features.

    Parameters
    ----------
    data : str, Path, TextDataset, or data in memory
        As for `load_dataset`.
    checkpoint : str or Path
    revision : str, optional
    features_file : str or Path, optional
        An ``.npz`` of features that came from elsewhere, in the order of the texts; then nothing is extracted.
    display : Display, optional
    **settings
        Fields of `BaselineSettings` (``methods``, ``seeds``, …); ``layer``, ``pooling``, ``max_length``, ``dtype``;
        ``device``, ``batch_tokens``, ``threads``; ``engine``, ``ray``; ``results``, ``experiment``, ``cache_dir``,
        ``overwrite``, ``texts`` (False keeps no test texts beside the runs).

    Returns
    -------
    Runs
        One for each method and seed; a run that is there with the same settings is kept as it is.
    """
    own, rest = _of_session(settings, "baseline")
    session = Session(data, checkpoint, revision=revision, display=display, **own)
    return session.baseline(features_file=features_file, **rest)


def finetune(
    data: Any,
    checkpoint: str | Path = DEFAULT_CHECKPOINT,
    *,
    revision: str | None = None,
    display: Display | None = None,
    **settings: Any,
) -> Runs:
    """Fine-tune a checkpoint and measure it.

    Parameters
    ----------
    data : str, Path, TextDataset, or data in memory
        As for `load_dataset`.
    checkpoint : str or Path
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
        If labels and head do not fit, memory or disk do not suffice, or the loss is NaN.
    StoppedError
        If SIGTERM came; a checkpoint is written before, and the same call goes on from it.
    """
    own, rest = _of_session(settings, "finetune")
    return Session(data, checkpoint, revision=revision, display=display, **own).finetune(**rest)


def compare(*results: Results, **settings: Any) -> Compared:
    """Compare runs on the same test texts, best first.

    Parameters
    ----------
    *results : str, Path, Run or Runs
        Folders with runs in them, or what `baseline` and `finetune` returned.
    **settings
        Fields of `ReportSettings`: ``reference``, ``metric``, ``confidence``, ``n_resamples``.

    Raises
    ------
    RunError
        If there are no runs, or their test texts differ.
    """
    from featx.reporting import compare as work

    (wanted,) = settings_of([ReportSettings], [], settings, "compare")
    return Compared(work(runs_of(results), wanted))


def report(*results: str | Path, output: str | Path | None = None, **settings: Any) -> Compared:
    """Compare the runs in folders, and write tables, figures and an HTML page.

    Parameters
    ----------
    *results : str or Path
    output : str or Path, optional
        Folder to write to; ``report`` in the first folder when None.
    **settings
        Fields of `ReportSettings`.

    Returns
    -------
    Compared
        Its ``files`` are what was written, the page first.
    """
    from featx.experiment.report import report as work

    (wanted,) = settings_of([ReportSettings], [], settings, "report", ["output"])
    reported = work([Path(folder) for folder in results], wanted, None if output is None else Path(output))
    return Compared(reported.comparison, tuple(reported.files))


def predict(run: Results, texts: str | Sequence[str], *, checkpoint: str | None = None, **settings: Any) -> Predicted:
    """Return labels and scores of texts by a finished run.

    Parameters
    ----------
    run : str, Path, Run or Runs
        One run.
    texts : str or sequence of str
    checkpoint : str, optional
        Where the run's checkpoint is now, when it has moved.
    **settings
        ``device``, ``batch_tokens``, ``threads``; ``cache_dir``.
    """
    own, _ = _of_session(settings, "predict")
    return Session(checkpoint=checkpoint, **own).predict(run, texts)


def _of_session(keywords: dict[str, Any], function: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the keywords that are the session's, and the others, after a check that `function` knows them all."""
    check_keys(keywords, [*names_of(*KINDS[function]), *SESSION_KEYWORDS], function)
    return split_keywords(keywords, SESSION_KEYWORDS)

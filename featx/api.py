"""What ``import featx`` offers: the commands as functions, each one call on a `Session`.

Their settings are keywords, which `documented` adds to signatures and docstrings.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from featx.data import TextDataset
from featx.errors import SettingsError
from featx.experiment.context import read_dataset
from featx.experiment.shown import Compared, Predicted, Results, Runs, is_result, runs_of
from featx.session import KINDS, OWN, Session
from featx.settings import (
    DEFAULT_CHECKPOINT,
    DEMO,
    DataSettings,
    ReportSettings,
    aliases_of,
    check_keys,
    names_of,
    settings_from,
)  # fmt: skip
from featx.settings.documented import documented
from featx.settings.keywords import (
    BaselineCall,
    CompareCall,
    ExtractCall,
    FinetuneCall,
    LoadDatasetCall,
    PredictCall,
    ReportCall,
)

if TYPE_CHECKING:
    from featx.experiment.extract import Extracted
    from featx.experiment.progress import Display


_EXPECTED = "give a file, a folder, the name of a data set on the Hub, or data in memory such as (texts, labels)"


class _PredictKeywords(PredictCall, total=False):
    cache_dir: str | PathLike[str] | None


@documented(LoadDatasetCall)
def load_dataset(dataset: Any = DEMO, **settings: Unpack[LoadDatasetCall]) -> TextDataset:
    """Read, check and complete a data set.

    Parameters
    ----------
    dataset : str, Path, or data in memory
        A file, a folder, ``NAME[:CONFIG]`` on the Hub, or ``demo``; or ``(texts, labels)``, columns by name, a
        pandas or polars frame, a `datasets.Dataset`, or a mapping of split names to one of these.

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
    TextDataset('demo': train 600, validation 150, test 1350; negative, neutral, positive)
    """
    if dataset is None:
        raise SettingsError(f"load_dataset: `dataset` is None; {_EXPECTED}", "dataset")
    _check_keys(settings, [DataSettings], "load_dataset")
    return read_dataset(dataset, settings_from(DataSettings, settings, "load_dataset"))


@documented(ExtractCall)
def extract(
    dataset: Any = None,
    checkpoint: str | PathLike[str] = DEFAULT_CHECKPOINT,
    *,
    splits: Sequence[str] | None = None,
    display: Display | None = None,
    **settings: Unpack[ExtractCall],
) -> Extracted:
    """Return frozen features of every text, through the cache.

    Parameters
    ----------
    dataset : str, Path, TextDataset, or data in memory
        As for `load_dataset`.
    checkpoint : str or Path
        Hub name, folder, or ``demo``.
    splits : sequence of str, optional
        All when None.
    display : Display, optional
        Where progress is shown.

    Returns
    -------
    Extracted
        ``extracted["train"]`` is an array of shape (n_texts, hidden_size), float32.
    """
    session, rest = _session("extract", settings, dataset, checkpoint, display)
    return session.extract(splits=splits, **rest)


@documented(BaselineCall)
def baseline(
    dataset: Any = None,
    checkpoint: str | PathLike[str] = DEFAULT_CHECKPOINT,
    *,
    display: Display | None = None,
    **settings: Unpack[BaselineCall],
) -> Runs:
    """Fit, tune and measure classical methods on texts and on frozen features.

    Parameters
    ----------
    dataset : str, Path, TextDataset, or data in memory
        As for `load_dataset`.
    checkpoint : str or Path
    display : Display, optional

    Returns
    -------
    Runs
        One for each method and seed; a run that is there with the same settings is kept as it is.
    """
    session, rest = _session("baseline", settings, dataset, checkpoint, display)
    return session.baseline(**rest)


@documented(FinetuneCall)
def finetune(
    dataset: Any = None,
    checkpoint: str | PathLike[str] = DEFAULT_CHECKPOINT,
    *,
    display: Display | None = None,
    **settings: Unpack[FinetuneCall],
) -> Runs:
    """Fine-tune a checkpoint and measure it.

    Parameters
    ----------
    dataset : str, Path, TextDataset, or data in memory
        As for `load_dataset`.
    checkpoint : str or Path
    display : Display, optional

    Returns
    -------
    Runs
        One for each seed.

    Raises
    ------
    TrainingError
        If labels and head do not fit, memory or disk do not suffice, or the loss is NaN.
    StoppedError
        If SIGTERM came; a checkpoint is written before, and the same call goes on from it.
    """
    session, rest = _session("finetune", settings, dataset, checkpoint, display)
    return session.finetune(**rest)


@documented(CompareCall)
def compare(
    dataset: Any = None,
    checkpoint: str | PathLike[str] = DEFAULT_CHECKPOINT,
    *,
    display: Display | None = None,
    **settings: Unpack[CompareCall],
) -> Compared:
    """Return the whole answer: words, frozen features and fine-tuning, from cheap to dear, within a budget.

    Parameters
    ----------
    dataset : str, Path, TextDataset, or data in memory
        As for `load_dataset`.
    checkpoint : str or Path
    display : Display, optional

    Returns
    -------
    Compared
        Its ``files`` are the report. The same call goes on where an earlier one stopped.
    """
    if is_result(dataset):
        raise SettingsError("compare takes a data set; runs are compared by featx.compare_runs", "dataset")
    session, rest = _session("compare", settings, dataset, checkpoint, display)
    return session.compare(**rest)


@documented(ReportCall)
def compare_runs(*results: Results, **settings: Unpack[ReportCall]) -> Compared:
    """Compare runs on the same test texts, best first.

    Parameters
    ----------
    *results : str, Path, Run or Runs
        Folders with runs in them, or what `baseline` and `finetune` returned.

    Raises
    ------
    RunError
        If there are no runs, or their test texts differ.
    """
    from featx.reporting import compare as work

    wanted = settings_from(ReportSettings, settings, "compare_runs")
    return Compared(work(runs_of(results), wanted))


@documented(ReportCall)
def report(*results: str | Path, output: str | Path | None = None, **settings: Unpack[ReportCall]) -> Compared:
    """Compare the runs in folders, and write tables, figures and an HTML page.

    Parameters
    ----------
    *results : str or Path
    output : str or Path, optional
        Folder to write to; ``report`` in the first folder when None.

    Returns
    -------
    Compared
        Its ``files`` are what was written, the page first.
    """
    from featx.experiment.report import report as work

    wanted = settings_from(ReportSettings, settings, "report")
    reported = work([Path(folder) for folder in results], wanted, None if output is None else Path(output))
    return Compared(reported.comparison, tuple(reported.files))


@documented(_PredictKeywords)
def predict(
    run: Results, texts: Any, *, checkpoint: str | None = None, **settings: Unpack[_PredictKeywords]
) -> Predicted:
    """Return labels and scores of texts by a finished run.

    Parameters
    ----------
    run : str, Path, Run or Runs
        One run.
    texts : str, sequence of str, Split, or data in memory
        A frame, a mapping of columns, an Arrow table or a `datasets.Dataset` gives its text column.
    checkpoint : str, optional
        Where the run's checkpoint is now, when it has moved.
    """
    return _session("predict", settings, DEMO, checkpoint, None)[0].predict(run, texts)


def _session(
    function: str, settings: Mapping[str, Any], dataset: Any, checkpoint: Any, display: Display | None
) -> tuple[Session, dict[str, Any]]:
    """Return the session of a function's call, and the settings of the work itself."""
    if dataset is None:
        raise SettingsError(f"{function}: `dataset` is missing; {_EXPECTED}", "dataset")
    _check_keys(settings, [*KINDS[function], *OWN], function)
    work = {name for kind in KINDS[function] for name in (*names_of(kind), *aliases_of(kind))}
    own = {name: value for name, value in settings.items() if name not in work}
    session = Session(dataset, checkpoint, display=display, **own)
    return session, {name: value for name, value in settings.items() if name in work}


def _check_keys(settings: Mapping[str, Any], kinds: Sequence[type[Any]], function: str) -> None:
    """Check the names of keywords; data set and checkpoint are no keywords."""
    names = [name for kind in kinds for name in names_of(kind) if name not in ("dataset", "checkpoint")]
    aliases = {alias: name for kind in kinds for alias, name in aliases_of(kind).items() if name in names}
    # Parameters of their own never are among `settings`: they are here to be offered where one is misspelt.
    own = [name for name in inspect.signature(globals()[function]).parameters if name in ("dataset", "checkpoint")]
    check_keys(settings, list(dict.fromkeys([*own, *names])), function, aliases)

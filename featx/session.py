"""`Session`: one data set, one checkpoint and one place for results, and everything that can be done with them."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, Unpack

from featx.errors import SettingsError
from featx.experiment.context import Context
from featx.experiment.shown import Compared, Predicted, Results, Runs, folder_of
from featx.experiment.workspace import Workspace
from featx.settings import (
    DEFAULT_CHECKPOINT,
    DEMO,
    BaselineSettings,
    CheckpointSettings,
    CompareSettings,
    ComputeSettings,
    DataSettings,
    FeatureSettings,
    FinetuneSettings,
    RaySettings,
    ReportSettings,
    SavingSettings,
    TrackingSettings,
    split_settings,
)
from featx.settings.keywords import (
    BaselineKeywords,
    CompareKeywords,
    FeaturesKeywords,
    FinetuneKeywords,
    ReportKeywords,
    SavingKeywords,
    SessionCall,
    TrackingKeywords,
)

if TYPE_CHECKING:
    from featx.experiment.extract import Extracted
    from featx.experiment.progress import Display

#: Settings of a session itself, and of the work that each method does.
OWN = (DataSettings, CheckpointSettings, ComputeSettings, RaySettings, Workspace)
KINDS: dict[str, tuple[type[Any], ...]] = {
    "extract": (FeatureSettings,),
    "baseline": (BaselineSettings, FeatureSettings),
    "finetune": (FinetuneSettings, SavingSettings, TrackingSettings),
    "compare": (CompareSettings, FeatureSettings, ReportSettings),
    "report": (ReportSettings,),
    "predict": (),
}


class _BaselineKeywords(FeaturesKeywords, BaselineKeywords, total=False):
    folds: int | None


class _CompareKeywords(CompareKeywords, FeaturesKeywords, ReportKeywords, total=False):
    pass


class _FinetuneKeywords(FinetuneKeywords, SavingKeywords, TrackingKeywords, total=False):
    folds: int | None


class Session(Context):
    """A data set, a checkpoint, and where and how the work on them is done.

    The data set is read once, the checkpoint found, hashed and loaded once, whatever is called and how often.

    Parameters
    ----------
    dataset : str, Path, DataSettings, TextDataset, or data in memory
        An address; ``(texts, labels)``; columns by name; a pandas or polars frame; a `datasets.Dataset`; or a mapping
        of split names to one of these.
    checkpoint : str, Path or CheckpointSettings
        Hub name, folder, or ``demo``.
    compute : ComputeSettings, optional
    ray : RaySettings, optional
        Who encodes.
    workspace : Workspace, optional
    display : Display, optional
        Where progress is shown.
    **settings
        Fields of all these settings: ``text_column``, ``device``, ``engine``, ``results``, ``cache_dir``, …

    Examples
    --------
    >>> session = Session((["good", "bad", "fine"] * 4, [1, 0, 1] * 4), "demo")
    >>> session.dataset.n_classes
    2
    """

    def __init__(
        self,
        dataset: Any = DEMO,
        checkpoint: str | PathLike[str] | CheckpointSettings | None = DEFAULT_CHECKPOINT,
        *,
        compute: ComputeSettings | None = None,
        ray: RaySettings | None = None,
        workspace: Workspace | None = None,
        display: Display | None = None,
        **settings: Unpack[SessionCall],
    ) -> None:
        given = dict(settings)
        if isinstance(checkpoint, str | PathLike):
            given["checkpoint"] = checkpoint
        if isinstance(dataset, str | PathLike):
            given["dataset"] = dataset
        bases = _by_kind([dataset, checkpoint, compute, ray, workspace], OWN)
        data, named, computed, encoded, places = split_settings(OWN, given, "Session", bases)
        super().__init__(
            dataset if not isinstance(dataset, str | PathLike | DataSettings) else data,
            None if checkpoint is None else named,
            data=data,
            compute=computed,
            ray=encoded,
            workspace=places,
            display=display,
        )

    def in_folds(self, folds: int | None) -> Self:
        """Return a session on the same data cut by so many `folds`, which shares what is loaded; this one of None.

        Parameters
        ----------
        folds : int or None
            Each fold is a run of its own; `report` puts them together.
        """
        return self if folds is None else self.cut_by_folds(folds)

    def extract(
        self,
        *settings: FeatureSettings,
        splits: Sequence[str] | None = None,
        **keywords: Unpack[FeaturesKeywords],
    ) -> Extracted:
        """Return frozen features of every text (or of those of `splits`), through the cache.

        Parameters
        ----------
        *settings : FeatureSettings
        splits : sequence of str, optional
        **keywords
            Fields of `FeatureSettings`: ``layer`` (-1, several, or "all"), ``pooling``, ``max_length``, ``long``, ….
        """
        from featx.experiment.extract import extract

        (features,) = _chosen("extract", settings, keywords)
        return extract(self, features, splits)

    def baseline(
        self,
        *settings: BaselineSettings | FeatureSettings,
        **keywords: Unpack[_BaselineKeywords],
    ) -> Runs:
        """Fit, tune and measure classical methods on texts and on frozen features.

        Parameters
        ----------
        *settings : BaselineSettings, FeatureSettings
        **keywords
            Fields of these settings: ``methods``, ``seeds``, ``layer``, …; and ``folds``, see `in_folds`.

        Returns
        -------
        Runs
            One for each method and seed, and fold; a run that is there with the same settings is kept as it is.
        """
        from featx.experiment.baseline import baseline

        session = self.in_folds(keywords.pop("folds", None))
        return Runs(baseline(session, *_chosen("baseline", settings, keywords)))

    def finetune(
        self,
        *settings: FinetuneSettings | SavingSettings | TrackingSettings,
        **keywords: Unpack[_FinetuneKeywords],
    ) -> Runs:
        """Fine-tune the checkpoint and measure it.

        Parameters
        ----------
        *settings : FinetuneSettings, SavingSettings, TrackingSettings
        **keywords
            Fields of these settings: the Trainer's own names, ``seeds``, ``resume``, ``wandb``, …; and ``folds``, see
            `in_folds`.

        Returns
        -------
        Runs
            One for each seed and fold.

        Raises
        ------
        TrainingError
            If labels and head do not fit, memory or disk do not suffice, or the loss is NaN.
        StoppedError
            If SIGTERM came; a checkpoint is written before, and the same call goes on from it.
        """
        from featx.experiment.finetune import finetune

        session = self.in_folds(keywords.pop("folds", None))
        return Runs(finetune(session, *_chosen("finetune", settings, keywords)))

    def compare(
        self,
        *settings: CompareSettings | FeatureSettings | ReportSettings,
        **keywords: Unpack[_CompareKeywords],
    ) -> Compared:
        """Return the whole answer: words, frozen features and fine-tuning, from cheap to dear, and what they differ by.

        Parameters
        ----------
        *settings : CompareSettings, FeatureSettings, ReportSettings
        **keywords
            Fields of these settings: ``budget``, ``layer``, ``margin``, …

        Returns
        -------
        Compared
            Its ``files`` are the report. The same call goes on where an earlier one stopped.
        """
        from featx.experiment.comparing.comparing import comparing_of

        ended = comparing_of(self, *_chosen("compare", settings, keywords)).run()
        return Compared(ended.reported.comparison, tuple(ended.reported.files))

    def report(
        self,
        *settings: ReportSettings,
        output: str | Path | None = None,
        **keywords: Unpack[ReportKeywords],
    ) -> Compared:
        """Compare the runs of this experiment, and write tables, figures and an HTML page.

        Parameters
        ----------
        *settings : ReportSettings
        output : str or Path, optional
            Folder to write to; ``report`` in the experiment's folder when None.
        **keywords
            Fields of `ReportSettings`.
        """
        from featx.experiment.report import report

        (wanted,) = _chosen("report", settings, keywords)
        made = report([self.folder], wanted, None if output is None else Path(output), self.workspace.texts)
        return Compared(made.comparison, tuple(made.files))

    def predict(self, run: Results, texts: Any) -> Predicted:
        """Return labels and scores of texts by a finished run.

        Parameters
        ----------
        run : Run, Runs, str or Path
            One run, or its folder; one on features was made with this session's checkpoint, wherever that is now.
        texts : str, sequence of str, Split, or data in memory
            A frame, a mapping of columns, an Arrow table or a `datasets.Dataset` gives its text column.

        Raises
        ------
        DataError
            If there are no texts, one is empty or no text, or there is no text column.
        """
        from featx.experiment.predict import predict, texts_of

        named = None if self._data is None else self._data.text_column
        return Predicted(predict(self, folder_of(run), texts_of(texts, named)))


def _chosen(method: str, settings: Sequence[Any], keywords: Any) -> list[Any]:
    """Return the settings of a method's work: objects that were given, the defaults else, changed by keywords."""
    for one in settings:
        if not isinstance(one, KINDS[method]):
            expected = " and ".join(kind.__name__ for kind in KINDS[method])
            raise SettingsError(f"{method} takes {expected}, not {type(one).__name__}")
    return split_settings(KINDS[method], keywords, method, _by_kind(settings, KINDS[method]))


def _by_kind(settings: Sequence[Any], kinds: Sequence[type[Any]]) -> dict[type[Any], Any]:
    return {kind: one for kind in kinds for one in settings if isinstance(one, kind)}

"""`Session`: one data set, one checkpoint and one place for results, and everything that can be done with them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from featx.experiment.context import Context
from featx.experiment.keywords import PLACES, names_of, settings_of, split_keywords, workspace_of
from featx.experiment.shown import Compared, Predicted, Runs
from featx.experiment.workspace import Workspace
from featx.settings import (
    DEFAULT_CHECKPOINT,
    DEMO,
    BaselineSettings,
    CheckpointSettings,
    ComputeSettings,
    Engine,
    FeatureSettings,
    FinetuneSettings,
    RaySettings,
    ReportSettings,
    SavingSettings,
    TrackingSettings,
    choose,
)

if TYPE_CHECKING:
    from featx.experiment.extract import Extracted
    from featx.experiment.progress import Display


#: Keywords of `Session` itself, which the functions of `featx.api` take beside those of the work.
SESSION_KEYWORDS = (*names_of(ComputeSettings), *PLACES, "engine", "ray")
#: Settings that each method takes.
KINDS: dict[str, tuple[type[Any], ...]] = {
    "extract": (FeatureSettings,),
    "baseline": (BaselineSettings, FeatureSettings),
    "finetune": (FinetuneSettings, SavingSettings, TrackingSettings),
    "report": (ReportSettings,),
    "predict": (),
}


class Session(Context):
    """A data set, a checkpoint, and where and how the work on them is done.

    The data set is read once, the checkpoint found, hashed and loaded once, whatever is called and how often.

    Parameters
    ----------
    data : str, Path, DataSettings, TextDataset, or data in memory
        An address; ``(texts, labels)``; columns by name; a pandas or polars frame; a `datasets.Dataset`; or a
        mapping of split names to one of these.
    checkpoint : str, Path or CheckpointSettings
        Hub name, folder, or ``demo``.
    revision : str, optional
        Branch, tag or commit of the checkpoint on the Hub.
    compute : ComputeSettings, optional
    workspace : Workspace, optional
    display : Display, optional
        Where progress is shown.
    engine : Engine or str
        Who encodes: ``local`` (this process) or ``ray``.
    ray : RaySettings, optional
    **settings
        Fields of `ComputeSettings` (``device``, ``batch_tokens``, ``threads``) and of `Workspace` (``results``,
        ``experiment``, ``cache_dir``, ``overwrite``, ``texts``).

    Examples
    --------
    >>> session = Session((["good", "bad", "fine"] * 4, [1, 0, 1] * 4), "demo")
    >>> session.dataset.n_classes
    2
    """

    def __init__(
        self,
        data: Any = DEMO,
        checkpoint: str | Path | CheckpointSettings | None = DEFAULT_CHECKPOINT,
        *,
        revision: str | None = None,
        compute: ComputeSettings | None = None,
        workspace: Workspace | None = None,
        display: Display | None = None,
        engine: Engine | str = Engine.LOCAL,
        ray: RaySettings | None = None,
        **settings: Any,
    ) -> None:
        places, rest = split_keywords(settings, PLACES)
        (computed,) = settings_of([ComputeSettings], [compute] if compute else [], rest, "Session", PLACES)
        if isinstance(checkpoint, str | Path):
            checkpoint = CheckpointSettings(str(checkpoint), revision)
        super().__init__(
            data,
            checkpoint,
            compute=computed,
            workspace=workspace or workspace_of(places),
            display=display,
            engine=choose(Engine, str(engine), "`engine`"),
            ray=ray,
        )

    def extract(self, *settings: FeatureSettings, splits: Sequence[str] | None = None, **keywords: Any) -> Extracted:
        """Return frozen features of every text (or of those of `splits`), through the cache.

        Parameters
        ----------
        *settings : FeatureSettings
        splits : sequence of str, optional
        **keywords
            Fields of `FeatureSettings`: ``layer`` (-1, several, or "all"), ``pooling``, ``max_length``, ``dtype``.
        """
        from featx.experiment.extract import extract

        (features,) = settings_of(KINDS["extract"], settings, keywords, "extract", ["splits"])
        return extract(self, features, splits)

    def baseline(
        self,
        *settings: BaselineSettings | FeatureSettings,
        features_file: str | Path | None = None,
        **keywords: Any,
    ) -> Runs:
        """Fit, tune and measure classical methods on texts and on frozen features.

        Parameters
        ----------
        *settings : BaselineSettings, FeatureSettings
        features_file : str or Path, optional
            An ``.npz`` of features that came from elsewhere, in the order of the texts; then nothing is extracted.
        **keywords
            Fields of these settings: ``methods``, ``seeds``, ``layer``, …

        Returns
        -------
        Runs
            One for each method and seed; a run that is there with the same settings is kept as it is.
        """
        from featx.experiment.baseline import baseline

        chosen, features = settings_of(KINDS["baseline"], settings, keywords, "baseline", ["features_file"])
        return Runs(baseline(self, chosen, features, None if features_file is None else Path(features_file)))

    def finetune(self, *settings: FinetuneSettings | SavingSettings | TrackingSettings, **keywords: Any) -> Runs:
        """Fine-tune the checkpoint and measure it.

        Parameters
        ----------
        *settings : FinetuneSettings, SavingSettings, TrackingSettings
        **keywords
            Fields of these settings: the Trainer's own names, ``seeds``, ``resume``, ``wandb``, …

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
        from featx.experiment.finetune import finetune

        return Runs(finetune(self, *settings_of(KINDS["finetune"], settings, keywords, "finetune")))

    def report(self, *settings: ReportSettings, output: str | Path | None = None, **keywords: Any) -> Compared:
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

        (wanted,) = settings_of(KINDS["report"], settings, keywords, "report", ["output"])
        made = report([self.folder], wanted, None if output is None else Path(output), self.workspace.texts)
        return Compared(made.comparison, tuple(made.files))

    def predict(self, run: Any, texts: str | Sequence[str]) -> Predicted:
        """Return labels and scores of texts by a finished run.

        Parameters
        ----------
        run : Run, Runs, str or Path
            One run, or its folder.
        texts : str or sequence of str
        """
        from featx.experiment.predict import predict
        from featx.experiment.shown import folder_of

        return Predicted(predict(self, folder_of(run), [texts] if isinstance(texts, str) else list(texts)))

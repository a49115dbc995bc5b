"""What every step of an experiment works with: data set, checkpoint, folders, compute and display.

Things are loaded when they are first needed, and once: a data set is read once, a checkpoint is found and hashed once,
its encoder is loaded once.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from featx.data import TextDataset, load_dataset
from featx.data.folding import in_folds
from featx.data.in_memory import is_in_memory
from featx.errors import SettingsError
from featx.experiment.progress import Display, SaidOnce, Silent
from featx.experiment.workspace import Workspace
from featx.runs import keep_texts, run_folder
from featx.settings import (
    DEMO,
    Checkpoint,
    CheckpointSettings,
    ComputeSettings,
    DataSettings,
    FeatureSettings,
    RaySettings,
    SplitName,
)

if TYPE_CHECKING:
    from featx.features.encoder import Encoder


class Context:
    """What the steps of an experiment share.

    Parameters
    ----------
    dataset : str, Path, DataSettings, TextDataset, or data in memory
        An address, or content as `featx.data.in_memory` reads it.
    checkpoint : CheckpointSettings, optional
    data : DataSettings, optional
        How `dataset` is read.
    compute : ComputeSettings, optional
    workspace : Workspace, optional
    display : Display, optional
    ray : RaySettings, optional
        Who encodes.
    """

    def __init__(
        self,
        dataset: Any = DEMO,
        checkpoint: CheckpointSettings | None = None,
        *,
        data: DataSettings | None = None,
        compute: ComputeSettings | None = None,
        workspace: Workspace | None = None,
        display: Display | None = None,
        ray: RaySettings | None = None,
    ) -> None:
        self._given, self._data = dataset, data
        self._checkpoint = checkpoint
        self.compute = compute or ComputeSettings()
        self.workspace = workspace or Workspace()
        self.display = display or Silent()
        self.ray = ray or RaySettings()
        self._said: set[str] = set()
        self._encoders: dict[tuple[object, ...], Encoder] = {}
        self._found: list[Checkpoint] = []

    @cached_property
    def dataset(self) -> TextDataset:
        """The data set; what a reader of results should know of it is said when it is read."""
        dataset = read_dataset(self._given, self._data)
        for note in dataset.notes if dataset is not self._given else ():
            self.display.say(note)
        return dataset

    def of_folds(self) -> Iterator[Self]:
        """Yield a context for each fold of the data, this one alone where it is not cut; all share what is loaded."""
        n_folds = 0 if self.dataset.folds is None else len(self.dataset.folds)
        if not n_folds:
            yield self
        display = SaidOnce(self.display)
        for fold in range(n_folds):
            part = copy(self)
            part.display = display
            part.__dict__["dataset"] = self.dataset.of_fold(fold)
            yield part

    def cut_by_folds(self, n_folds: int) -> Self:
        """Return the same context on data that are cut by folds.

        Raises
        ------
        DataError
            If there are too few texts, of all or of a class.
        """
        other = copy(self)
        data = replace(self._how_read, folds=n_folds)
        given = data if isinstance(self._given, DataSettings) else self._given
        other.__dict__["dataset"] = read_dataset(given, data)
        return other

    @property
    def stated(self) -> tuple[DataSettings | None, CheckpointSettings | None]:
        """Where the data and the checkpoint are, as the user said it; None for data that came from memory."""
        return (self._given if isinstance(self._given, DataSettings) else None), self._checkpoint

    @property
    def cuts_test(self) -> bool:
        """Whether no split was named as test."""
        return self._how_read.test_split is SplitName.TEST

    @property
    def _how_read(self) -> DataSettings:
        return self._given if isinstance(self._given, DataSettings) else self._data or DataSettings()

    @property
    def fold(self) -> str:
        """Name of the fold whose texts the splits are; empty without folds."""
        return "" if self.dataset.fold is None else f"fold-{self.dataset.fold}"

    def place(self, method: str, seed: int) -> Path:
        """Return the folder of a run on this data."""
        return run_folder(self.workspace.results, self.experiment, method, seed, self.dataset.fold)

    @property
    def checkpoint(self) -> Checkpoint:
        """The checkpoint, found and identified.

        Raises
        ------
        SettingsError
            If none was named.
        CheckpointError
            If there is no such checkpoint.
        """
        from featx.features.checkpoint import find_checkpoint

        if self._checkpoint is None:
            raise SettingsError("`checkpoint` is missing; give a Hub name, a folder, or demo", "checkpoint")
        if not self._found:
            named = self._checkpoint
            self._found.append(find_checkpoint(named.checkpoint, self.workspace.cache, named.revision))
        return self._found[0]

    @property
    def checkpoint_name(self) -> str | None:
        """The checkpoint as the user wrote it; None if none was named."""
        return None if self._checkpoint is None else self._checkpoint.checkpoint

    @property
    def experiment(self) -> str:
        """Name of the experiment: the folder of its runs in `workspace.results`."""
        return self.workspace.experiment_name(self.dataset.address)

    @property
    def folder(self) -> Path:
        """Folder of the experiment's runs."""
        return self.workspace.results / self.experiment

    def encoder(self, features: FeatureSettings) -> Encoder:
        """Return the checkpoint's encoder; it loads its weights when the first text needs them."""
        from featx.features.encoder import load_encoder

        features = self.resolved(features)
        key = features.max_length, features.dtype, features.prompt
        if key not in self._encoders:
            self._encoders[key] = load_encoder(self.checkpoint, features, self.compute)
        return self._encoders[key]

    def resolved(self, features: FeatureSettings) -> FeatureSettings:
        """Return `features` with nothing left to the checkpoint or the machine."""
        from featx.features.native_types import with_type
        from featx.features.resolving import resolve_features

        return resolve_features(self.checkpoint, with_type(features, self.compute, self.ray))

    def say_once(self, message: str) -> None:
        """Show a line that holds for all steps of a session, unless it was shown."""
        if message not in self._said:
            self._said.add(message)
            self.display.say(message)

    def release(self) -> None:
        """Let go of the encoders' weights, before other work needs the memory."""
        self._encoders.clear()

    def keep_test_texts(self) -> None:
        """Keep the test texts beside the runs, for the report, unless the workspace is told not to."""
        if self.workspace.texts:
            keep_texts(self.folder, self.dataset)

    def named(self, experiment: str) -> Context:
        """Return the same context in another experiment; what is loaded is shared."""
        other = copy(self)
        other.workspace = replace(self.workspace, experiment=experiment)
        return other

    def on(self, checkpoint: CheckpointSettings, workspace: Workspace | None = None) -> Context:
        """Return a context for another checkpoint on the same data set, which is not read again."""
        return Context(
            self.dataset, checkpoint, compute=self.compute, workspace=workspace or self.workspace,
            display=self.display, ray=self.ray,
        )  # fmt: skip


def read_dataset(data: Any, settings: DataSettings | None = None) -> TextDataset:
    """Return the data set at an address or in memory, checked and completed.

    Parameters
    ----------
    data : str, Path, DataSettings, TextDataset, or data in memory
    settings : DataSettings, optional
        Columns, and how missing splits are cut.

    Raises
    ------
    DataError
        For input that breaks a rule; names where, and the remedy.
    """
    if isinstance(data, TextDataset):
        return in_folds(data, settings) if settings and settings.folds and data.folds is None else data
    if isinstance(data, DataSettings):
        return load_dataset(data)
    settings = settings or DataSettings()
    if is_in_memory(data):
        return load_dataset(settings, data)
    return load_dataset(replace(settings, dataset=str(data)))

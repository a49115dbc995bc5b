"""Settings of featx as frozen dataclasses: the one home of every default.

No run-time state lives here, and nothing heavy is imported. What identifies a result (digests, commits) is
stored beside it by the packages that make it. May import ``errors`` only.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from featx.errors import SettingsError

#: The checkpoint of the course that featx grew out of.
DEFAULT_CHECKPOINT = "distilbert-base-uncased"
#: Address of the data set, and name of the checkpoint, that need no network.
DEMO = "demo"
#: Environment variable that names the cache folder.
CACHE_DIR_VARIABLE = "FEATX_CACHE_DIR"
#: Where runs are written unless the user says otherwise.
DEFAULT_RESULTS = "results"
#: The metric by which every choice (C, layer, epoch) is made, always on validation.
SELECTION_METRIC = "f1_macro"


class Pooling(StrEnum):
    """How the vector of a text is taken from the hidden states of its tokens."""

    CLS = "cls"
    MEAN = "mean"


class Dtype(StrEnum):
    """Type in which the encoder computes; features are always stored as float32."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    FLOAT16 = "float16"


class Device(StrEnum):
    """Where a model computes; ``auto`` takes cuda, then mps, then cpu."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"
    MPS = "mps"


class FinetuneMethod(StrEnum):
    """What of a checkpoint is trained: all of it, all of it after a linear probe, or low-rank adapters."""

    FULL = "full"
    LP = "lp"
    LORA = "lora"


class ClassWeights(StrEnum):
    """How much the classes count in the loss; ``balanced`` lets rare ones count more."""

    NONE = "none"
    BALANCED = "balanced"


class SaveStrategy(StrEnum):
    """When a training writes a checkpoint that it could go on from; a signal always makes it write one."""

    NO = "no"
    EPOCH = "epoch"
    STEPS = "steps"


class WandbMode(StrEnum):
    """Whether a run is told to Weights & Biases: not at all, into a local folder, or to the server."""

    OFF = "off"
    OFFLINE = "offline"
    ONLINE = "online"


class Combine(StrEnum):
    """What becomes of several layers and poolings: one of them is chosen, all stand side by side, or either."""

    EACH = "each"
    CONCAT = "concat"
    BOTH = "both"


class Refit(StrEnum):
    """What the chosen classifier is fitted on before it meets test."""

    TRAIN = "train"
    TRAIN_AND_VALIDATION = "train+validation"


class Calibration(StrEnum):
    """How methods without probabilities are given some, by cross-validation on train; ``none`` leaves them without."""

    NONE = "none"
    SIGMOID = "sigmoid"
    ISOTONIC = "isotonic"


Choice = TypeVar("Choice", bound=StrEnum)


def choose(kind: type[Choice], value: str, option: str) -> Choice:
    """Member of `kind` that `value` names.

    Raises
    ------
    SettingsError
        If there is none; the message lists the valid ones.

    Examples
    --------
    >>> choose(Pooling, "mean", "--pooling")
    <Pooling.MEAN: 'mean'>
    """
    try:
        return kind(value)
    except ValueError:
        valid = ", ".join(member.value for member in kind)
        raise SettingsError(f"{option} is {value!r}; expected one of: {valid}") from None


@dataclass(frozen=True)
class CacheUrl:
    """A place in an object store, as ``s3://bucket/prefix``."""

    url: str

    def __truediv__(self, name: str) -> CacheUrl:
        return CacheUrl(f"{self.url}/{name}")

    def __str__(self) -> str:
        return self.url

    @property
    def name(self) -> str:
        """What stands after the last slash."""
        return self.url.rpartition("/")[2]


#: Where features are kept: a folder, or a place in an object store.
CachePlace = Path | CacheUrl


def cache_place(value: str | Path | CacheUrl) -> CachePlace:
    """A folder, or a place in an object store where `value` is a URL.

    Raises
    ------
    SettingsError
        If the URL carries a password or options, or is not one of an object store.

    Examples
    --------
    >>> cache_place("s3://bucket/featx/")
    CacheUrl(url='s3://bucket/featx')
    """
    if not isinstance(value, str) or "://" not in value:
        return value if isinstance(value, CacheUrl) else Path(value)
    scheme, _, rest = value.partition("://")
    user, at, _ = rest.partition("/")[0].rpartition("@")
    if at and ":" in user:
        raise SettingsError(
            f"--cache-dir is a {scheme}:// URL with a password in it; leave it out and give credentials by the "
            "environment or the configuration of the store's own tools"
        )
    if "?" in rest or "#" in rest or "::" in value:
        raise SettingsError(f"--cache-dir is a {scheme}:// URL with options; expected {scheme}://BUCKET/PREFIX alone")
    if scheme in ("file", "local", "http", "https", "ftp", "sftp", "ssh"):
        raise SettingsError(
            f"--cache-dir is a {scheme}:// URL; expected a folder, or an object store such as s3://BUCKET/PREFIX"
        )
    if not scheme or not rest.strip("/"):
        raise SettingsError(f"--cache-dir is {value!r}, which names no bucket; expected such as s3://BUCKET/PREFIX")
    return CacheUrl(value.rstrip("/"))


def cache_folder(cache_dir: CachePlace | None) -> CachePlace:
    """`cache_dir`, else ``$FEATX_CACHE_DIR``, else the user's cache folder."""
    if cache_dir is not None:
        return cache_dir
    if stated := os.environ.get(CACHE_DIR_VARIABLE):
        return cache_place(stated)
    return _user_cache()


def local_folder(cache_dir: CachePlace) -> Path:
    """`cache_dir` where it is a folder, else the user's: for what must lie on a disk, such as built checkpoints."""
    return cache_dir if isinstance(cache_dir, Path) else _user_cache()


def _user_cache() -> Path:
    from platformdirs import user_cache_dir

    return Path(user_cache_dir("featx"))


def _name_members(settings: object, **kinds: type[StrEnum]) -> None:
    """Let fields of frozen `settings` be the members that plain strings stand for."""
    for name, kind in kinds.items():
        object.__setattr__(settings, name, choose(kind, getattr(settings, name), name))


def _check_seeds(seeds: tuple[int, ...], name: str) -> None:
    """scikit-learn and numpy take whole numbers from 0 to 2**32 - 1."""
    wrong = [seed for seed in seeds if not 0 <= seed < 2**32]
    if wrong or not seeds:
        shown = ", ".join(map(str, wrong)) or "empty"
        raise SettingsError(f"{name} is {shown}; expected whole numbers from 0 to {2**32 - 1}")


@dataclass(frozen=True)
class DataSettings:
    """Where labelled texts come from and how splits that are missing are cut.

    `split_seed` alone decides which texts a cut puts where, so that runs with different seeds are measured on
    the same test texts.
    """

    address: str = DEMO
    text_column: str | None = None
    label_column: str | None = None
    revision: str | None = None
    validation_fraction: float = 0.15
    test_fraction: float = 0.15
    split_seed: int = 0

    def __post_init__(self) -> None:
        _check_seeds((self.split_seed,), "split_seed")
        fractions = (self.validation_fraction, self.test_fraction)
        if not all(0 < fraction < 1 for fraction in fractions) or sum(fractions) >= 1:
            raise SettingsError(
                f"validation_fraction and test_fraction are {fractions[0]:g} and {fractions[1]:g}; expected numbers "
                "above 0 that leave something for train"
            )


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint whose content is known: found, and identified by digests.

    Attributes
    ----------
    name : str
        As the user wrote it: a Hub name, a folder, or ``demo``.
    path : str
        What ``from_pretrained`` takes: a folder or the Hub name.
    revision : str or None
        The Hub's commit; None for a folder.
    digest : str
        The Hub's commit, or the sha256 over weight files and config of a folder.
    tokenizer_digest : str
        The Hub's commit, or the sha256 over the tokenizer files of a folder.
    """

    name: str
    path: str
    revision: str | None
    digest: str
    tokenizer_digest: str


@dataclass(frozen=True)
class FeatureSettings:
    """Which features are wanted; every field is part of their identity.

    `layers` counts from 0 (embeddings) to n (last); negative numbers count from the end; None means all.
    `max_length` is in tokens, special ones included; None means the checkpoint's own limit.
    """

    layers: tuple[int, ...] | None = (-1,)
    poolings: tuple[Pooling, ...] = (Pooling.CLS,)
    max_length: int | None = None
    dtype: Dtype = Dtype.FLOAT32


@dataclass(frozen=True)
class ComputeSettings:
    """How the work is done; nothing here changes what a feature is.

    `batch_tokens` (padding included) and `threads` are chosen by the device when None.
    """

    device: Device = Device.AUTO
    batch_tokens: int | None = None
    threads: int | None = None


class Engine(StrEnum):
    """Who encodes: this process, or the workers of a Ray cluster."""

    LOCAL = "local"
    RAY = "ray"


class Format(StrEnum):
    """Files that features are written to."""

    NPZ = "npz"
    PARQUET = "parquet"
    DATASETS = "datasets"


@dataclass(frozen=True)
class RaySettings:
    """How Ray is used; nothing here changes what a feature is.

    `address` is that of a cluster (``auto`` for the one on this machine); None starts one on this machine. `workers` is
    their number: one a GPU, or as many as the CPUs allow, when None. A worker without a GPU takes `cpus` CPUs.
    `window` is the number of texts handed out at once: one shard of the store, and all that is lost with a worker.
    """

    address: str | None = None
    workers: int | None = None
    cpus: int = 1
    window: int = 4_096

    def __post_init__(self) -> None:
        if min(self.cpus, self.window, 1 if self.workers is None else self.workers) < 1:
            given = f"{self.workers}, {self.cpus} and {self.window}"
            raise SettingsError(f"workers, cpus and window are {given}; expected 1 or more of each")


@dataclass(frozen=True)
class BaselineSettings:
    """Which classical methods are fitted, how they are tuned, and with which seeds.

    `cv` is the number of folds of train that choices are made on; None makes them on validation. `time_limit` is in
    seconds, for one method and seed. `jobs` is the number of processes; None takes all cores where that is worth it.
    `controls` adds the same probe on a random encoder and on shuffled labels.
    """

    methods: tuple[str, ...] = ("majority", "tfidf-logreg", "logreg")
    seeds: tuple[int, ...] = (0,)
    combine: Combine = Combine.BOTH
    cv: int | None = None
    refit: Refit = Refit.TRAIN
    calibrate: Calibration = Calibration.NONE
    time_limit: float | None = None
    jobs: int | None = None
    controls: bool = False

    def __post_init__(self) -> None:
        _check_seeds(self.seeds, "seeds")
        if self.cv is not None and self.cv < 2:
            raise SettingsError(f"cv is {self.cv}; expected 2 folds or more")
        if self.time_limit is not None and not self.time_limit > 0:
            raise SettingsError(f"time_limit is {self.time_limit:g}; expected seconds above 0")
        if self.jobs is not None and self.jobs < 1:
            raise SettingsError(f"jobs is {self.jobs}; expected 1 process or more")


@dataclass(frozen=True)
class FinetuneSettings:
    """Fine-tuning, under the Trainer's own names; the defaults are the course's.

    Attributes
    ----------
    max_steps : int
        Steps after which training ends, whatever `num_train_epochs` says; -1 leaves it to that.
    logging_steps : int or None
        Steps between entries of the log with loss and learning rate; about ten entries an epoch when None.
    warmup_steps : float
        Steps of warm-up, or their share when below 1.
    early_stopping_patience : int or None
        Evaluations without a better `SELECTION_METRIC` on validation after which training ends; None never ends it.
    dtype : Dtype
        Of the arithmetic, by autocast; the weights that are trained are float32 whatever it is.
    freeze_layers : int
        Encoder layers, counted from the embeddings, that stay as they are; 0 trains all, embeddings included.
    search : int
        Trials of `learning_rate` and `num_train_epochs` on validation; 0 takes them as they stand here.
    search_warmup : bool
        Whether the trials choose `warmup_steps` as well.
    r, lora_alpha, lora_dropout
        Of the adapters, under peft's names; they count for the method ``lora`` only.
    """

    method: FinetuneMethod = FinetuneMethod.FULL
    num_train_epochs: float = 2.0
    max_steps: int = -1
    learning_rate: float = 2e-5
    per_device_train_batch_size: int = 16
    gradient_accumulation_steps: int = 1
    weight_decay: float = 0.01
    adam_beta1: float = 0.9
    adam_beta2: float = 0.999
    adam_epsilon: float = 1e-8
    max_grad_norm: float = 1.0
    warmup_steps: float = 0.0
    lr_scheduler_type: str = "linear"
    optim: str = "adamw_torch_fused"
    label_smoothing_factor: float = 0.0
    class_weights: ClassWeights = ClassWeights.NONE
    early_stopping_patience: int | None = None
    dtype: Dtype = Dtype.FLOAT32
    gradient_checkpointing: bool = False
    freeze_layers: int = 0
    search: int = 0
    search_warmup: bool = False
    r: int = 16
    lora_alpha: float = 32.0
    lora_dropout: float = 0.05
    max_length: int | None = None
    logging_steps: int | None = None
    seeds: tuple[int, ...] = (0,)

    def __post_init__(self) -> None:
        _check_seeds(self.seeds, "seeds")
        _name_members(self, method=FinetuneMethod, class_weights=ClassWeights, dtype=Dtype)


@dataclass(frozen=True)
class SavingSettings:
    """How a long training survives; nothing here changes its result.

    Attributes
    ----------
    resume : bool
        Whether to go on from the last complete checkpoint of the same training.
    save_strategy : SaveStrategy
    save_steps : int
        Steps between checkpoints, for ``steps``.
    save_total_limit : int
        Checkpoints that are kept, the newest.
    """

    resume: bool = True
    save_strategy: SaveStrategy = SaveStrategy.EPOCH
    save_steps: int = 500
    save_total_limit: int = 2

    def __post_init__(self) -> None:
        _name_members(self, save_strategy=SaveStrategy)
        for name in ("save_steps", "save_total_limit"):
            if getattr(self, name) < 1:
                raise SettingsError(f"{name} is {getattr(self, name)}; expected 1 or more")


@dataclass(frozen=True)
class TrackingSettings:
    """Whether runs are told to Weights & Biases, and under which project."""

    wandb: WandbMode = WandbMode.OFF
    wandb_project: str = "featx"

    def __post_init__(self) -> None:
        _name_members(self, wandb=WandbMode)


#: What suits the demo's small encoder: with the course's settings it stays under-trained.
DEMO_FINETUNE = FinetuneSettings(num_train_epochs=8.0, learning_rate=1.5e-4)


@dataclass(frozen=True)
class ReportSettings:
    """How runs are compared: against which method, by which metric.

    `margin` is the difference of the metric that would not matter: what lies within it for sure is equivalent.
    """

    reference: str = "finetune"
    metric: str = SELECTION_METRIC
    margin: float = 0.02
    confidence: float = 0.95
    n_resamples: int = 9_999

    def __post_init__(self) -> None:
        if not 0 <= self.margin < 1:
            raise SettingsError(f"margin is {self.margin:g}; expected 0 or a difference below 1, such as 0.02")
        if not 0 < self.confidence < 1:
            raise SettingsError(f"confidence is {self.confidence:g}; expected a share between 0 and 1, such as 0.95")
        if self.n_resamples < 999:
            raise SettingsError(f"n_resamples is {self.n_resamples}; expected 999 or more")

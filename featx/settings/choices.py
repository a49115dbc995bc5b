"""Settings that are one of a few words, and how a word becomes a member."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TypeVar

from featx.errors import SettingsError


class Pooling(StrEnum):
    """How the vector of a text is taken from the hidden states of its tokens; ``auto`` asks the checkpoint."""

    AUTO = "auto"
    CLS = "cls"
    MEAN = "mean"
    MAX = "max"
    WEIGHTED_MEAN = "weighted-mean"
    LAST = "last"


class Long(StrEnum):
    """What becomes of texts that are longer than `max_length` tokens."""

    CUT = "cut"
    HEAD_TAIL = "head-tail"
    WINDOWS = "windows"


def one_long(named: Sequence[Long]) -> Long:
    """Return the way to read long texts, where only one can be.

    Raises
    ------
    SettingsError
        If several are named.
    """
    if len(named) > 1:
        raise SettingsError(
            f"`long` names {', '.join(named)}, where only one way to read long texts can be: name one", "long"
        )
    return named[0]


class Dtype(StrEnum):
    """Type in which the encoder computes; ``auto`` takes the fastest that the machine computes natively.

    Features are always stored as float32.
    """

    AUTO = "auto"
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


class Schedule(StrEnum):
    """Schedules of the Trainer that need no settings of their own."""

    LINEAR = "linear"
    COSINE = "cosine"
    COSINE_WITH_RESTARTS = "cosine_with_restarts"
    POLYNOMIAL = "polynomial"
    CONSTANT = "constant"
    CONSTANT_WITH_WARMUP = "constant_with_warmup"
    INVERSE_SQRT = "inverse_sqrt"


class Optimizer(StrEnum):
    """Optimizers of the Trainer that need no further package."""

    ADAMW_TORCH = "adamw_torch"
    ADAMW_TORCH_FUSED = "adamw_torch_fused"
    ADAFACTOR = "adafactor"
    SGD = "sgd"
    ADAGRAD = "adagrad"
    RMSPROP = "rmsprop"


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


class CaveatCode(StrEnum):
    """What limits a statement of a report; each can be silenced by its code."""

    DATA = "data"
    SHARED_TEST_TEXTS = "shared-test-texts"
    RARE_CLASS = "rare-class"
    FAILED = "failed"
    NO_REFERENCE = "no-reference"
    ONE_SEED = "one-seed"
    MIXED_TRAIN = "mixed-train"
    MIXED_VALIDATION = "mixed-validation"
    MIXED_FOLDS = "mixed-folds"
    MIXED_CHECKPOINT = "mixed-checkpoint"
    MIXED_DEVICE = "mixed-device"
    NOT_CONVERGED = "not-converged"
    UNDER_TRAINED = "under-trained"
    LEARNED_NOTHING = "learned-nothing"
    OVERFITTED = "overfitted"
    CONTRADICTED = "contradicted"


class OnBlank(StrEnum):
    """What becomes of rows without a text: an error before any work, left out, or kept with an empty label."""

    ERROR = "error"
    SKIP = "skip"
    EMPTY = "empty"


class Quoting(StrEnum):
    """Whether quotation marks enclose cells of CSV and TSV files, or are part of the texts; ``auto`` finds out."""

    AUTO = "auto"
    ON = "on"
    OFF = "off"


class SplitName(StrEnum):
    """The splits of a data set."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


class Engine(StrEnum):
    """Who encodes: this process, or the workers of a Ray cluster."""

    LOCAL = "local"
    RAY = "ray"


class Format(StrEnum):
    """Files that features are written to."""

    NPZ = "npz"
    PARQUET = "parquet"
    DATASETS = "datasets"


class Projection(StrEnum):
    """How features become a map of two dimensions."""

    PCA = "pca"
    UMAP = "umap"


class TableFormat(StrEnum):
    """Forms in which a comparison is printed."""

    TABLE = "table"
    MD = "md"
    CSV = "csv"
    TEX = "tex"
    JSON = "json"


Choice = TypeVar("Choice", bound=StrEnum)


def choose(kind: type[Choice], value: str, name: str) -> Choice:
    """Return the member of `kind` that `value` names.

    Raises
    ------
    SettingsError
        If there is none; lists the valid ones and carries the `name` of the setting.

    Examples
    --------
    >>> choose(Pooling, "mean", "pooling")
    <Pooling.MEAN: 'mean'>
    """
    try:
        return kind(value)
    except ValueError:
        valid = ", ".join(member.value for member in kind)
        raise SettingsError(f"`{name}` is {value!r}; expected one of: {valid}", name) from None

"""Types of keyword arguments, made from the declarations by ``docs/make_keywords.py``; do not edit by hand.

``**settings: Unpack[BaselineCall]`` lets editors and mypy see every setting that a function takes.
"""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import Literal, TypedDict

from featx.settings.cache import CacheUrl
from featx.settings.choices import (
    Calibration,
    CaveatCode,
    ClassWeights,
    Combine,
    Device,
    Dtype,
    Engine,
    FinetuneMethod,
    Long,
    Optimizer,
    Pooling,
    Quoting,
    Refit,
    SaveStrategy,
    Schedule,
    SplitName,
    WandbMode,
)


class DataKeywords(TypedDict, total=False):
    """Where labelled texts come from and how splits that are missing are cut."""

    #: Column with the texts.
    text_column: str | None
    #: Column with the labels.
    label_column: str | None
    #: Branch, tag or commit of a data set on the Hub.
    dataset_revision: str | None
    #: Share of train that is cut off where there is no validation split, or in each fold.
    validation_fraction: float
    #: Share that is cut off for test where it is cut.
    test_fraction: float
    #: Random seed of the train/validation/test split.
    split_seed: int
    #: Split that serves as test: validation where test has no labels, or train to cut it from there.
    test_split: SplitName | Literal["train", "validation", "test"]
    #: Cut the data into this many folds, so that every text is in test once, with a run for each fold.
    folds: int | None
    #: With folds, take in a test split that the data brings; else it is left alone.
    fold_test: bool
    #: Leave out rows whose label is empty, missing or -1, and say how many.
    drop_unlabelled: bool
    #: Leave out rows whose text is empty or missing, and say how many.
    drop_empty: bool
    #: Leave out classes with too few texts to be in every split, and say which.
    drop_rare: bool
    #: Character between the cells of CSV and TSV files, or tab.
    delimiter: str | None
    #: Whether CSV, TSV and Excel files begin with a row of column names; else columns are 0, 1, ….
    header: bool
    #: Whether quotation marks enclose cells of CSV and TSV files; off: they are part of the texts.
    quoting: Quoting | Literal["auto", "on", "off"]
    #: Encoding of text files.
    encoding: str | None


class CheckpointKeywords(TypedDict, total=False):
    """The encoder that gives the features and is fine-tuned: a Hub name, a folder, or demo."""

    #: Branch, tag or commit of the checkpoint on the Hub.
    revision: str | None


class FeaturesKeywords(TypedDict, total=False):
    """What the baselines read of the frozen encoder; every field is part of the features' identity."""

    #: Layers such as -1 or 0,3,6, or all; 0 is the embeddings, -1 the last.
    layer: int | Sequence[int] | Literal["all"] | None
    #: How a text's vector is taken; several may be named. auto: as the checkpoint itself says.
    pooling: (
        Pooling
        | Literal["auto", "cls", "mean", "max", "weighted-mean", "last"]
        | Sequence[Pooling | Literal["auto", "cls", "mean", "max", "weighted-mean", "last"]]
    )
    #: Tokens at which texts are cut, special ones included.
    max_length: int | None
    #: Type of the encoder's arithmetic; auto: the fastest that this machine computes natively.
    dtype: Dtype | Literal["auto", "float32", "bfloat16", "float16"]
    #: Scale each vector to length 1 when it is read.
    normalize: bool | None
    #: Text put before each text, or the name of one of the checkpoint's prompts.
    prompt: str | None
    #: What becomes of longer texts; several may be named, and are chosen on validation.
    long: Long | Literal["cut", "head-tail", "windows"] | Sequence[Long | Literal["cut", "head-tail", "windows"]]


class ComputeKeywords(TypedDict, total=False):
    """How the work is done; changes no result."""

    #: Where models compute.
    device: Device | Literal["auto", "cpu", "cuda", "mps"]
    #: Tokens of a batch, padding included.
    batch_tokens: int | None
    #: Threads of torch, tokenizers and BLAS.
    threads: int | None


class RayKeywords(TypedDict, total=False):
    """Who encodes, and how the workers of a Ray cluster are used; changes no result."""

    #: Who encodes: this process, or the workers of a Ray cluster.
    engine: Engine | Literal["local", "ray"]
    #: Ray cluster, such as auto or HOST:6379.
    ray_address: str | None
    #: Workers of Ray.
    ray_workers: int | None
    #: CPUs of a Ray worker without a GPU.
    ray_cpus: int
    #: Texts handed to a Ray worker at once: one shard of the store, lost with the worker.
    ray_window: int


class BaselineKeywords(TypedDict, total=False):
    """Classical methods: which are fitted, how they are tuned, and with which seeds."""

    #: Methods, or all.
    methods: str | Sequence[str]
    #: Random seeds such as 0,1,2.
    seeds: int | Sequence[int]
    #: Several layers and poolings: each (choose one), concat (side by side), or both.
    combine: Combine | Literal["each", "concat", "both"]
    #: Choose on this many folds of train.
    cv: int | None
    #: What the chosen classifier is fitted on.
    refit: Refit | Literal["train", "train+validation"]
    #: Probabilities for methods without any, cross-validated on train.
    calibrate: Calibration | Literal["none", "sigmoid", "isotonic"]
    #: Seconds for one method and seed; beyond, it stands in the table as failed.
    time_limit: float | None
    #: Processes for tuning.
    jobs: int | None
    #: Add the probe on a random encoder and on shuffled labels.
    controls: bool
    #: An .npz of features from elsewhere, as featx extract --output writes it; nothing is extracted then.
    features_file: str | PathLike[str] | None


class FinetuneKeywords(TypedDict, total=False):
    """Fine-tuning, under the Trainer's own names; the defaults are the course's."""

    #: What is trained: all, all after a linear probe (lp), or adapters (lora).
    method: FinetuneMethod | Literal["full", "lp", "lora"]
    #: Random seeds such as 0,1,2; a run for each.
    seeds: int | Sequence[int]
    #: Passes over train; the best one on validation is kept.
    num_train_epochs: float
    #: Peak learning rate.
    learning_rate: float
    #: Texts a step and device.
    per_device_train_batch_size: int
    #: Tokens at which texts are cut, special ones included.
    max_length: int | None
    #: What becomes of longer texts; several may be named with a search, which chooses on validation.
    long: Long | Literal["cut", "head-tail", "windows"] | Sequence[Long | Literal["cut", "head-tail", "windows"]]
    #: Weights of the classes in the loss.
    class_weights: ClassWeights | Literal["none", "balanced"]
    #: Trials of learning rate and epochs on validation; 0 for none.
    search: int
    #: Let each seed search; without, the first one's choice serves the others.
    search_each_seed: bool
    #: Passes over train that a search tries.
    search_passes: int | Sequence[int]
    #: Let the trials choose warmup_steps as well.
    search_warmup: bool
    #: Evaluations without gain on validation that end the training.
    early_stopping_patience: int | None
    #: Type of the arithmetic, by autocast; weights stay float32; auto: the fastest that is native here.
    dtype: Dtype | Literal["auto", "float32", "bfloat16", "float16"]
    #: Weight decay of AdamW.
    weight_decay: float
    #: Steps of warm-up, or their share when below 1.
    warmup_steps: float
    #: Schedule of the learning rate.
    lr_scheduler_type: (
        Schedule
        | Literal[
            "linear", "cosine", "cosine_with_restarts", "polynomial", "constant", "constant_with_warmup", "inverse_sqrt"
        ]
    )
    #: The Trainer's name of the optimizer.
    optim: Optimizer | Literal["adamw_torch", "adamw_torch_fused", "adafactor", "sgd", "adagrad", "rmsprop"]
    #: Beta 1 of AdamW.
    adam_beta1: float
    #: Beta 2 of AdamW.
    adam_beta2: float
    #: Epsilon of AdamW.
    adam_epsilon: float
    #: Bound on the gradient's norm; 0 sets none.
    max_grad_norm: float
    #: Batches that make one step.
    gradient_accumulation_steps: int
    #: Share of the loss that goes to all classes.
    label_smoothing_factor: float
    #: Steps after which training ends in any case; -1 for no bound.
    max_steps: int
    #: Compute twice, keep less in memory.
    gradient_checkpointing: bool
    #: Factor on the learning rate from each layer to the one below it; the head learns at the full rate.
    layerwise_lr_decay: float
    #: Keep the embeddings and so many first layers as they are; 0 trains all.
    freeze_layers: int
    #: Go on with a head that the checkpoint brings for other labels, one for one.
    keep_head: bool
    #: Steps between entries of the log with loss and learning rate.
    logging_steps: int | None
    #: Rank of adapters.
    lora_r: int
    #: Scale of adapters.
    lora_alpha: float
    #: Dropout of adapters.
    lora_dropout: float


class SavingKeywords(TypedDict, total=False):
    """Checkpoints of a fine-tuning that runs long; changes no result."""

    #: Go on from the last complete checkpoint of the same training.
    resume: bool
    #: When to write checkpoints.
    save_strategy: SaveStrategy | Literal["no", "epoch", "steps"]
    #: Steps between checkpoints, with save_strategy steps.
    save_steps: int
    #: Checkpoints that are kept, the newest.
    save_total_limit: int


class TrackingKeywords(TypedDict, total=False):
    """Whether fine-tuning is told to Weights & Biases, and under which project."""

    #: Weights & Biases: not at all, into a local folder, or to the server.
    wandb: WandbMode | Literal["off", "offline", "online"]
    #: Project of Weights & Biases.
    wandb_project: str


class ReportKeywords(TypedDict, total=False):
    """How runs are compared: against which method, by which metric."""

    #: Method that the others are compared with.
    reference: str
    #: Metric of the comparison.
    metric: str
    #: Difference of the metric that would not matter; within it methods are equivalent.
    margin: float
    #: Level of the intervals and tests.
    confidence: float
    #: Resamples of the bootstrap.
    n_resamples: int
    #: Caveats that are left out, by their codes such as one-seed.
    silence: (
        CaveatCode
        | Literal[
            "data",
            "shared-test-texts",
            "rare-class",
            "failed",
            "no-reference",
            "one-seed",
            "mixed-train",
            "mixed-validation",
            "mixed-folds",
            "mixed-checkpoint",
            "mixed-device",
            "not-converged",
            "under-trained",
            "learned-nothing",
            "overfitted",
            "contradicted",
        ]
        | Sequence[
            CaveatCode
            | Literal[
                "data",
                "shared-test-texts",
                "rare-class",
                "failed",
                "no-reference",
                "one-seed",
                "mixed-train",
                "mixed-validation",
                "mixed-folds",
                "mixed-checkpoint",
                "mixed-device",
                "not-converged",
                "under-trained",
                "learned-nothing",
                "overfitted",
                "contradicted",
            ]
        ]
        | None
    )


class CompareKeywords(TypedDict, total=False):
    """The whole comparison: its time, and how far both sides are tuned."""

    #: Time for all of it, such as 30m, 2h or 1h30m.
    budget: str | None
    #: Methods on words and on frozen features, each tuned on validation, or all.
    classical: str | Sequence[str]
    #: Read a spread of layers and poolings where these are at their defaults.
    spread: bool
    #: Trials of fine-tuning's search at most; 0 for no search.
    most_trials: int
    #: Seeds of fine-tuning at most.
    most_seeds: int


class WorkspaceKeywords(TypedDict, total=False):
    """Where runs and features are kept, and whether runs may be replaced."""

    #: Folder for results.
    results: str | PathLike[str]
    #: Name of the folder in it.
    experiment: str | None
    #: Cache folder, or a place in an object store such as s3://bucket/prefix.
    cache_dir: str | PathLike[str] | CacheUrl | None
    #: Replace a run that was made with other settings.
    overwrite: bool
    #: Keep the test texts beside the runs for the report, which shows row numbers otherwise.
    texts: bool


class LoadDatasetCall(DataKeywords, total=False):
    """Keywords of `featx.load_dataset`."""


class SessionCall(DataKeywords, CheckpointKeywords, ComputeKeywords, RayKeywords, WorkspaceKeywords, total=False):
    """Keywords of `featx.session`."""


class ExtractCall(
    DataKeywords, CheckpointKeywords, FeaturesKeywords, ComputeKeywords, RayKeywords, WorkspaceKeywords, total=False
):
    """Keywords of `featx.extract`."""


class BaselineCall(
    DataKeywords,
    CheckpointKeywords,
    FeaturesKeywords,
    BaselineKeywords,
    ComputeKeywords,
    RayKeywords,
    WorkspaceKeywords,
    total=False,
):
    """Keywords of `featx.baseline`."""


class FinetuneCall(
    DataKeywords,
    CheckpointKeywords,
    FinetuneKeywords,
    SavingKeywords,
    TrackingKeywords,
    ComputeKeywords,
    RayKeywords,
    WorkspaceKeywords,
    total=False,
):
    """Keywords of `featx.finetune`."""


class CompareCall(
    DataKeywords,
    CheckpointKeywords,
    CompareKeywords,
    FeaturesKeywords,
    ReportKeywords,
    ComputeKeywords,
    RayKeywords,
    WorkspaceKeywords,
    total=False,
):
    """Keywords of `featx.compare`."""


class ReportCall(ReportKeywords, total=False):
    """Keywords of `featx.report`."""


class PredictCall(ComputeKeywords, total=False):
    """Keywords of `featx.predict`."""


#: Groups of settings that the keywords of a call come from.
CALLS = {
    "LoadDatasetCall": ("data",),
    "SessionCall": ("data", "checkpoint", "compute", "ray", "workspace"),
    "ExtractCall": ("data", "checkpoint", "features", "compute", "ray", "workspace"),
    "BaselineCall": ("data", "checkpoint", "features", "baseline", "compute", "ray", "workspace"),
    "FinetuneCall": ("data", "checkpoint", "finetune", "saving", "tracking", "compute", "ray", "workspace"),
    "CompareCall": ("data", "checkpoint", "compare", "features", "report", "compute", "ray", "workspace"),
    "ReportCall": ("report",),
    "PredictCall": ("compute",),
}

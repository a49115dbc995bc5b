"""How a checkpoint is fine-tuned, saved on the way, and tracked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from msgspec import Meta

from featx.settings.base import Settings
from featx.settings.choices import (
    ClassWeights,
    Dtype,
    FinetuneMethod,
    Long,
    Optimizer,
    SaveStrategy,
    Schedule,
    WandbMode,
)
from featx.settings.declare import Identity, Seed, setting

_ALWAYS, _LATER = Identity.ALWAYS, Identity.UNLESS_DEFAULT
_OPTIMIZER, _FURTHER = "Optimizer and loss", "Fine-tuning, further"


def _of_adapters(help: str, **more: Any) -> Meta:  # noqa: A002
    counts = ("method", FinetuneMethod.LORA)
    return setting(help, identity=_ALWAYS, counts_with=counts, heading="Adapters, with --method lora", **more)


@dataclass(frozen=True)
class FinetuneSettings(Settings, table="finetune", heading="Fine-tuning"):
    """Fine-tuning, under the Trainer's own names; the defaults are the course's."""

    # Part of the identity as the run's method, not as one of its settings.
    method: Annotated[
        FinetuneMethod,
        setting("What is trained: all, all after a linear probe (lp), or adapters (lora)."),
    ] = FinetuneMethod.FULL
    seeds: Annotated[tuple[Seed, ...], setting("Random seeds such as 0,1,2; a run for each.")] = (0,)
    num_train_epochs: Annotated[
        float, setting("Passes over train; the best one on validation is kept.", gt=0, identity=_ALWAYS)
    ] = 2.0
    learning_rate: Annotated[float, setting("Peak learning rate.", gt=0, identity=_ALWAYS)] = 2e-5
    per_device_train_batch_size: Annotated[int, setting("Texts a step and device.", ge=1, identity=_ALWAYS)] = 16
    max_length: Annotated[
        int | None,
        setting(
            "Tokens at which texts are cut, special ones included.",
            unset="the checkpoint's limit",
            example=128,
            ge=1,
            identity=_ALWAYS,
        ),
    ] = None
    long: Annotated[
        tuple[Long, ...],
        setting(
            "What becomes of longer texts; several may be named with a search, which chooses on validation.",
            identity=_LATER,
        ),
    ] = (Long.CUT,)
    class_weights: Annotated[ClassWeights, setting("Weights of the classes in the loss.", identity=_ALWAYS)] = (
        ClassWeights.NONE
    )
    search: Annotated[
        int, setting("Trials of learning rate and epochs on validation; 0 for none.", ge=0, identity=_ALWAYS)
    ] = 0
    search_each_seed: Annotated[
        bool,
        setting(
            "Let each seed search; without, the first one's choice serves the others.",
            identity=_LATER,
        ),
    ] = True
    search_passes: Annotated[
        tuple[Annotated[int, Meta(ge=1)], ...],
        setting("Passes over train that a search tries.", identity=_LATER),
    ] = (2, 3, 4, 5)
    search_warmup: Annotated[bool, setting("Let the trials choose warmup_steps as well.", identity=_ALWAYS)] = False
    early_stopping_patience: Annotated[
        int | None,
        setting(
            "Evaluations without gain on validation that end the training.",
            unset="never",
            example=3,
            ge=1,
            identity=_ALWAYS,
        ),
    ] = None
    dtype: Annotated[
        Dtype,
        setting(
            "Type of the arithmetic, by autocast; weights stay float32; auto: the fastest that is native here.",
            identity=_ALWAYS,
        ),
    ] = Dtype.FLOAT32
    weight_decay: Annotated[float, setting("Weight decay of AdamW.", ge=0, identity=_ALWAYS, heading=_OPTIMIZER)] = 0.01
    warmup_steps: Annotated[
        float, setting("Steps of warm-up, or their share when below 1.", ge=0, identity=_ALWAYS, heading=_OPTIMIZER)
    ] = 0.0
    lr_scheduler_type: Annotated[
        Schedule, setting("Schedule of the learning rate.", identity=_ALWAYS, heading=_OPTIMIZER)
    ] = Schedule.LINEAR
    optim: Annotated[
        Optimizer, setting("The Trainer's name of the optimizer.", identity=_ALWAYS, heading=_OPTIMIZER)
    ] = Optimizer.ADAMW_TORCH_FUSED
    adam_beta1: Annotated[float, setting("Beta 1 of AdamW.", ge=0, lt=1, identity=_ALWAYS, heading=_OPTIMIZER)] = 0.9
    adam_beta2: Annotated[float, setting("Beta 2 of AdamW.", ge=0, lt=1, identity=_ALWAYS, heading=_OPTIMIZER)] = 0.999
    adam_epsilon: Annotated[float, setting("Epsilon of AdamW.", gt=0, identity=_ALWAYS, heading=_OPTIMIZER)] = 1e-8
    max_grad_norm: Annotated[
        float, setting("Bound on the gradient's norm; 0 sets none.", ge=0, identity=_ALWAYS, heading=_OPTIMIZER)
    ] = 1.0
    gradient_accumulation_steps: Annotated[
        int, setting("Batches that make one step.", ge=1, identity=_ALWAYS, heading=_OPTIMIZER)
    ] = 1
    label_smoothing_factor: Annotated[
        float, setting("Share of the loss that goes to all classes.", ge=0, lt=1, identity=_ALWAYS, heading=_OPTIMIZER)
    ] = 0.0
    max_steps: Annotated[
        int,
        setting(
            "Steps after which training ends in any case; -1 for no bound.", ge=-1, identity=_LATER, heading=_FURTHER
        ),
    ] = -1
    gradient_checkpointing: Annotated[
        bool, setting("Compute twice, keep less in memory.", identity=_ALWAYS, heading=_FURTHER)
    ] = False
    layerwise_lr_decay: Annotated[
        float,
        setting(
            "Factor on the learning rate from each layer to the one below it; the head learns at the full rate.",
            gt=0,
            le=1,
            identity=_LATER,
            heading=_FURTHER,
        ),
    ] = 1.0
    freeze_layers: Annotated[
        int,
        setting(
            "Keep the embeddings and so many first layers as they are; 0 trains all.",
            ge=0,
            identity=_ALWAYS,
            heading=_FURTHER,
        ),
    ] = 0
    keep_head: Annotated[
        bool,
        setting(
            "Go on with a head that the checkpoint brings for other labels, one for one.",
            identity=_LATER,
            heading=_FURTHER,
        ),
    ] = False
    logging_steps: Annotated[
        int | None,
        setting(
            "Steps between entries of the log with loss and learning rate.",
            unset="ten entries an epoch",
            example=10,
            ge=1,
            identity=_LATER,
            heading=_FURTHER,
        ),
    ] = None
    lora_r: Annotated[int, _of_adapters("Rank of adapters.", stored="r", aliases=("r",), ge=1)] = 16
    lora_alpha: Annotated[float, _of_adapters("Scale of adapters.", gt=0)] = 32.0
    lora_dropout: Annotated[float, _of_adapters("Dropout of adapters.", ge=0, lt=1)] = 0.05


@dataclass(frozen=True)
class SavingSettings(Settings, table="saving", heading="Saving on the way"):
    """Checkpoints of a fine-tuning that runs long; changes no result."""

    resume: Annotated[bool, setting("Go on from the last complete checkpoint of the same training.")] = True
    save_strategy: Annotated[SaveStrategy, setting("When to write checkpoints.")] = SaveStrategy.EPOCH
    save_steps: Annotated[int, setting("Steps between checkpoints, with save_strategy steps.", ge=1)] = 500
    save_total_limit: Annotated[int, setting("Checkpoints that are kept, the newest.", ge=1)] = 2


@dataclass(frozen=True)
class TrackingSettings(Settings, table="tracking", heading="Tracking"):
    """Whether fine-tuning is told to Weights & Biases, and under which project."""

    wandb: Annotated[WandbMode, setting("Weights & Biases: not at all, into a local folder, or to the server.")] = (
        WandbMode.OFF
    )
    wandb_project: Annotated[str, setting("Project of Weights & Biases.")] = "featx"


#: What suits the demo's small encoder: with the course's settings it stays under-trained.
DEMO_FINETUNE = FinetuneSettings(num_train_epochs=5.0, learning_rate=1.5e-4)

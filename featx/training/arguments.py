"""Settings as the Trainer's own arguments. May import ``settings``."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from featx.settings import Dtype, FinetuneSettings
from featx.training.processes import world_size

#: Settings that the Trainer knows under the same name.
_SAME_NAME = (
    "num_train_epochs", "max_steps", "learning_rate", "per_device_train_batch_size", "gradient_accumulation_steps",
    "weight_decay", "adam_beta1", "adam_beta2", "adam_epsilon", "max_grad_norm", "warmup_steps",
)  # fmt: skip
#: Entries of the log for the loss, an epoch.
_LOGS_AN_EPOCH = 10


def training_arguments(
    scratch: str, settings: FinetuneSettings, seed: int, device: str, n_texts: int, evaluate_first: bool
) -> Any:
    """Return the ``TrainingArguments`` of a training.

    Parameters
    ----------
    scratch : str
        A folder that the Trainer asks for and in which nothing is kept.
    settings : FinetuneSettings
    seed : int
    device : str
    n_texts : int
        Texts of train.
    evaluate_first : bool
        Whether validation is scored before the first step.
    """
    from transformers import TrainingArguments

    several = world_size() > 1
    texts_a_step = settings.per_device_train_batch_size * settings.gradient_accumulation_steps * world_size()
    known = {field.name for field in fields(TrainingArguments)}
    recompute = "activation_checkpointing" if "activation_checkpointing" in known else "gradient_checkpointing"
    own: dict[str, Any] = {name: getattr(settings, name) for name in _SAME_NAME}
    own[recompute] = settings.gradient_checkpointing
    return TrainingArguments(
        output_dir=scratch,
        lr_scheduler_type=settings.lr_scheduler_type.value,
        optim=settings.optim.value,
        bf16=settings.dtype is Dtype.BFLOAT16,
        fp16=settings.dtype is Dtype.FLOAT16,
        eval_strategy="epoch",
        eval_on_start=evaluate_first,
        save_strategy="no",
        logging_strategy="steps",
        logging_steps=settings.logging_steps or max(1, -(-n_texts // texts_a_step) // _LOGS_AN_EPOCH),
        logging_nan_inf_filter=False,
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=device == "cuda",
        use_cpu=device == "cpu",
        ddp_backend="gloo" if device == "cpu" and several else None,
        ddp_find_unused_parameters=False if several else None,
        seed=seed,
        **own,
    )

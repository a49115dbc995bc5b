"""Every internal of the Trainer that featx leans on, held against the installed Transformers."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest
from trainings import SHORT, dataset, train
from transformers import Trainer, TrainingArguments

from featx.training import trainer

#: Private methods that `featx.training.trainer` overrides, with their parameters.
PRIVATE_METHODS = {
    "_get_train_sampler": ("train_dataset",),
    "_load_from_checkpoint": ("resume_from_checkpoint", "model"),
    "_load_optimizer_and_scheduler": ("checkpoint",),
    "_load_rng_state": ("checkpoint",),
    "_maybe_log_save_evaluate": (
        "tr_loss", "grad_norm", "model", "trial", "epoch", "ignore_keys_for_eval", "start_time", "learning_rate",
    ),
}  # fmt: skip
#: Private attributes: of the Trainer, and of its arguments.
PRIVATE_ATTRIBUTES = {"_tr_loss", "_globalstep_last_logged"}
PRIVATE_ARGUMENTS = {"_n_gpu"}
#: Public methods that it overrides, with the parameters that it is called with.
PUBLIC_METHODS = {
    "create_optimizer": ("model",),
    "training_step": ("model", "inputs", "num_items_in_batch"),
    "compute_loss": ("model", "inputs", "return_outputs", "num_items_in_batch"),
    "floating_point_ops": ("inputs",),
    "evaluate": ("eval_dataset", "ignore_keys", "metric_key_prefix"),
}
#: Where the Trainer calls what is overridden: the source of the one must name the other.
CALLS = {
    "_inner_training_loop": ["on_train_begin", "on_epoch_begin", "_run_epoch", "_tr_loss", "_globalstep_last_logged"],
    "_run_epoch": [
        "_load_rng_state",
        "training_step",
        "floating_point_ops",
        "_maybe_log_save_evaluate",
        "on_epoch_end",
    ],
    "training_step": ["compute_loss"],
    "compute_loss": ["compute_loss_func", 'inputs.pop("labels")'],
    "_prepare_for_training": ["create_optimizer", "_load_optimizer_and_scheduler"],
    "_maybe_log_save_evaluate": ["_evaluate", "should_save", "should_log", "_globalstep_last_logged"],
    "_evaluate": ["evaluate"],
    "get_train_dataloader": ["_get_train_sampler"],
    "train": ["_load_from_checkpoint"],
}
OWN_FILE = Path(trainer.__file__)


def own_methods() -> set[str]:
    return {name for name, value in vars(trainer._Changes).items() if inspect.isfunction(value)}


def private_names(path: Path) -> set[str]:
    """Attributes with a leading underscore that a file uses of anything."""
    tree = ast.parse(path.read_text())
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.startswith("__")
    }


@pytest.mark.parametrize(("name", "parameters"), {**PRIVATE_METHODS, **PUBLIC_METHODS}.items())
def test_what_is_overridden_has_the_parameters_that_we_know(name: str, parameters: tuple[str, ...]) -> None:
    assert name in own_methods()
    assert tuple(inspect.signature(getattr(Trainer, name)).parameters) == ("self", *parameters)


@pytest.mark.parametrize(("caller", "names"), CALLS.items())
def test_the_trainer_still_calls_it_where_we_think(caller: str, names: list[str]) -> None:
    source = inspect.getsource(getattr(Trainer, caller))
    assert [name for name in names if name not in source] == []


def test_the_lists_are_complete() -> None:
    """What the file overrides or touches is listed here, and what is listed is there."""
    overridden = {name for name in own_methods() if hasattr(Trainer, name) and not name.startswith("__")}
    assert overridden == set(PRIVATE_METHODS) | set(PUBLIC_METHODS)
    used = private_names(OWN_FILE) - own_methods()
    assert used == PRIVATE_ATTRIBUTES | PRIVATE_ARGUMENTS


def test_no_other_file_of_training_touches_an_internal() -> None:
    """Elsewhere a private attribute is one that the same file defines."""
    for path in OWN_FILE.parent.glob("*.py"):
        if path != OWN_FILE:
            text = path.read_text()
            foreign = {n for n in private_names(path) if f"self.{n} =" not in text and f"def {n}(" not in text}
            assert not foreign, f"{path} uses {foreign}"


def test_the_attributes_are_there_while_it_trains(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = PRIVATE_ATTRIBUTES | {"lr_scheduler", "optimizer", "accelerator", "control", "callback_handler", "state"}
    seen: list[set[str]] = []
    real = trainer._Changes.training_step

    def look(self: object, *arguments: object) -> object:
        seen.append({name for name in names if hasattr(self, name)})
        return real(self, *arguments)

    monkeypatch.setattr(trainer._Changes, "training_step", look)
    train(tiny, SHORT, data=dataset(24))
    assert seen
    assert all(found == names for found in seen)


def test_arguments_that_are_set_are_known(tmp_path: Path) -> None:
    arguments = TrainingArguments(output_dir=str(tmp_path), use_cpu=True)
    for name in PRIVATE_ARGUMENTS:
        assert hasattr(arguments, name)
    assert isinstance(arguments.n_gpu, int)

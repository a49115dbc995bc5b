"""Checkpoints are complete or absent, hold no pickle, and a training that goes on from one ends as an unbroken one."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from trainings import SHORT, dataset, scores, train

from featx.errors import SettingsError, StoppedError, TrainingError
from featx.features.checkpoint import loading
from featx.settings import Checkpoint, ClassWeights, Dtype, FinetuneMethod, SaveStrategy, SavingSettings
from featx.training import Hooks, Interrupts, checkpoints, interrupts
from featx.training.checkpoints import MARKER, keep_newest, last_complete, write_checkpoint

STEPS = SavingSettings(save_strategy=SaveStrategy.STEPS, save_steps=7)


def tensors(value: float = 1.0) -> dict[str, dict[str, torch.Tensor]]:
    return {"weights": {"a": torch.full((1000,), value)}, "optimizer": {"0.step": torch.tensor(value)}}


def steps_in(folder: Path) -> list[int]:
    return sorted(int(path.name.removeprefix("step-")) for path in folder.glob("step-*"))


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, 3, tensors(), {"x": [1.5, None]})
    write_checkpoint(tmp_path, 12, tensors(2.0), {"x": 0.1 + 0.2})
    saved, damaged = last_complete(tmp_path)
    assert (saved.step, damaged, saved.state["x"]) == (12, [], 0.1 + 0.2)
    assert torch.equal(saved.tensors("weights")["a"], torch.full((1000,), 2.0))
    assert not list(tmp_path.glob(".step-*"))


@pytest.mark.parametrize("damage", ["flip", "cut", "lose", "no marker", "marker cut", "marker of another"])
def test_a_damaged_checkpoint_is_passed_over(tmp_path: Path, damage: str) -> None:
    write_checkpoint(tmp_path, 1, tensors(), {})
    last = write_checkpoint(tmp_path, 2, tensors(), {})
    path = last / "weights.safetensors"
    content = path.read_bytes()
    if damage == "flip":
        path.write_bytes(content[:-5] + bytes([content[-5] ^ 1]) + content[-4:])
    elif damage == "cut":
        path.write_bytes(content[:-5])
    elif damage == "lose":
        path.unlink()
    elif damage == "no marker":
        (last / MARKER).unlink()
    elif damage == "marker cut":
        (last / MARKER).write_text((last / MARKER).read_text()[:-9])
    else:
        (last / MARKER).write_text(json.dumps({"../step-00000001/state.json": {"bytes": 1, "sha256": ""}}))
    saved, damaged = last_complete(tmp_path)
    assert (saved.step, damaged) == (1, ["step-00000002"])


@pytest.mark.parametrize("by", [-1, 1])
def test_a_checkpoint_in_another_format_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: int
) -> None:
    write_checkpoint(tmp_path, 1, tensors(), {})
    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "_FORMAT", checkpoints._FORMAT + by)
        write_checkpoint(tmp_path, 2, tensors(), {})
    saved, damaged = last_complete(tmp_path)
    assert (saved.step, damaged) == (1, ["step-00000002"])


def test_nothing_there(tmp_path: Path) -> None:
    assert last_complete(tmp_path / "none") == (None, [])
    (tmp_path / "step-x").mkdir()
    assert last_complete(tmp_path) == (None, [])


def test_the_newest_are_kept_and_half_built_ones_go(tmp_path: Path) -> None:
    for step in (1, 2, 10):
        write_checkpoint(tmp_path, step, tensors(), {})
    (tmp_path / ".step-00000011-1").mkdir()
    keep_newest(tmp_path, 2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-00000002", "step-00000010"]


def test_a_bound_on_file_size_leaves_earlier_checkpoints_whole(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, 1, tensors(), {})
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, before[1]))
    try:
        with pytest.raises(
            TrainingError, match=r"checkpoint of step 2 cannot be written: .*weights.safetensors: .*large"
        ):
            write_checkpoint(tmp_path, 2, tensors(), {})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert last_complete(tmp_path)[0].step == 1
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000001"]


FULL = """
import sys; sys.path[:0] = sys.argv[2:]
from pathlib import Path
from trainings import SHORT, train
from featx.settings import SaveStrategy, SavingSettings
from featx.errors import TrainingError
from featx.training import checkpoints, preflight
import featx.training.fitting
featx.training.fitting.check_disk = lambda *a: None
folder = Path("/tmp/full/c")
saving = SavingSettings(save_strategy=SaveStrategy.STEPS, save_steps=5, save_total_limit=9)
try:
    train(Path(sys.argv[1]), SHORT, saving=saving, folder=folder)
except TrainingError as e:
    print(e)
saved, damaged = checkpoints.last_complete(folder)
print("LEFT", saved.step, damaged, sorted(p.name for p in folder.iterdir()))
"""


def test_a_disk_that_is_truly_full(tiny: Path, tmp_path: Path) -> None:
    paths = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]
    script = tmp_path / "full.py"
    mount = tmp_path / "disk"
    mount.mkdir()
    script.write_text(FULL.replace("/tmp/full/c", str(mount / "c")))
    command = f"mount -t tmpfs -o size=900k none {mount} && exec {sys.executable} {script} {tiny} {' '.join(paths)}"
    done = subprocess.run(
        ["unshare", "-rm", "bash", "-c", command], capture_output=True, text=True, env=dict(os.environ), timeout=120
    )
    if "unshare" in done.stderr or "mount:" in done.stderr:
        pytest.skip(f"no file system of one's own here: {done.stderr.strip()}")
    assert "cannot be written: " in done.stdout, done.stdout + done.stderr
    assert "No space left on device" in done.stdout
    left = next(line for line in done.stdout.splitlines() if line.startswith("LEFT"))
    assert "[]" in left, "an earlier checkpoint was damaged"
    assert ".step" not in left


class StoppedAt:
    """Hooks that send a signal to the training at a step, as `Interrupts` would receive it."""

    def __init__(self, step: int, signum: int = signal.SIGTERM) -> None:
        self.interrupts = Interrupts()
        self.step, self.signum = step, signum

    def __call__(self) -> Hooks:
        def on_step(done: int, total: int) -> None:
            if done == self.step:
                self.interrupts.handle(self.signum, None)

        return Hooks(on_step=on_step, interrupts=self.interrupts)


SETTINGS = {
    "plain": SHORT,
    "a part of an epoch, early stopping": replace(SHORT, num_train_epochs=1.4, early_stopping_patience=1),
    "accumulated": replace(SHORT, gradient_accumulation_steps=2, class_weights=ClassWeights.BALANCED),
    "bfloat16, cosine": replace(SHORT, dtype=Dtype.BFLOAT16, lr_scheduler_type="cosine", warmup_steps=0.1),
    "adapters": replace(SHORT, method=FinetuneMethod.LORA),
    "adafactor, frozen": replace(SHORT, optim="adafactor", freeze_layers=1),
    "rates by layer": replace(SHORT, layerwise_lr_decay=0.7),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_interrupted_twice_ends_as_unbroken(tiny: Path, tmp_path: Path, name: str) -> None:
    # "plain" logs every other step, so that it is stopped between two entries of the log.
    settings, n_batches = SETTINGS[name], 21 if name == "plain" else 9
    data, accumulated = dataset(8 * n_batches), settings.gradient_accumulation_steps
    per_epoch = n_batches // accumulated + n_batches % accumulated
    unbroken = train(tiny, settings, data=data)
    for step in (per_epoch - 2, per_epoch + 2):  # in the middle of each epoch
        with pytest.raises(StoppedError, match=f"terminated at step {step}; its checkpoint is written"):
            train(tiny, settings, data=data, hooks=StoppedAt(step)(), folder=tmp_path)
        assert steps_in(tmp_path)[-1] == step
    resumed = train(tiny, settings, data=data, folder=tmp_path)
    assert resumed.resumed_step == per_epoch + 2
    assert np.array_equal(scores(resumed, data), scores(unbroken, data))
    assert resumed.history == unbroken.history
    assert (resumed.best_epoch, resumed.best_score) == (unbroken.best_epoch, unbroken.best_score)
    assert len(steps_in(tmp_path)) <= 2


@pytest.mark.parametrize("step", [9, 18])
def test_stopped_at_the_end_of_an_epoch_loses_no_evaluation(tiny: Path, tmp_path: Path, step: int) -> None:
    data = dataset(72)
    with pytest.raises(StoppedError):
        train(tiny, SHORT, data=data, hooks=StoppedAt(step)(), folder=tmp_path)
    resumed, unbroken = train(tiny, SHORT, data=data, folder=tmp_path), train(tiny, SHORT, data=data)
    assert resumed.history == unbroken.history
    assert np.array_equal(scores(resumed, data), scores(unbroken, data))


def test_a_finished_training_is_not_done_again(tiny: Path, tmp_path: Path) -> None:
    first = train(tiny, SHORT, data=dataset(72), folder=tmp_path)
    steps: list[int] = []
    again = train(
        tiny, SHORT, data=dataset(72), folder=tmp_path, hooks=Hooks(on_step=lambda done, _: steps.append(done))
    )
    assert not steps
    assert again.history == first.history
    assert again.fit_seconds == pytest.approx(first.fit_seconds, abs=1.0)
    assert np.array_equal(scores(again), scores(first))


@pytest.mark.parametrize(
    ("saving", "expected"),
    [
        (SavingSettings(), [9, 18]),
        (SavingSettings(save_strategy=SaveStrategy.NO), []),
        (replace(STEPS, save_total_limit=9), [7, 14, 18]),
        (replace(STEPS, save_total_limit=1), [18]),
    ],
)
def test_when_checkpoints_are_written(tiny: Path, tmp_path: Path, saving: SavingSettings, expected: list[int]) -> None:
    train(tiny, SHORT, data=dataset(72), saving=saving, folder=tmp_path)
    assert steps_in(tmp_path) == expected


def test_no_resume_starts_anew(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(StoppedError):
        train(tiny, SHORT, data=dataset(72), hooks=StoppedAt(5)(), folder=tmp_path)
    made = train(tiny, SHORT, data=dataset(72), folder=tmp_path, saving=SavingSettings(resume=False))
    assert made.resumed_step is None


def test_a_damaged_last_checkpoint_is_said_and_the_one_before_is_used(tiny: Path, tmp_path: Path) -> None:
    data, saving = dataset(72), replace(STEPS, save_total_limit=9)
    unbroken = train(tiny, SHORT, data=data, folder=tmp_path, saving=saving)
    (tmp_path / "step-00000018" / "optimizer.safetensors").write_bytes(b"")
    said: list[str] = []
    made = train(tiny, SHORT, data=data, folder=tmp_path, saving=saving, hooks=Hooks(say=said.append))
    assert "step-00000018 is not complete and is not used" in said[0]
    assert made.resumed_step == 14
    assert np.array_equal(scores(made, data), scores(unbroken, data))


def test_no_pickle_is_written_or_read(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StoppedError):
        train(tiny, SHORT, data=dataset(72), hooks=StoppedAt(5)(), folder=tmp_path)
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or path.suffix in (".json", ".safetensors"), path

    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("torch.load was called")

    monkeypatch.setattr(torch, "load", refuse)
    train(tiny, SHORT, data=dataset(72), folder=tmp_path)


def test_a_second_signal_ends_at_once_unless_it_is_an_echo() -> None:
    held = Interrupts()
    with held.deferred():
        held.handle(signal.SIGINT, None)
        held.handle(signal.SIGTERM, None)
        assert held.received == signal.SIGINT
        held._when -= 10
        with pytest.raises(KeyboardInterrupt):
            held.handle(signal.SIGINT, None)
        with pytest.raises(StoppedError) as stopped:
            held.handle(signal.SIGTERM, None)
    assert stopped.value.exit_code == 143


@pytest.mark.parametrize("swallows", [False, True])
def test_a_signal_while_a_model_loads_is_not_taken_for_a_failure(swallows: bool) -> None:
    """Neither by `loading`, which turns every exception of a broken file into one, nor by a library."""

    def load(path: str, **settings: object) -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        except Exception:
            if not swallows:
                raise

    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with pytest.raises(StoppedError, match="terminated") as stopped, interrupts() as held:
            loading(Checkpoint("x", "x", None, "", ""), load)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert stopped.value.exit_code == 143
    assert held.received == signal.SIGTERM


def test_a_signal_that_a_library_swallowed_ends_the_training_after_its_next_step(tiny: Path, tmp_path: Path) -> None:
    held = Interrupts()
    with suppress(StoppedError):
        held.handle(signal.SIGTERM, None)
    with pytest.raises(StoppedError, match="terminated at step 1; its checkpoint is written"):
        train(tiny, SHORT, data=dataset(24), hooks=Hooks(interrupts=held), folder=tmp_path)


DAMAGE = {
    "a generator of another length": lambda s: s["random"]["python"].__setitem__(1, [1, 2, 3]),
    "a generator that is none": lambda s: s["random"].update(numpy=["MT19937", "x", 1, 0, 0.0]),
    "no generators": lambda s: s.pop("random"),
    "an optimizer with other groups": lambda s: s["optimizer"]["param_groups"].pop(),
    "an optimizer with a parameter too many": lambda s: s["optimizer"]["param_groups"][0]["params"].append(999),
    "an optimizer that is a word": lambda s: s.update(optimizer="x"),
    "no best epoch": lambda s: s.update(best={"epoch": "x", "step": 2, "without_gain": 0}),
    "a schedule that is a word": lambda s: s.update(scheduler="x"),
    "a loss that is none": lambda s: s.update(loss=["x", 3]),
    "no time": lambda s: s.update(seconds=None),
    "a log that is none": None,
    "tensors of another model": None,
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_state_that_is_whole_but_does_not_fit_is_one_line(tiny: Path, tmp_path: Path, name: str) -> None:
    """Its files are what their marker says, so it was not damaged on the way; it is another program's, or forged."""
    with pytest.raises(StoppedError):
        train(tiny, SHORT, data=dataset(24), hooks=StoppedAt(2)(), folder=tmp_path)
    folder = tmp_path / "step-00000002"
    if name == "a log that is none":
        (folder / "trainer_state.json").write_text('{"log_history": 3, "epoch": []}')
    elif name == "tensors of another model":
        (folder / "weights.safetensors").write_bytes((folder / "random.safetensors").read_bytes())
    else:
        state = json.loads((folder / "state.json").read_text())
        DAMAGE[name](state)
        (folder / "state.json").write_text(json.dumps(state))
    (folder / MARKER).unlink()
    files = {p.name: {"bytes": p.stat().st_size, "sha256": checkpoints._digest(p)} for p in folder.iterdir()}
    (folder / MARKER).write_text(json.dumps(files))
    with pytest.raises(TrainingError, match=r"step-00000002 does not fit this training \(.*switch `resume` off"):
        train(tiny, SHORT, data=dataset(24), folder=tmp_path)
    train(tiny, SHORT, data=dataset(24), folder=tmp_path, saving=SavingSettings(resume=False))


@pytest.mark.parametrize("name", ["save_steps", "save_total_limit"])
def test_saving_settings_out_of_range(name: str) -> None:
    with pytest.raises(SettingsError, match=f"`{name}` is 0; expected 1 or more"):
        SavingSettings(**{name: 0})

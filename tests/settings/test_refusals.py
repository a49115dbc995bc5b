"""A value that cannot be is told in one line that names the setting, and a name that is none offers the right one."""

from __future__ import annotations

import numpy as np
import pytest

import featx
from featx.errors import SettingsError, spelled
from featx.settings import FeatureSettings, ReportSettings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("margin", np.float32(2)),
        ("margin", np.int64(3)),
        ("margin", np.array([])),
        ("metric", np.array(["f1_macro"])),
        ("metric", np.array(["f1_macro", "accuracy"])),
        ("silence", np.array(["one-seed", "two"])),
    ],
)
def test_values_of_numpy_are_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(SettingsError, match=f"^`{name}` is .*; expected") as refused:
        ReportSettings(**{name: value})
    assert refused.value.setting == name


def test_numbers_of_numpy_are_taken_where_they_fit() -> None:
    assert ReportSettings(margin=np.float32(0.5)).margin == 0.5


@pytest.mark.parametrize(
    ("kind", "name"), [(ReportSettings, "confidence"), (FeatureSettings, "pooling"), (FeatureSettings, "layer")]
)
def test_half_a_surrogate_pair_is_refused_visibly(kind: type, name: str) -> None:
    with pytest.raises(SettingsError, match=f"^`{name}` is ") as refused:
        kind(**{name: "\udcff"})
    assert r"\udcff" in str(refused.value)


@pytest.mark.parametrize(
    ("function", "wrong", "right"),
    [
        ("baseline", "chekpoint", "checkpoint"),
        ("baseline", "datset", "dataset"),
        ("finetune", "batch_size", "per_device_train_batch_size"),
        ("finetune", "epochs", "num_train_epochs"),
        ("baseline", "method", "methods"),
        ("extract", "experimnt", "experiment"),
        ("predict", "chekpoint", "checkpoint"),
    ],
)
def test_the_right_name_is_offered(function: str, wrong: str, right: str) -> None:
    places = ("nowhere", "text") if function == "predict" else ((["a"], [0]),)
    with pytest.raises(SettingsError, match=f"{function}: unknown key '{wrong}'; did you mean '{right}'"):
        getattr(featx, function)(*places, **{wrong: "demo"})


@pytest.mark.parametrize("function", ["load_dataset", "extract", "baseline", "finetune"])
def test_no_data_set_is_said_before_anything_else(function: str) -> None:
    with pytest.raises(SettingsError, match=f"^{function}: `dataset` is .*texts, labels"):
        getattr(featx, function)(None)
    if function != "load_dataset":
        with pytest.raises(SettingsError, match=f"^{function}: `dataset` is missing"):
            getattr(featx, function)(texts=["a"], labels=[0])


def test_a_switch_is_spelled_with_its_value() -> None:
    from featx.cli.failures import _Spelling

    assert spelled("give `header` false, `quoting` off", _Spelling(False)) == "give --no-header, --quoting off"
    assert spelled("give `header` true", _Spelling(False)) == "give --header"
    assert spelled("give `header` false", _Spelling(True)) == "give data.header false"
    assert spelled("`nothing` false", _Spelling(False)) == "`nothing` false"
    assert spelled("give `on_blank` skip or empty", _Spelling(False)) == "give --on-blank skip or empty"

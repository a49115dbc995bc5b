"""Options that several commands share, each written once; each has an environment variable ``FEATX_…``."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import MISSING, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from featx.cli.verbosity import verbose_option
from featx.errors import SettingsError
from featx.experiment.workspace import Workspace
from featx.settings import (
    DEFAULT_CHECKPOINT,
    DEFAULT_RESULTS,
    DEMO,
    CacheUrl,
    CheckpointSettings,
    ComputeSettings,
    DataSettings,
    Device,
    Dtype,
    Engine,
    FeatureSettings,
    Pooling,
    RaySettings,
    cache_place,
    choose,
)

if TYPE_CHECKING:
    from featx.experiment.progress import Display
    from featx.session import Session

F = TypeVar("F", bound=Callable[..., Any])


def option(*declarations: str, **settings: Any) -> Callable[[F], F]:
    """A click option with an environment variable named after it."""
    name = next(d for d in declarations if d.startswith("--")).partition("/")[0]
    variable = settings.pop("envvar", "FEATX_" + name.removeprefix("--").replace("-", "_").upper())
    settings.setdefault("show_default", settings.get("default") is not None and not settings.get("is_flag"))
    return click.option(*declarations, envvar=variable, **settings)


def default_of(settings: type[Any], name: str) -> Any:
    """Default of a field of a settings dataclass: the one place where it is written."""
    default = next(f.default for f in fields(settings) if f.name == name)
    assert default is not MISSING
    return default


def combined(*options: Callable[[F], F]) -> Callable[[F], F]:
    """Several options as one decorator, shown in the order given."""

    def decorate(function: F) -> F:
        for add in reversed(options):
            function = add(function)
        return function

    return decorate


data_options = combined(
    option("--dataset", required=True, help="File, folder, Hub name NAME[:CONFIG], or demo."),
    option("--text-column", help="Column with the texts.  [found by name]"),
    option("--label-column", help="Column with the labels.  [found by name]"),
    option("--dataset-revision", help="Branch, tag or commit of a data set on the Hub."),
    option(
        "--split-seed",
        type=click.IntRange(0, 2**32 - 1),
        default=default_of(DataSettings, "split_seed"),
        help="Seed of splits that are cut; not that of the methods.",
    ),
)
checkpoint_options = combined(
    option("--checkpoint", default=DEFAULT_CHECKPOINT, help="Hub name, folder, or demo."),
    option("--revision", help="Branch, tag or commit of the checkpoint on the Hub."),
)
feature_options = combined(
    option("--layer", default="-1", help="all, or layers such as -1 or 0,3,6; 0 is the embeddings, -1 the last."),
    option("--pooling", default=Pooling.CLS.value, help="cls (first token), mean, or cls,mean."),
    option("--max-length", type=int, help="Tokens at which texts are cut.  [the checkpoint's limit]"),
    option("--dtype", default=Dtype.FLOAT32.value, help=f"Type of the computation: {', '.join(Dtype)}."),
)
compute_options = combined(
    option("--device", default=Device.AUTO.value, help=f"One of {', '.join(Device)}."),
    option("--threads", type=int, help="Threads of torch, tokenizers and BLAS.  [theirs]"),
)
batch_option = option(
    "--batch-tokens", type=click.IntRange(min=1), help="Tokens of a batch, padding included.  [by device and width]"
)


class _CacheType(click.Path):
    """A folder, or a URL of an object store."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        place = cache_place(os.fspath(value) if isinstance(value, os.PathLike) else value)
        return place if isinstance(place, CacheUrl) else super().convert(value, param, ctx)


cache_option = option(
    "--cache-dir",
    type=_CacheType(path_type=Path, file_okay=False),
    help="Cache folder, or a place in an object store such as s3://bucket/prefix.  [the user's cache folder]",
)
results_options = combined(
    option(
        "--results",
        type=click.Path(path_type=Path, file_okay=False),
        default=DEFAULT_RESULTS,
        help="Folder for results.",
    ),
    option("--experiment", help="Name of the folder in it.  [from the data's address]"),
    option("--overwrite", is_flag=True, help="Replace a run that was made with other settings."),
    option("--no-texts", is_flag=True, help="Keep no test texts beside the runs; the report then shows row numbers."),
)
quiet_option = combined(
    option("--quiet", "-q", is_flag=True, help="No progress and no remarks."),
    verbose_option,
)
texts_option = option("--no-texts", is_flag=True, help="Row numbers in place of texts, for data that must stay here.")
json_option = option("--json", "as_json", is_flag=True, help="Print one JSON object.")


def data_settings(options: dict[str, Any]) -> DataSettings:
    """Data settings out of a command's options."""
    return DataSettings(
        address=options["dataset"],
        text_column=options["text_column"],
        label_column=options["label_column"],
        revision=options["dataset_revision"],
        split_seed=options["split_seed"],
    )


def session(options: dict[str, Any], display: Display | None = None) -> Session:
    """Session out of a command's options."""
    from featx.session import Session

    name = options.get("checkpoint")
    return Session(
        data_settings(options) if "dataset" in options else DEMO,
        None if name is None else CheckpointSettings(name, options.get("revision")),
        compute=compute_settings(options),
        workspace=workspace(options),
        display=display,
        engine=options.get("engine") or Engine.LOCAL,
        ray=RaySettings(**{name: options[f"ray_{name}"] for name in ("address", "workers", "cpus", "window")})
        if "ray_window" in options
        else None,
    )


def feature_settings(options: dict[str, Any]) -> FeatureSettings:
    """Feature settings out of a command's options."""
    poolings = tuple(choose(Pooling, part.strip(), "--pooling") for part in options["pooling"].split(","))
    return FeatureSettings(
        layers=_layers(options["layer"]),
        poolings=poolings,
        max_length=options["max_length"],
        dtype=choose(Dtype, options["dtype"], "--dtype"),
    )


def compute_settings(options: dict[str, Any]) -> ComputeSettings:
    """Compute settings out of a command's options."""
    return ComputeSettings(
        device=choose(Device, options.get("device", Device.AUTO.value), "--device"),
        batch_tokens=options.get("batch_tokens"),
        threads=options.get("threads"),
    )


def workspace(options: dict[str, Any]) -> Workspace:
    """Folders out of a command's options."""
    return Workspace(
        results=options.get("results") or Path(DEFAULT_RESULTS),
        experiment=options.get("experiment"),
        cache_dir=options["cache_dir"],
        overwrite=options.get("overwrite", False),
        texts=not options.get("no_texts", False),
    )


def integers(text: str, name: str) -> tuple[int, ...]:
    """Whole numbers out of ``0,1,2``, each once."""
    try:
        return tuple(dict.fromkeys(int(part) for part in text.split(",")))
    except ValueError:
        raise SettingsError(f"{name} is {text!r}; expected whole numbers such as 0 or 0,1,2") from None


def seeds(text: str) -> tuple[int, ...]:
    """Seeds out of ``0,1,2``."""
    return integers(text, "--seeds")


def _layers(text: str) -> tuple[int, ...] | None:
    return None if text.strip() == "all" else integers(text, "--layer")

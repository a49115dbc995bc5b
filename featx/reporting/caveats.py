"""What a reader of a comparison must know beside its numbers: one function a kind, each making `Caveat` objects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from featx.evaluation import Caveat, Family
from featx.reporting.headline import Headline
from featx.runs import Run
from featx.settings import CaveatCode, ReportSettings

#: Test texts of a class below which macro averages are uncertain.
_ENOUGH = 10


@dataclass(frozen=True)
class Failed:
    """A method without a result, and why."""

    method: str
    reason: str


def caveats_of(
    groups: Mapping[str, list[Run]], failed: Sequence[Failed], reference: str | None, settings: ReportSettings
) -> list[Caveat]:
    """Return the caveats of a comparison of `groups`: those on the data, on all methods, and on single ones."""
    return [
        *_on_data(next(iter(groups.values()))[0]),
        *(Caveat(CaveatCode.FAILED, f"failed: {row.reason}", row.method) for row in failed),
        *_on_reference(reference, settings),
        *_on_seeds(groups),
        *_on_differences(groups),
        *_on_runs(groups),
    ]


def contradictions(headline: Headline) -> list[Caveat]:
    """Return a caveat for each row that was not chosen on validation and says the opposite of the answer."""
    return [
        Caveat(
            CaveatCode.CONTRADICTED,
            f"better than {pair.b} on test, other than the answer says; validation did not choose it",
            pair.a,
        )
        for pair in headline.contradicting
    ]


def _on_data(run: Run) -> Iterator[Caveat]:
    data = run.record.data
    for note in data.notes:
        yield Caveat(CaveatCode.DATA, note)
    if data.is_all_shared:
        yield Caveat(
            CaveatCode.SHARED_TEST_TEXTS,
            "every test text stands in train as well: no score here says anything of new texts",
        )
    rarest = min(data.test.class_counts, default=_ENOUGH)
    if rarest < _ENOUGH:
        yield Caveat(
            CaveatCode.RARE_CLASS,
            f"the rarest class has {rarest} test texts; with so few, little can be said of macro averages",
        )


def _on_reference(reference: str | None, settings: ReportSettings) -> Iterator[Caveat]:
    if reference is None:
        yield Caveat(
            CaveatCode.NO_REFERENCE,
            f"no run of the reference method {settings.reference!r}, so no differences; choose another `reference`",
        )


def _on_seeds(groups: Mapping[str, list[Run]]) -> Iterator[Caveat]:
    for method, runs in groups.items():
        if len(runs) == 1 and runs[0].record.family is Family.FINE_TUNED:
            yield Caveat(
                CaveatCode.ONE_SEED,
                "one seed only; fine-tuning varies with the seed, so more `seeds` (0,1,2) would tell how much of a "
                "difference is luck",
                method,
            )


def _on_differences(groups: Mapping[str, list[Run]]) -> Iterator[Caveat]:
    """Yield what all methods should share and do not, with the values that occur."""
    records = [runs[0].record for runs in groups.values() if not runs[0].record.control]
    with_checkpoint = [(record, record.checkpoint) for record in records if record.checkpoint]
    shared: dict[CaveatCode, tuple[str, list[str]]] = {
        CaveatCode.MIXED_TRAIN: ("train texts", [r.data.splits["train"].digest[:12] for r in records]),
        CaveatCode.MIXED_VALIDATION: ("validation texts", [r.data.splits["validation"].digest[:12] for r in records]),
        CaveatCode.MIXED_FOLDS: ("number of folds", [str(r.n_folds or "none") for r in records]),
        CaveatCode.MIXED_CHECKPOINT: ("checkpoint", [checkpoint.name for _, checkpoint in with_checkpoint]),
        CaveatCode.MIXED_DEVICE: ("device", [record.device or "unknown" for record, _ in with_checkpoint]),
    }
    for code, (what, seen) in shared.items():
        if len(set(seen)) > 1:
            yield Caveat(
                code,
                f"methods differ in their {what}: {', '.join(dict.fromkeys(seen))}; their scores or costs cannot be "
                "compared directly",
            )


def _on_runs(groups: Mapping[str, list[Run]]) -> Iterator[Caveat]:
    """Yield what the runs say of themselves: of each kind the first that a seed has, and which seeds have one."""
    for method, runs in groups.items():
        first: dict[CaveatCode, Caveat] = {}
        seeds: dict[CaveatCode, list[int]] = {}
        for run in runs:
            for caveat in run.record.caveats:
                first.setdefault(caveat.code, caveat)
                seeds.setdefault(caveat.code, []).append(run.record.seed)
        for code, caveat in first.items():
            yield replace(caveat, method=method, text=_of_seeds(seeds[code], len(runs)) + caveat.text)


def _of_seeds(seeds: Sequence[int], n_runs: int) -> str:
    """Return which seeds a caveat is about; nothing where it is about all."""
    some = sorted(set(seeds))
    if len(some) == n_runs:
        return ""
    return f"seed{'s' if len(some) > 1 else ''} {', '.join(map(str, some))} of {n_runs}: "

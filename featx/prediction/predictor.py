"""A finished run and new texts become labels and scores, the same way for every method.

May import ``runs``, ``features``, ``baselines`` and ``training``.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from featx.errors import CheckpointError, DataError, RunError, SettingsError
from featx.runs import Run, find_runs, read_run
from featx.runs.folder import MODEL
from featx.settings import CachePlace, ComputeSettings, Dtype, FeatureSettings, Long, Pooling

#: Texts that `Predictor.batches` takes at once: enough that batches of like lengths are full.
BATCH_TEXTS = 8_192
#: Texts to probabilities (n_texts, n_classes), or to labels (n_texts,) where a method has no probabilities.
_Classify = Callable[[Sequence[str]], NDArray[Any]]


@dataclass(frozen=True)
class Prediction:
    """Label of one text, and its probability under each label name; None for a method without probabilities."""

    text: str
    label: str
    scores: dict[str, float] | None


class Predictor:
    """Classifies texts as a finished run does.

    Attributes
    ----------
    run : Run
    label_names : tuple of str
    """

    def __init__(self, run: Run, classify: _Classify) -> None:
        self.run = run
        self.label_names = tuple(run.record.label_names)
        self._classify = classify

    def __call__(self, texts: Sequence[str]) -> list[Prediction]:
        """Return label and scores of each text, in order.

        Raises
        ------
        DataError
            If a text is empty or cannot be written as UTF-8; names its position.
        """
        return self._predicted(texts, 1)

    def batches(self, texts: Iterable[str], size: int = BATCH_TEXTS) -> Iterator[list[Prediction]]:
        """Yield label and scores of texts as they come, `size` at a time; memory does not grow with their number.

        Raises
        ------
        DataError
            If a text is empty or cannot be written as UTF-8; names its position.
        """
        source, first = iter(texts), 1
        while batch := list(itertools.islice(source, size)):
            yield self._predicted(batch, first)
            first += len(batch)

    def _predicted(self, texts: Sequence[str], first: int) -> list[Prediction]:
        _check_texts(texts, first)
        if not texts:
            return []
        output = self._classify(texts)
        if output.ndim == 1:
            return [Prediction(t, self.label_names[int(k)], None) for t, k in zip(texts, output, strict=True)]
        labels = output.argmax(axis=1)
        return [
            Prediction(text, self.label_names[int(k)], dict(zip(self.label_names, scores.tolist(), strict=True)))
            for text, k, scores in zip(texts, labels, output, strict=True)
        ]


def load_predictor(
    folder: Path, cache: CachePlace, compute: ComputeSettings | None = None, checkpoint: str | None = None
) -> Predictor:
    """Return predictor of the run in `folder`.

    Parameters
    ----------
    folder : Path
        ``results/<experiment>/<method>/seed-<n>``, or a folder with exactly one such run in it.
    cache : Path
        Cache folder, for the demo's checkpoint; features of new texts are not kept.
    compute : ComputeSettings, optional
    checkpoint : str, optional
        Where the run's checkpoint is now, when it has moved.

    Raises
    ------
    RunError
        If there is no run, or it was saved without a model.
    CheckpointError
        If the checkpoint is missing or is not the one that the run was made with.
    """
    compute = compute or ComputeSettings()
    run = _one_run(folder)
    if run.record.model_format is not None:
        run.check_model()
    if run.record.model_format == "transformers":
        return Predictor(run, _finetuned(run, compute))
    if run.record.model_format == "skops":
        return Predictor(run, _classical(run, cache, compute, checkpoint))
    raise RunError(f"{run.folder} was saved without a model, so it cannot predict; run the method again")


def _one_run(folder: Path) -> Run:
    if not folder.is_dir():
        raise RunError(f"{folder} is no folder; give a run such as results/demo/logreg/seed-0")
    found = find_runs(folder)
    if len(found) > 1:
        shown = ", ".join(str(path) for path in found[:4])
        raise RunError(f"{folder} holds {len(found)} runs; give one of them: {shown}{', …' if len(found) > 4 else ''}")
    return read_run(found[0])


def _check_texts(texts: Sequence[str], first: int) -> None:
    for position, text in enumerate(texts, first):
        if not isinstance(text, str) or not text.strip():
            raise DataError(f"text {position} is empty; leave it out or give it words")
        try:
            text.encode()
        except UnicodeEncodeError as e:
            raise DataError(f"text {position} is no valid UTF-8; convert it first") from e


def _finetuned(run: Run, compute: ComputeSettings) -> _Classify:
    from featx.features.device import find_device, thread_limit
    from featx.training import classify, load_classifier

    device = find_device(compute.device).type
    model, tokenizer = load_classifier(run.folder / MODEL, run.record.settings.get("max_length"), device)
    long = _long_of_training(run)

    def run_model(texts: Sequence[str]) -> NDArray[Any]:
        with thread_limit(compute.threads):
            return classify(model, tokenizer, texts, compute.batch_tokens, long)

    return run_model


def _long_of_training(run: Run) -> Long:
    """Return how the model was trained to read long texts."""
    given = run.record.settings.get("long", [Long.CUT])
    try:
        return Long(run.record.selection.chosen.get("long", given[0]))
    except (LookupError, TypeError, ValueError) as e:
        raise RunError(f"{run.folder} does not say how it reads long texts ({e}); run featx finetune again") from e


def _classical(run: Run, cache: CachePlace, compute: ComputeSettings, checkpoint: str | None) -> _Classify:
    from featx.baselines import find_method, load_classifier, other_version, probabilities

    record = run.record
    try:
        method = find_method(record.method)
    except SettingsError as e:
        raise RunError(f"{run.folder} is of a method that featx does not have: {record.method}") from e
    made_with = record.environment.get("packages", {}).get("scikit-learn")
    chosen = record.selection.chosen
    classifier = load_classifier(run.folder / MODEL, method, chosen, len(record.label_names), made_with)
    inputs = _features(run, cache, compute, checkpoint) if record.features else _as_texts

    def run_classifier(texts: Sequence[str]) -> NDArray[Any]:
        read = inputs(texts)
        try:
            scores = probabilities(classifier, read)
            return np.asarray(classifier.predict(read)) if scores is None else scores
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as e:
            fault = other_version(made_with) or f"cannot predict ({type(e).__name__}: {e}); run featx baseline again"
            raise RunError(f"the classifier of {run.folder} {fault}") from e

    return run_classifier


def _as_texts(texts: Sequence[str]) -> Any:
    return list(texts)


def _features(
    run: Run, cache: CachePlace, compute: ComputeSettings, checkpoint: str | None
) -> Callable[[Sequence[str]], Any]:
    from featx.features.checkpoint import find_checkpoint
    from featx.features.device import thread_limit
    from featx.features.encoder import load_encoder
    from featx.features.extraction import Extractor

    facts, chosen = run.record.checkpoint, run.record.features
    assert chosen is not None
    if facts is None:
        raise RunError(
            f"{run.folder} was made with features from elsewhere, and featx cannot make those of new texts; run featx "
            "baseline with a checkpoint instead"
        )
    name = checkpoint or facts.name
    found = find_checkpoint(name, cache, facts.revision if name == facts.name else None)
    if (found.digest, found.tokenizer_digest) != (facts.digest, facts.tokenizer_digest):
        raise CheckpointError(
            f"checkpoint {found.name!r} is not the one that {run.folder} was made with (its weights, configuration or "
            "tokenizer differ); give the right one as `checkpoint`, or run featx baseline again"
        )
    kinds, long = _chosen_kinds(run)
    settings = FeatureSettings(
        tuple(dict.fromkeys(layer for layer, _ in kinds)),
        tuple(dict.fromkeys(pooling for _, pooling in kinds)),
        chosen["max_length"],
        Dtype(chosen["dtype"]),
        bool(chosen.get("normalize", False)),
        str(chosen.get("prompt", "")),
        (long,),
    )
    encoder = load_encoder(found, settings, compute)

    def extract(texts: Sequence[str]) -> Any:
        with thread_limit(compute.threads):
            extractor = Extractor(encoder, found, settings, None)
            encoded = extractor.encode(texts)
        arrays = [encoded.gather(extractor.kinds.index(kind)) for kind in kinds]
        return arrays[0] if len(arrays) == 1 else np.hstack(arrays)

    return extract


def _chosen_kinds(run: Run) -> tuple[list[tuple[int, Pooling]], Long]:
    """Return layer and pooling of the features that the classifier reads, in the order of its columns, and `long`."""
    try:
        chosen = run.record.selection.features
        assert run.record.features is not None
        assert chosen is not None
        kinds = run.record.features["kinds"]
        (long,) = {Long(kinds[k].get("long", Long.CUT)) for k in chosen.kinds}
        return [(kinds[k]["layer"], Pooling(kinds[k]["pooling"])) for k in chosen.kinds], long
    except (LookupError, ValueError) as e:
        raise RunError(f"{run.folder} does not say which features it reads ({e}); run featx baseline again") from e

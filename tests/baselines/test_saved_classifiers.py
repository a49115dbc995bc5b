"""Classifiers that other versions of scikit-learn saved are read, or refused in one line with both versions."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
import sklearn
from baselines.make_saved_classifiers import LABELS, inputs

from featx.baselines import METHODS, load_classifier
from featx.errors import RunError

ARCHIVES = sorted((Path(__file__).parent / "fixtures").glob("sklearn-*.tar.xz"))


@pytest.fixture(scope="module", params=ARCHIVES, ids=lambda path: path.name.removesuffix(".tar.xz"))
def saved(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """Version of scikit-learn, and the folder of its classifiers."""
    folder = tmp_path_factory.mktemp("saved")
    with tarfile.open(request.param) as archive:
        archive.extractall(folder, filter="data")
    return request.param.name.removesuffix(".tar.xz").removeprefix("sklearn-"), folder


@pytest.mark.parametrize("name", METHODS)
def test_other_versions_are_read_or_named(saved: tuple[str, Path], name: str) -> None:
    version, folder = saved
    if name == "centroid" and not (folder / name).is_dir():
        pytest.skip("came after these were saved")
    facts = json.loads((folder / name / "facts.json").read_text())
    refusal = ""
    try:
        classifier = load_classifier(folder / name, METHODS[name], facts["chosen"], len(LABELS), version)
        scores = getattr(classifier, facts["function"])(inputs(METHODS[name].reads)[0])
        np.testing.assert_allclose(scores, facts["scores"], rtol=1e-6, atol=1e-9)
    except RunError as e:
        refusal = str(e)
    if version.split(".")[:2] == sklearn.__version__.split(".")[:2]:
        assert not refusal
    elif refusal:
        assert f"made with scikit-learn {version}, which does not fit the {sklearn.__version__} here" in refusal


def test_both_minor_versions_are_there() -> None:
    assert {path.name.split("-")[1][:3] for path in ARCHIVES} == {"1.8", "1.9"}


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ImportError("libopenblas.so: cannot open", name="sklearn.linear_model"), "libopenblas.so: cannot open"),
        (AttributeError("module 'sklearn' has no attribute 'x'", name="x", obj=sklearn), "module 'sklearn' has no"),
    ],
)
def test_a_module_that_cannot_be_imported_is_no_fault_of_the_run(
    error: Exception, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import skops.io
    from sklearn.linear_model import LogisticRegression

    from featx.baselines.saving import save_classifier

    def fail(*arguments: object, **named: object) -> None:
        raise error

    save_classifier(LogisticRegression(), tmp_path)
    monkeypatch.setattr(skops.io, "load", fail)
    with pytest.raises(RunError) as refused:
        load_classifier(tmp_path)
    assert f"cannot be imported here ({words}" in str(refused.value)
    assert "run featx baseline again" not in str(refused.value)

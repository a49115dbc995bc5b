"""What SECURITY.md promises: nothing that a file holds is run, and nothing is written outside of its folder."""

from __future__ import annotations

import ast
import io
import json
import pickle
import re
import shutil
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import skops.io
from hypothesis import given
from hypothesis import strategies as st
from made_runs import make_run
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, PolynomialFeatures, StandardScaler

import featx
from featx.baselines import load_classifier, save_classifier
from featx.baselines.saving import FILE_NAME
from featx.errors import CheckpointError, FeatxError, RunError, SettingsError
from featx.experiment.workspace import Workspace, name_of_address
from featx.features.checkpoint import find_checkpoint
from featx.features.encoder import load_encoder
from featx.features.extraction import Extractor
from featx.reporting import compare
from featx.runs import check_name, read_run, run_folder
from featx.settings import ComputeSettings, FeatureSettings

ROOT = Path(featx.__file__).parent
SOURCES = sorted(ROOT.rglob("*.py"))


class Canary:
    """Unpickled, it writes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.write_text, (self.path, "sung"))


# Names


NASTY_NAMES = [
    "", ".", "..", "../x", "a/b", "/etc", "a\\b", "~", "-rf", "a\n", "\na", "a\x00b", "a b", "\u0301a", "日" * 67, "a" * 101, "C:", "x:y",
    "$HOME", "`id`", "a;b", "*", "..\\x", "%2e%2e", "٣\u200d", "\u202ea", ".hidden", "_x", "a\r", "a\u2028",
]  # fmt: skip


@pytest.mark.parametrize("name", NASTY_NAMES)
def test_names_that_could_lead_elsewhere(name: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="expected 1 to 100 letters, digits"):
        check_name(name, "--experiment")
    with pytest.raises(SettingsError):
        run_folder(tmp_path, name, "logreg", 0)
    with pytest.raises(SettingsError):
        run_folder(tmp_path, "demo", name, 0)
    if name:
        with pytest.raises(SettingsError):
            Workspace(results=tmp_path, experiment=name).experiment_name("demo")


@given(st.text(max_size=200))
def test_any_name_is_refused_or_stays_inside(name: str) -> None:
    results = Path("/results")
    try:
        place = run_folder(results, name, "logreg", 0)
    except SettingsError:
        return
    assert place.resolve().parents[2] == results


@given(st.text(max_size=150))
def test_the_name_made_from_any_address_is_fit(address: str) -> None:
    name = name_of_address(address)
    assert check_name(name, "made") == name


@pytest.mark.parametrize("method", ["../../outside", "a/b", "..", "x\x00", ""])
def test_a_run_whose_method_is_a_path_is_broken(tmp_path: Path, method: str) -> None:
    run = make_run(tmp_path / "results")
    content = json.loads((run.folder / "run.json").read_text())
    (run.folder / "run.json").write_text(json.dumps(content | {"method": method}))
    with pytest.raises(RunError, match=r"run\.json is broken \(method: "):
        featx.report(run.folder, output=tmp_path / "report", n_resamples=999)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["results"]


def test_label_names_do_not_name_files(tmp_path: Path) -> None:
    run = make_run(tmp_path / "results", names=("../../outside", "/etc/x", "<script>"))
    assert compare([read_run(run.folder)])
    featx.report(run.folder, output=tmp_path / "report", n_resamples=999)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["report", "results"]
    body = (tmp_path / "report" / "report.html").read_text().split("</head>")[1]
    assert "<script>" not in body.split('<script>\n"use strict"')[0], "as the page's own script is the only one"


# skops


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    classifier = make_pipeline(StandardScaler(), LogisticRegression()).fit(np.eye(4), [0, 1, 0, 1])
    save_classifier(classifier, tmp_path)
    assert load_classifier(tmp_path).predict(np.eye(4)).shape == (4,)
    return tmp_path


def rewritten(folder: Path, change: object) -> None:
    """The skops file in `folder` with another schema."""
    with zipfile.ZipFile(folder / FILE_NAME) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(files["schema.json"])
    change(schema)
    files["schema.json"] = json.dumps(schema).encode()
    with zipfile.ZipFile(folder / FILE_NAME, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)


def nodes(schema: object) -> list[dict]:
    found = []
    if isinstance(schema, dict):
        found += [schema] if "__class__" in schema else []
        for value in schema.values():
            found += nodes(value)
    elif isinstance(schema, list):
        for value in schema:
            found += nodes(value)
    return found


FOREIGN = [
    ("os", "system", "FunctionNode"), ("subprocess", "Popen", "ObjectNode"), ("builtins", "eval", "FunctionNode"),
    ("builtins", "exec", "TypeNode"), ("pathlib", "PosixPath", "ObjectNode"), ("functools", "partial", "PartialNode"),
    ("operator", "methodcaller", "OperatorFuncNode"), ("joblib", "load", "FunctionNode"),
    ("sklearn.preprocessing", "FunctionTransformer", "ObjectNode"), ("numpy", "load", "FunctionNode"),
    ("types", "MethodType", "MethodNode"), ("webbrowser", "open", "FunctionNode"), ("no.such", "Thing", "ObjectNode"),
]  # fmt: skip


@pytest.mark.parametrize(("module", "name", "loader"), FOREIGN)
def test_every_part_of_a_skops_file_may_be_foreign(saved: Path, module: str, name: str, loader: str) -> None:
    """Each node in turn is replaced; no other type than those that our pipelines are made of ever comes back."""
    original = (saved / FILE_NAME).read_bytes()
    with zipfile.ZipFile(saved / FILE_NAME) as archive:
        n_nodes = len(nodes(json.loads(archive.read("schema.json"))))
    for position in range(n_nodes):
        (saved / FILE_NAME).write_bytes(original)
        rewritten(
            saved,
            lambda schema, at=position: nodes(schema)[at].update(
                __module__=module, __class__=name, __loader__=loader, __id__=10_000
            ),
        )
        with pytest.raises(RunError, match="do not trust the file"):
            load_classifier(saved)


@pytest.mark.parametrize(
    "step",
    [Nystroem(n_components=5), PolynomialFeatures(), FunctionTransformer(np.log1p)],
    ids=["estimator", "another", "ufunc"],
)
def test_what_skops_trusts_is_not_on_our_list(tmp_path: Path, step: object) -> None:
    step.fit(np.arange(40.0).reshape(10, 4) % 7, [0, 1] * 5)
    save_classifier(make_pipeline(step), tmp_path)
    assert not skops.io.get_untrusted_types(file=tmp_path / FILE_NAME)
    with pytest.raises(RunError, match=r"holds types that featx does not load: .*; do not trust the file"):
        load_classifier(tmp_path)


def test_a_compressed_skops_file_is_refused(saved: Path) -> None:
    with zipfile.ZipFile(saved / FILE_NAME) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(saved / FILE_NAME, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    with pytest.raises(RunError, match=r"holds compressed parts, which featx never writes"):
        load_classifier(saved)


def test_a_function_in_a_pipeline_is_named_and_refused(tmp_path: Path) -> None:
    import os

    save_classifier(make_pipeline(FunctionTransformer(os.system), LogisticRegression()), tmp_path)
    with pytest.raises(RunError, match=r"holds types that featx does not load: .*system.*; do not trust the file"):
        load_classifier(tmp_path)


def test_a_pickle_in_the_place_of_a_skops_file(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    for data in (pickle.dumps(Canary(canary)), joblib_bytes(Canary(canary))):
        (tmp_path / FILE_NAME).write_bytes(data)
        with pytest.raises(RunError, match="cannot be read"):
            load_classifier(tmp_path)
    assert not canary.exists()


def joblib_bytes(value: object) -> bytes:
    import joblib

    buffer = io.BytesIO()
    joblib.dump(value, buffer)
    return buffer.getvalue()


# Checkpoints


@pytest.fixture
def copy(tiny: Path, tmp_path: Path) -> Path:
    shutil.copytree(tiny, tmp_path / "copy")
    return tmp_path / "copy"


def encode(folder: Path) -> np.ndarray:
    checkpoint = find_checkpoint(str(folder), Path("unused"))
    encoder = load_encoder(checkpoint, FeatureSettings(), ComputeSettings())
    return Extractor(encoder, checkpoint, FeatureSettings(), None).encode(["a good day"]).gather()


def test_code_beside_a_checkpoint_is_never_run(copy: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint that names code of its own loads without it, or not at all."""
    canary = copy.parent / "canary"
    (copy / "evil.py").write_text(f"open({str(canary)!r}, 'w').write('sung')\nclass Evil: pass\n")
    for name in ("config.json", "tokenizer_config.json"):
        content = json.loads((copy / name).read_text())
        content["auto_map"] = {
            "AutoConfig": "evil.Evil", "AutoModel": "evil.Evil", "AutoTokenizer": ["evil.Evil", "evil.Evil"],
            "AutoModelForSequenceClassification": "evil.Evil",
        }  # fmt: skip
        (copy / name).write_text(json.dumps(content))
    with suppress(CheckpointError):
        assert np.allclose(encode(copy), encode(tiny), atol=1e-6)
    content = json.loads((copy / "config.json").read_text()) | {"model_type": "evil"}
    (copy / "config.json").write_text(json.dumps(content))
    with pytest.raises(CheckpointError, match="cannot be loaded"):
        encode(copy)
    assert not canary.exists()


def test_weights_in_pickles_are_never_read(copy: Path, tiny: Path) -> None:
    canary = copy.parent / "canary"
    for name in ("pytorch_model.bin", "training_args.bin", "optimizer.pt", "model.pkl", "tf_model.h5"):
        (copy / name).write_bytes(pickle.dumps(Canary(canary)))
    assert np.allclose(encode(copy), encode(tiny), atol=1e-6)
    (copy / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"no \*\.safetensors weights in the folder; featx loads no pickles"):
        encode(copy)
    (copy / "model.safetensors").write_bytes(pickle.dumps(Canary(canary)))
    with pytest.raises(CheckpointError, match="cannot be loaded"):
        encode(copy)
    assert not canary.exists()


def test_every_loading_forbids_code_of_the_checkpoint(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from transformers import AutoConfig, AutoModel, AutoTokenizer

    seen = []
    for kind in (AutoConfig, AutoModel, AutoTokenizer):
        real = kind.from_pretrained

        def spy(*args: object, real: object = real, **settings: object) -> object:
            seen.append(settings.get("trust_remote_code"))
            return real(*args, **settings)

        monkeypatch.setattr(kind, "from_pretrained", spy)
    encode(tiny)
    assert len(seen) >= 3
    assert set(seen) == {False}


# What the source may not say


FORBIDDEN = re.compile(
    r"pickle\.load|torch\.load\(|joblib\.load|allow_pickle=True|trust_remote_code=True|shell=True|yaml\.(unsafe_)?load|"
    r"marshal|weights_only=False|autoescape=False"
)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_source_loads_no_pickle_and_runs_no_shell(path: Path) -> None:
    source = path.read_text()
    assert not FORBIDDEN.search(source), FORBIDDEN.search(source)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in ("eval", "exec", "compile", "__import__"), path
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [a.name for a in node.names] + [getattr(node, "module", None) or ""]
            assert not {"pickle", "marshal", "shelve", "dill", "cloudpickle"} & set(names), path
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "from_pretrained":
            pytest.fail(f"{path}: from_pretrained is called directly; featx.features.checkpoint.loading has the rules")


def test_errors_of_hostile_input_stay_on_one_line(tmp_path: Path) -> None:
    folder = tmp_path / "evil\nfeatx: all is well"
    folder.mkdir()
    with pytest.raises(FeatxError):
        featx.load_dataset(folder)
    with pytest.raises(FeatxError):
        featx.load_dataset(str(tmp_path / "a\x1b[2Jb.csv"))

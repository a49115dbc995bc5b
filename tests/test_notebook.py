"""The notebook in docs/ runs from its first cell to its last on the demo data, and carries nothing of a machine."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).parents[1] / "docs" / "course.ipynb"


def test_it_is_committed_without_outputs() -> None:
    content = json.loads(NOTEBOOK.read_text("utf-8"))
    for cell in content["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            assert cell["execution_count"] is None
    assert not re.search(r"/(home|root|Users|tmp)/", NOTEBOOK.read_text("utf-8"))


def test_it_tells_the_whole_story() -> None:
    """In the order of the course."""
    source = "\n".join("".join(cell["source"]) for cell in json.loads(NOTEBOOK.read_text("utf-8"))["cells"])
    story = ["load_dataset", "class_counts", "Lengths", "tokens", "Hidden states", "[CLS]", "session.baseline", "FeatureExtractor",
             "session.finetune", "confusion_matrix", "featx.compare_runs", "session.report", "Saved, loaded", "session.predict"]  # fmt: skip
    workspace = [source.rindex(word) if word == "tokens" else source.find(word) for word in story]
    assert -1 not in workspace


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of the Jupyter client's own: event loops and sockets that it leaves open
def test_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import nbformat
    from jupyter_client.kernelspec import KernelSpecManager
    from nbclient import NotebookClient

    kernels = tmp_path / "kernels" / "featx-test"
    kernels.mkdir(parents=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (kernels / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": "test", "language": "python"}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("COURSE_EPOCHS", "1")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    assert "featx-test" in KernelSpecManager().find_kernel_specs()
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(
        notebook, timeout=300, kernel_name="featx-test", resources={"metadata": {"path": str(tmp_path)}}
    ).execute()  # fmt: skip
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    shown = " ".join(str(output.get("text", "") or output.get("data", {})) for output in outputs)
    assert "0 encoded, 2100 reused" in shown
    assert "text/html" in shown
    assert "finetune" in shown
    remarks = [output["text"] for output in outputs if output.get("name") == "stderr"]
    assert all("IProgress not found" in remark for remark in remarks), remarks  # tqdm's, where ipywidgets are missing

"""Data sets on the Hub, read through the real libraries from a stand-in for the Hub on the loopback interface."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

MAIN, CONVERTED = "a" * 40, "b" * 40
REVISIONS = {"main": MAIN, MAIN: MAIN, "refs/convert/parquet": CONVERTED, CONVERTED: CONVERTED}


def parquet(n: int) -> bytes:
    features = {
        "text": {"dtype": "string", "_type": "Value"},
        "label": {"names": ["bad", "good"], "_type": "ClassLabel"},
    }
    table = pa.table({"text": [f"text {i}" for i in range(n)], "label": [i % 2 for i in range(n)]})
    table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()


def files(prefix: str) -> dict[str, bytes]:
    return {f"{prefix}{split}-00000-of-00001.parquet": parquet(n) for split, n in (("train", 40), ("test", 10))}


#: Content by repository and commit.
REPOSITORIES = {
    ("someone/plain", MAIN): files("data/"),
    ("someone/scripted", MAIN): {"scripted.py": b"raise SystemExit('this must never run')", "README.md": b"# x\n"},
    ("someone/scripted", CONVERTED): {
        name.replace("english/train-00000-of-00001", "english/train/0000").replace(
            "english/test-00000-of-00001", "english/test/0000"
        ): data
        for name, data in files("english/").items()
    },
}


def unlabelled(n: int) -> bytes:
    table = pq.read_table(io.BytesIO(parquet(n)))
    buffer = io.BytesIO()
    pq.write_table(table.set_column(1, "label", pa.array([-1] * n)), buffer)
    return buffer.getvalue()


REPOSITORIES |= {
    ("someone/train-alone", MAIN): {"data/train-00000-of-00001.parquet": parquet(40)},
    ("someone/glue", MAIN): files("data/")
    | {
        "data/validation-00000-of-00001.parquet": parquet(12),
        "data/test-00000-of-00001.parquet": unlabelled(8),
    },
}

#: Repositories that list files which are not there.
LOST = {"someone/lost", "someone/lost-too"}
REPOSITORIES |= {
    ("someone/lost", MAIN): files("data/"),
    ("someone/lost-too", MAIN): {"lost-too.py": b"raise SystemExit"},
    ("someone/lost-too", CONVERTED): REPOSITORIES["someone/scripted", CONVERTED],
}


class Hub(BaseHTTPRequestHandler):
    """As much of the Hub's interface as reading a data set takes."""

    is_down = False

    def log_message(self, *args: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        paths = json.loads(body or b"{}").get("paths", [])
        self.answer(unquote(urlsplit(self.path).path), paths)

    def do_GET(self) -> None:
        self.answer(unquote(urlsplit(self.path).path), None)

    def answer(self, path: str, asked: list[str] | None) -> None:
        if Hub.is_down:
            self.send_response(503)
            self.send_header("Content-Length", "0")
            return self.end_headers()
        for (name, commit), content in REPOSITORIES.items():
            for revision, stands_at in REVISIONS.items():
                if stands_at != commit:
                    continue
                if path == f"/api/datasets/{name}/revision/{revision}" or (
                    revision == "main" and path == f"/api/datasets/{name}"
                ):
                    siblings = [{"rfilename": file} for file in content]
                    return self.send_json({"id": name, "sha": commit, "siblings": siblings, "tags": []})
                for kind in ("tree", "paths-info"):
                    start = f"/api/datasets/{name}/{kind}/{revision}"
                    if path == start or path.startswith(start + "/"):
                        under = path[len(start) + 1 :]
                        return self.send_json(self.entries(content, under, asked))
                start = f"/datasets/{name}/resolve/{revision}/"
                if path.startswith(start) and path[len(start) :] in content and name not in LOST:
                    return self.send_file(content[path[len(start) :]], commit)
        self.send_response(404)
        self.send_header("X-Error-Code", "EntryNotFound" if "resolve" in path else "RepoNotFound")
        self.send_header("Content-Length", "0")
        self.end_headers()
        return None

    def entries(self, content: dict[str, bytes], under: str, asked: list[str] | None) -> list[dict[str, object]]:
        names = {name: {"type": "file", "size": len(data)} for name, data in content.items()}
        for name in content:
            for depth in range(1, name.count("/") + 1):
                names["/".join(name.split("/")[:depth])] = {"type": "directory", "size": 0}
        return [
            {"path": name, "oid": "c" * 40, **facts}
            for name, facts in names.items()
            if (name in asked if asked is not None else name.startswith(under))
        ]

    def send_json(self, content: object) -> None:
        self.send_body(json.dumps(content).encode(), {"Content-Type": "application/json"})

    def send_file(self, data: bytes, commit: str) -> None:
        self.send_body(data, {"X-Repo-Commit": commit, "ETag": f'"{hash(data) & 0xFFFFFFFF:08x}{len(data):032x}"'})

    def send_body(self, data: bytes, headers: dict[str, str]) -> None:
        self.send_response(200)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)


@pytest.fixture
def hub() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


SCRIPT = """
import json, sys
from featx.settings import DataSettings
from featx.data import load_dataset
from featx.errors import FeatxError
try:
    d = load_dataset(DataSettings(sys.argv[1], dataset_revision=sys.argv[2] or None, **json.loads(sys.argv[3])))
except FeatxError as e:
    print(json.dumps({"error": str(e)}))
else:
    print(json.dumps({"sizes": [len(s) for s in d.splits.values()], "names": d.label_names, "revision": d.revision,
                      "texts": d.test.texts[:2], "labels": d.test.labels[:2].tolist(), "notes": d.notes}))
"""


def read(
    address: str, endpoint: str, home: Path, offline: str = "0", revision: str = "", **settings: object
) -> dict[str, object]:
    """Read in a process of its own: the libraries take the endpoint from the environment when imported."""
    environment = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")} | {
        "HF_ENDPOINT": endpoint, "HF_HOME": str(home), "HF_HUB_OFFLINE": offline, "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_XET": "1", "NO_PROXY": "*",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, address, revision, json.dumps(settings)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_plain_repository_at_its_commit_and_again_offline(hub: str, tmp_path: Path) -> None:
    answer = read("someone/plain", hub, tmp_path)
    assert answer["sizes"] == [34, 6, 10]
    assert answer["names"] == ["bad", "good"]
    assert answer["revision"] == MAIN
    assert answer["texts"] == ["text 0", "text 1"]
    assert answer["labels"] == [0, 1]
    assert read("someone/plain", hub, tmp_path, offline="1") == answer


def test_repository_with_a_script_is_read_from_the_converted_branch(hub: str, tmp_path: Path) -> None:
    answer = read("someone/scripted:english", hub, tmp_path)
    assert answer["sizes"] == [34, 6, 10]
    assert answer["revision"] == CONVERTED
    assert read("someone/scripted:english", hub, tmp_path, offline="1") == answer
    assert read("someone/scripted", hub, tmp_path) == answer


def test_the_recorded_commit_of_a_converted_branch_can_be_named(hub: str, tmp_path: Path) -> None:
    answer = read("someone/scripted:english", hub, tmp_path, revision=CONVERTED)
    assert (answer["sizes"], answer["revision"]) == ([34, 6, 10], CONVERTED)
    assert read("someone/scripted:english", hub, tmp_path, offline="1", revision=CONVERTED) == answer


def test_a_named_revision_with_a_script_is_refused(hub: str, tmp_path: Path) -> None:
    answer = read("someone/scripted:english", hub, tmp_path, revision=MAIN)
    assert "has a loading script, which is never run; leave the revision out" in answer["error"]


def test_wrong_configuration_is_one_line(hub: str, tmp_path: Path) -> None:
    answer = read("someone/scripted:klingon", hub, tmp_path)
    assert "'someone/scripted' has no configuration 'klingon'" in answer["error"]
    assert "\n" not in answer["error"]


ELSE = "give a local file or folder, or try `dataset` demo"


def test_unknown_repository_says_what_to_do(hub: str, tmp_path: Path) -> None:
    answer = read("someone/nothing", hub, tmp_path)
    assert "'someone/nothing' is neither a local file or folder nor readable on the Hub" in answer["error"]
    assert answer["error"].endswith(ELSE)


@pytest.mark.parametrize("name", sorted(LOST))
def test_files_that_cannot_be_downloaded_say_what_to_do(hub: str, tmp_path: Path, name: str) -> None:
    error = read(name, hub, tmp_path)["error"]
    assert error.startswith(f"data set '{name}'")
    assert error.endswith(f"try again, {ELSE}")
    assert "\n" not in error


def test_a_hub_that_fails_is_one_out_of_reach(hub: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With an HTTP error of its own the Hub says nothing of the name: a copy in the cache is as good as offline."""
    known = read("someone/scripted:english", hub, tmp_path)
    monkeypatch.setattr(Hub, "is_down", True)
    error = read("someone/plain", hub, tmp_path)["error"]
    assert "the Hub cannot be reached (" in error
    assert "503" in error
    assert error.endswith(f"go online, {ELSE}")
    assert read("someone/scripted:english", hub, tmp_path) == known


def test_hub_out_of_reach_says_what_to_do(tmp_path: Path) -> None:
    answer = read("someone/plain", "http://127.0.0.1:9", tmp_path)
    assert "the Hub cannot be reached" in answer["error"]
    assert f"tried http://127.0.0.1:9 and the cache in {tmp_path}" in answer["error"]
    assert "give a local file or folder, or try `dataset` demo" in answer["error"]
    answer = read("someone/plain", "http://127.0.0.1:9", tmp_path, offline="1")
    assert f"HF_HUB_OFFLINE is set, so only the cache in {tmp_path}" in answer["error"]


def test_train_alone_names_a_remedy_that_can_be_carried_out(hub: str, tmp_path: Path) -> None:
    error = read("someone/train-alone", hub, tmp_path)["error"]
    assert error == (
        "someone/train-alone, split train: there is no test split beside train; set `test_split` to train to have one cut "
        "from train"
    )
    assert read("someone/train-alone", hub, tmp_path, test_split="train")["sizes"] == [28, 6, 6]


def test_an_unlabelled_test_split_names_remedies_that_can_be_carried_out(hub: str, tmp_path: Path) -> None:
    error = read("someone/glue", hub, tmp_path)["error"]
    assert "no text of the test split has a label (all are -1); set `test_split` to validation" in error
    assert read("someone/glue", hub, tmp_path, test_split="validation")["sizes"] == [34, 6, 12]
    made = read("someone/glue", hub, tmp_path, test_split="train")
    assert made["sizes"] == [34, 12, 6]
    assert made["names"] == ["bad", "good"]

"""Identity of checkpoints, and what is refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from featx.errors import CheckpointError
from featx.features.checkpoint import find_checkpoint


def find(folder: Path) -> object:
    return find_checkpoint(str(folder), Path("unused"))


def test_a_copy_in_another_folder_is_the_same_checkpoint(tiny: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny, tmp_path / "copy")
    (tmp_path / "copy" / "README.md").write_text("not part of it")
    a, b = find(tiny), find(tmp_path / "copy")
    assert (a.digest, a.tokenizer_digest) == (b.digest, b.tokenizer_digest)


@pytest.mark.parametrize(
    ("name", "changes_tokenizer"),
    [("model.safetensors", False), ("config.json", False), ("tokenizer.json", True), ("tokenizer_config.json", True)],
)
def test_one_byte_makes_another_checkpoint(tiny: Path, tmp_path: Path, name: str, changes_tokenizer: bool) -> None:
    shutil.copytree(tiny, tmp_path / "copy")
    path = tmp_path / "copy" / name
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    a, b = find(tiny), find(tmp_path / "copy")
    assert (a.digest != b.digest) == (not changes_tokenizer)
    assert (a.tokenizer_digest != b.tokenizer_digest) == changes_tokenizer


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        ("config.json", r"config\.json is missing; it is no Transformers folder"),
        ("*.safetensors", r"no \*\.safetensors weights in the folder; featx loads no pickles"),
        ("tokenizer*", r"no tokenizer files in the folder"),
    ],
)
def test_incomplete_folders(tiny: Path, tmp_path: Path, missing: str, words: str) -> None:
    shutil.copytree(tiny, tmp_path / "copy")
    for path in (tmp_path / "copy").glob(missing):
        path.unlink()
    with pytest.raises(CheckpointError, match=words):
        find(tmp_path / "copy")


@pytest.mark.parametrize("name", ["./nowhere", "a/b/c", "../up", "", "file.txt/"])
def test_names_of_nothing(name: str) -> None:
    with pytest.raises(CheckpointError, match=r"is no folder and no Hub name; give a folder"):
        find_checkpoint(name, Path("unused"))


def test_folder_has_no_revision(tiny: Path) -> None:
    with pytest.raises(CheckpointError, match=r"is a folder, which has no revision 'main'"):
        find_checkpoint(str(tiny), Path("unused"), "main")


def test_unreachable_hub_says_what_to_do() -> None:
    words = r"'no-one/nothing'.*Hub cannot be reached.*HF_HUB_OFFLINE is set, so only the cache.*give a folder, .* demo"
    with pytest.raises(CheckpointError, match=words):
        find_checkpoint("no-one/nothing", Path("unused"))


def test_a_checkpoint_that_is_cached_in_part_says_so(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    from featx.features.encoder import load_encoder
    from featx.settings import ComputeSettings, FeatureSettings

    repository = tmp_path / "models--someone--part"
    snapshot = repository / "snapshots" / ("d" * 40)
    shutil.copytree(tiny, snapshot)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("d" * 40)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    encoder = load_encoder(find_checkpoint("someone/part", Path("unused")), FeatureSettings(), ComputeSettings())
    (snapshot / "model.safetensors").unlink()
    with pytest.raises(
        CheckpointError, match=r"cannot be reached and not all of its files are cached \(.*HF_HUB_OFFLINE.*demo"
    ):
        encoder.load()


def test_broken_weights_are_one_line(tiny: Path, tmp_path: Path) -> None:
    from featx.features.encoder import load_encoder
    from featx.settings import ComputeSettings, FeatureSettings

    shutil.copytree(tiny, tmp_path / "copy")
    (tmp_path / "copy" / "model.safetensors").write_bytes(b"\x00" * 100)
    with pytest.raises(CheckpointError, match=r"cannot be loaded: "):
        load_encoder(find(tmp_path / "copy"), FeatureSettings(), ComputeSettings()).load()


def test_hub_name_is_known_by_its_commit(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder laid out as the Hub's cache stands in for the Hub."""
    from huggingface_hub import constants

    commit = "c" * 40
    repository = tmp_path / "models--someone--tiny"
    shutil.copytree(tiny, repository / "snapshots" / commit)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.file_download.constants.HF_HUB_CACHE", str(tmp_path))
    found = find_checkpoint("someone/tiny", Path("unused"))
    assert (found.path, found.revision, found.digest, found.tokenizer_digest) == (
        "someone/tiny",
        commit,
        commit,
        commit,
    )

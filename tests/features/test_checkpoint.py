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
    from featx.settings import ComputeSettings, FeatureSettings, Pooling

    repository = tmp_path / "models--someone--part"
    snapshot = repository / "snapshots" / ("d" * 40)
    shutil.copytree(tiny, snapshot)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("d" * 40)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    named = FeatureSettings(pooling=(Pooling.CLS,))  # auto would say that modules.json is not cached
    encoder = load_encoder(find_checkpoint("someone/part", Path("unused")), named, ComputeSettings())
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


#: Names of the files of a folder, and the digests that version 0.1 gave them: caches of that version are still read.
BEFORE = [
    (
        "config.json model.safetensors tokenizer.json tokenizer_config.json special_tokens_map.json vocab.txt README.md "
        "modules.json pytorch_model.bin",
        "c0f00d51527682eb22c8332b75e83c0b6417ca6161a688debfb91dbb33fb9234",
        "4e2f4283d5c47c578323d535c38828bde3bbd4b28ac2ee8d2ece6ab245a06018",
    ),
    (
        "config.json model-00001-of-00002.safetensors model-00002-of-00002.safetensors sentencepiece.bpe.model "
        "tokenizer.json added_tokens.json vocab.json merges.txt bpe.codes",
        "74da838bea6906c0bacec74ad174027a1e91e8773e5535e48780732e14e4e30f",
        "654ea1a62e08e7a8244183acf4c155530c866445f76cb6179c9f1c0e71ce5518",
    ),
]


def write(folder: Path, names: str) -> Path:
    for name in names.split():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(f"content of {name}\n".encode() * 3)
    return folder


@pytest.mark.parametrize(("names", "digest", "tokenizer_digest"), BEFORE)
def test_digests_are_those_of_version_0_1(tmp_path: Path, names: str, digest: str, tokenizer_digest: str) -> None:
    found = find_checkpoint(str(write(tmp_path / "folder", names)), Path("unused"))
    assert (found.digest, found.tokenizer_digest) == (digest, tokenizer_digest)


def test_weights_in_folders_below_belong_to_the_digest_or_are_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "folder", "config.json tokenizer.json parts/a.safetensors parts/b.safetensors")
    index = folder / "model.safetensors.index.json"
    index.write_text('{"weight_map": {"x": "parts/a.safetensors", "y": "parts/b.safetensors"}}')
    before = find_checkpoint(str(folder), Path("unused")).digest
    (folder / "parts" / "b.safetensors").write_bytes(b"other")
    assert find_checkpoint(str(folder), Path("unused")).digest != before
    for outside in ("../elsewhere.safetensors", "parts/../../elsewhere.safetensors", "/elsewhere.safetensors"):
        index.write_text(f'{{"weight_map": {{"x": "{outside}"}}}}')
        with pytest.raises(CheckpointError, match=r"its index names weights outside of the folder"):
            find_checkpoint(str(folder), Path("unused"))
    index.write_text("[]")
    with pytest.raises(CheckpointError, match=r"model\.safetensors\.index\.json is no index of weights"):
        find_checkpoint(str(folder), Path("unused"))


def test_shards_of_a_distributed_training_are_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "folder", "config.json tokenizer.json shard-00001-model-00001-of-00001.safetensors")
    with pytest.raises(CheckpointError, match=r"holds the shards of a distributed training"):
        find_checkpoint(str(folder), Path("unused"))


def test_every_file_that_a_tokenizer_of_transformers_reads_is_hashed(tmp_path: Path) -> None:
    """The names stand in its source, as VOCAB_FILES_NAMES of each tokenizer."""
    import re
    from importlib.util import find_spec

    package = find_spec("transformers")
    assert package is not None
    assert package.submodule_search_locations
    names = {"tokenizer.4.0.0.json", "tekken.json", "tokenizer_config.json", "special_tokens_map.json"}
    for path in Path(package.submodule_search_locations[0]).glob("models/*/tokenization_*.py"):
        for table in re.findall(r"VOCAB_FILES_NAMES = \{(.*?)\}", path.read_text(), re.DOTALL):
            names |= {name for name in re.findall(r': "([^"]+)"', table) if "/" not in name}
    assert len(names) > 20
    folder = write(tmp_path / "folder", "config.json model.safetensors tokenizer.json")
    for name in sorted(names):
        before = find_checkpoint(str(folder), Path("unused")).tokenizer_digest
        (folder / name).write_text(f"another {name}")
        assert find_checkpoint(str(folder), Path("unused")).tokenizer_digest != before, name


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ("modules.json 0_Transformer/config.json 0_Transformer/model.safetensors", r"old layout: give .*0_Transformer"),
        ("adapter_config.json adapter_model.safetensors", r"it holds an adapter alone: put it beside the weights"),
        ("last/config.json last/model.safetensors", r"there is one in .*last: give that folder"),
    ],
)
def test_where_the_checkpoint_is_instead_is_said(tmp_path: Path, names: str, words: str) -> None:
    with pytest.raises(CheckpointError, match=rf"config\.json is missing; .*{words}"):
        find_checkpoint(str(write(tmp_path / "folder", names)), Path("unused"))

"""What is done to a cache behind its back: no wrong row comes back, `verify` counts it, and it is encoded again.

The figures are repeated in docs/store.md.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
import store_faults as faults
from store_faults import SPEC, WIDTH, held, open_store, put

from featx.data import text_digests
from featx.errors import StoreError
from featx.features.store import FeatureStore
from featx.features.store.maintenance import BUILT_CHECKPOINT, clear, compact, list_stores, verify
from featx.features.store.manifest import Manifest
from featx.settings import ComputeSettings, Device, FeatureSettings, Pooling

FIXTURES = Path(__file__).parent / "fixtures" / "v01"
SOAK = os.environ.get("FEATX_SOAK") == "1"
SUFFIXES = (".npy", ".checks", ".digests", ".json")
TEXTS = {name: [f"{name} {i}" for i in range(5)] for name in ("a", "b", "c", "d")}


def folder(cache: Path, layer: int = 6) -> Path:
    return cache / "features" / replace(SPEC, layer=layer).name


def fill(cache: Path, layer: int, texts: list[str]) -> None:
    """The vector of a text in a layer is its right one in layer 6 plus the difference of layers."""
    store = FeatureStore(cache, replace(SPEC, layer=layer), WIDTH)
    vectors = np.stack([faults.vector(text) for text in texts]) + np.float32(6 - layer)
    store.put(text_digests(texts), vectors.astype(np.float32), {})


def manifests(where: Path) -> list[Path]:
    return sorted(p for p in where.rglob("*.json") if p.name != "spec.json")


def swap(a: Path, b: Path) -> None:
    aside = a.with_name("aside")
    a.rename(aside)
    b.rename(a)
    aside.rename(b)


def caught(cache: Path, texts: list[str]) -> bool:
    """Whether a reader returned nothing wrong (`held` compares), and `verify` counts at least one shard."""
    try:
        there = held(open_store(cache), texts)
    except StoreError:
        there = None
    found = bool(verify(cache))
    assert there is None or there != texts or not found, "all came back right, and still something is bad?"
    return found


def mended(cache: Path, texts: list[str]) -> None:
    """After `verify --remove` the texts that lack are written anew, and all is right."""
    verify(cache, remove=True)
    store = open_store(cache)
    put(store, [text for text in texts if text not in held(store, texts)] or texts[:1])
    assert held(open_store(cache), texts) == texts
    assert verify(cache) == []


@pytest.mark.parametrize("files", [(".npy",), (".checks",), (".digests",), (".npy", ".checks"), (".npy", ".digests"),
                                   (".checks", ".digests"), (".json",), (".json", ".checks"), SUFFIXES[:3], SUFFIXES])  # fmt: skip
@pytest.mark.parametrize("version", [1, 2])
def test_files_swapped_between_shards_of_one_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: tuple[str, ...], version: int
) -> None:
    if version == 1:
        legacy(monkeypatch)
    for texts in TEXTS.values():
        put(open_store(tmp_path), texts)
    everything = [text for texts in TEXTS.values() for text in texts]
    n_caught, pairs = 0, list(permutations(manifests(tmp_path), 2))
    for one, two in pairs:
        for suffix in files:
            swap(one.with_suffix(suffix), two.with_suffix(suffix))
        n_caught += caught(tmp_path, everything)
        for suffix in files:
            swap(one.with_suffix(suffix), two.with_suffix(suffix))
    assert (n_caught, len(pairs)) == (12, 12)
    monkeypatch.undo()
    assert held(open_store(tmp_path), everything) == everything


def legacy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let shards be written as version 0.1 wrote them: without the spec, and checksums of the rows alone."""
    from featx.features.store import shard

    checks = shard.row_checks
    monkeypatch.setattr(shard, "row_checks", lambda features, digests=None, spec=None: checks(features))
    monkeypatch.setattr(shard, "Manifest", lambda spec, *rest: Manifest(None, *rest))


@pytest.mark.parametrize("version", [1, 2])
def test_zeros_in_rows_and_checksums(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: int) -> None:
    if version == 1:
        legacy(monkeypatch)
    put(open_store(tmp_path), TEXTS["a"])
    monkeypatch.undo()
    reader = open_store(tmp_path)
    (manifest,) = manifests(tmp_path)
    npy, checks = manifest.with_suffix(".npy"), manifest.with_suffix(".checks")
    header = npy.read_bytes()[: -5 * WIDTH * 4]
    npy.write_bytes(header + bytes(5 * WIDTH * 4))
    checks.write_bytes(bytes(5 * 8))
    assert caught(tmp_path, TEXTS["a"])
    if version == 2:  # found even by a reader that opened the shard before
        with pytest.raises(StoreError, match="holds 5 rows that are not what was written"):
            reader.gather(reader.find(text_digests(TEXTS["a"])))
    mended(tmp_path, TEXTS["a"])


def test_rows_moved_with_their_checksums_inside_a_shard_under_a_reader(tmp_path: Path) -> None:
    put(open_store(tmp_path), TEXTS["a"])
    reader = open_store(tmp_path)
    (manifest,) = manifests(tmp_path)
    for suffix, width in ((".npy", WIDTH * 4), (".checks", 8)):
        path = manifest.with_suffix(suffix)
        data = path.read_bytes()
        head, rows = data[: len(data) - 5 * width], data[len(data) - 5 * width :]
        path.write_bytes(head + rows[width:] + rows[:width])
    with pytest.raises(StoreError, match="holds 5 rows that are not what was written"):
        reader.gather(reader.find(text_digests(TEXTS["a"])))
    assert caught(tmp_path, TEXTS["a"])


def test_the_rows_of_another_layer_under_a_reader(tmp_path: Path) -> None:
    """The same texts, so that size and digests agree: the spec in each row's checksum tells."""
    put(open_store(tmp_path), TEXTS["a"])
    fill(tmp_path, 5, TEXTS["a"])
    reader = open_store(tmp_path)
    (mine,), (other,) = manifests(folder(tmp_path)), manifests(folder(tmp_path, 5))
    for suffix in (".npy", ".checks"):
        swap(mine.with_suffix(suffix), other.with_suffix(suffix))
    with pytest.raises(StoreError, match="holds 5 rows that are not what was written"):
        reader.gather(reader.find(text_digests(TEXTS["a"])))
    assert held(open_store(tmp_path), TEXTS["a"]) == []
    assert len(verify(tmp_path)) == 2


def copy_in(source: Path, target: Path) -> None:
    for path in source.iterdir():
        if path.name not in ("spec.json", "used"):
            shutil.copy(path, target / path.name)


@pytest.mark.parametrize("mine", [True, False])
def test_shards_copied_from_the_folder_of_another_spec(tmp_path: Path, mine: bool) -> None:
    for name in "abc":
        fill(tmp_path, 5, TEXTS[name])
    if mine:
        put(open_store(tmp_path), TEXTS["d"])
    else:
        open_store(tmp_path)
    copy_in(folder(tmp_path, 5), folder(tmp_path))
    everything = [text for name in "abcd" for text in TEXTS[name]]
    assert held(open_store(tmp_path), everything) == (TEXTS["d"] if mine else [])
    bad = verify(tmp_path)
    assert len(bad) == 3
    assert all("features of another kind" in shard.reason for shard in bad)
    (store,) = [s for s in list_stores(tmp_path) if s.folder == folder(tmp_path)]
    assert (store.shards, store.texts) == ((1, 5) if mine else (0, 0))
    compact(tmp_path)
    assert held(open_store(tmp_path), everything) == (TEXTS["d"] if mine else [])
    mended(tmp_path, everything)


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("how", ["renamed", "copied", "swapped", "linked"])
def test_folders_renamed_copied_swapped_or_linked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str, version: int
) -> None:
    if version == 1:
        legacy(monkeypatch)
    for name in "abc":
        fill(tmp_path, 5, TEXTS[name])
    one, two = folder(tmp_path, 5), folder(tmp_path)
    if how == "renamed":
        one.rename(two)
    elif how == "copied":
        shutil.copytree(one, two)
    elif how == "linked":
        two.symlink_to(one)
    else:
        put(open_store(tmp_path), TEXTS["d"])
        swap(one, two)
    monkeypatch.undo()
    everything = [text for name in "abcd" for text in TEXTS[name]]
    n_bad = {"renamed": 3, "copied": 3, "swapped": 4, "linked": 0}[how]
    for _ in range(2):  # opening does not make the folder believable
        assert held(open_store(tmp_path), everything) == []
        assert len(verify(tmp_path)) == n_bad
    if how == "linked":  # what is written there lies in the other folder, and is found nowhere else
        put(open_store(tmp_path), everything)
        assert held(open_store(tmp_path), everything) == everything
        assert held(FeatureStore(tmp_path, replace(SPEC, layer=5), WIDTH), TEXTS["d"]) == []
    else:
        mended(tmp_path, everything)


@pytest.mark.parametrize("version", [1, 2])
def test_a_description_that_was_lost_or_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: int) -> None:
    """Shards say of what they are; those of version 0.1 do not, and are not believed without it."""
    if version == 1:
        legacy(monkeypatch)
    put(open_store(tmp_path), TEXTS["a"])
    monkeypatch.undo()
    description = folder(tmp_path) / "spec.json"
    whole = description.read_bytes()
    for change in (description.unlink, lambda: description.write_bytes(whole.replace(b"model", b"muddle"))):
        change()
        for _ in range(2):
            assert held(open_store(tmp_path), TEXTS["a"]) == (TEXTS["a"] if version == 2 else [])
        assert len(verify(tmp_path)) == (0 if version == 2 else 1)
        assert (description.exists() and description.read_bytes() == whole) == (version == 2)
        description.write_bytes(whole)
    assert held(open_store(tmp_path), TEXTS["a"]) == TEXTS["a"]


def damage(path: Path, rng: np.random.Generator) -> str:
    """One of many things that happen to a file."""
    data = bytearray(path.read_bytes())
    kinds: dict[str, Callable[[], object]] = {
        "flip": lambda: path.write_bytes(flipped(data, rng)),
        "cut": lambda: path.write_bytes(data[: int(rng.integers(len(data)))]),
        "longer": lambda: path.write_bytes(data + bytes(8)),
        "zeros": lambda: path.write_bytes(bytes(len(data))),
        "lost": path.unlink,
        "link": lambda: (path.rename(path.with_suffix(".away")), path.symlink_to(path.with_suffix(".away"))),
        "folder": lambda: (path.unlink(), path.mkdir()),
        "foreign": lambda: path.write_bytes(rng.bytes(len(data))),
        "renamed": lambda: path.rename(path.with_name("f" * 32 + path.suffix)),
        "no permission": lambda: path.chmod(0),
    }
    kind = str(rng.choice(list(kinds)))
    kinds[kind]()
    return kind


def flipped(data: bytearray, rng: np.random.Generator) -> bytearray:
    data[rng.integers(len(data))] ^= 1 << int(rng.integers(8))
    return data


@pytest.mark.parametrize("seed", range(20 if SOAK else 1))
def test_damage_of_every_kind_returns_no_wrong_row_and_is_mended(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    kinds = set()
    for round_ in range(40 if SOAK else 14):
        cache = tmp_path / str(round_)
        for texts in TEXTS.values():
            put(open_store(cache), texts)
        files = [path for path in folder(cache).iterdir() if path.suffix in SUFFIXES and path.name != "spec.json"]
        kinds.add(damage(files[rng.integers(len(files))], rng))
        everything = [text for texts in TEXTS.values() for text in texts]
        try:
            there = held(open_store(cache), everything)
        except StoreError:
            there = []
        bad = verify(cache)
        assert len(bad) <= 2
        assert bad or len(there) in (15, 20)  # a shard without a manifest is none
        for path in folder(cache).glob("*.*"):  # what is a folder now is not ours to remove
            if path.is_dir():
                path.rmdir()
        mended(cache, everything)
        shutil.rmtree(cache)
    assert len(kinds) >= 5


def test_pipes_and_huge_files_are_passed_over_before_they_are_read(tmp_path: Path) -> None:
    put(open_store(tmp_path), TEXTS["a"])
    for name in ("spec.json", "0" * 32 + ".json", "1" * 32 + ".npy"):
        path = folder(tmp_path) / name
        path.unlink(missing_ok=True)
        os.mkfifo(path)
    with (folder(tmp_path) / ("2" * 32 + ".json")).open("wb") as file:
        file.truncate(2**40)  # a terabyte of nothing
    assert held(open_store(tmp_path), TEXTS["a"]) == TEXTS["a"]
    assert verify(tmp_path) == []
    assert compact(tmp_path) == (1, 1)
    assert list_stores(tmp_path)[0].texts == 5


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read all")
def test_a_folder_that_may_not_be_read(tmp_path: Path) -> None:
    put(open_store(tmp_path), TEXTS["a"])
    folder(tmp_path).chmod(0)
    try:
        with pytest.raises(StoreError, match="Permission denied"):
            open_store(tmp_path)
        with pytest.raises(StoreError, match="Permission denied"):
            verify(tmp_path)
    finally:
        folder(tmp_path).chmod(0o755)


def test_clear_leaves_no_checkpoint_that_featx_built(tiny: Path, tmp_path: Path) -> None:
    from featx.features.checkpoint import find_checkpoint
    from featx.features.demo_checkpoint import demo_checkpoint_folder
    from featx.features.random_checkpoint import random_checkpoint_folder

    built = [
        demo_checkpoint_folder(tmp_path),
        random_checkpoint_folder(find_checkpoint(str(tiny), tmp_path), tmp_path, seed=3),
    ]
    assert all(BUILT_CHECKPOINT.fullmatch(path.name) for path in built)
    users = ("mine", "demo-mine", "random-forest", "demo")
    for name in (*users, ".demo-x1y2", ".random-x1y2", ".tmp-12-ab"):
        (tmp_path / "checkpoints" / name).mkdir()
    (tmp_path / "checkpoints" / "demo-7").symlink_to(tiny)
    clear(tmp_path)
    assert sorted(path.name for path in (tmp_path / "checkpoints").iterdir()) == sorted([*users, "demo-7"])
    assert (tiny / "config.json").exists()


def test_a_cache_of_version_0_1_is_read_bit_for_bit(tmp_path: Path) -> None:
    """Written by the released code at commit d84910c, with the checkpoint that lies beside it."""
    from featx.features.checkpoint import find_checkpoint
    from featx.features.encoder import load_encoder
    from featx.features.extraction import Extractor

    cache = shutil.copytree(FIXTURES / "cache", tmp_path / "cache")
    expected = json.loads((FIXTURES / "expected.json").read_text())
    checkpoint = find_checkpoint(str(FIXTURES / "checkpoint"), cache)
    settings = FeatureSettings(layer=(1, 2), pooling=(Pooling.CLS, Pooling.MEAN))
    encoder = load_encoder(checkpoint, settings, ComputeSettings(Device.CPU))
    extractor = Extractor(encoder, checkpoint, settings, cache)
    assert [spec.name for spec in extractor.specs] == expected["names"]

    def check(counts_encoded: int) -> None:
        encoded = Extractor(encoder, checkpoint, settings, cache).encode(expected["texts"])
        assert encoded.counts.encoded == counts_encoded
        for kind, spec in enumerate(extractor.specs):
            vectors = encoded.gather(kind).tobytes().hex()
            assert vectors == expected["vectors"][f"{spec.layer}-{spec.pooling.value}"]

    check(0)
    assert verify(cache) == []
    assert [(s.shards, s.texts) for s in list_stores(cache)] == [(2, 5)] * 4
    extractor.encode(["i loved it", *expected["texts"]])  # shards of both versions in one folder
    check(0)
    assert compact(cache) == (12, 4)
    check(0)
    assert verify(cache) == []


@pytest.mark.parametrize("poolings", [(Pooling.AUTO,), (Pooling.CLS,), (Pooling.MEAN,), (Pooling.AUTO, Pooling.MEAN)])
def test_nothing_is_encoded_anew_of_what_version_0_1_stored(tmp_path: Path, poolings: tuple[Pooling, ...]) -> None:
    """auto of a checkpoint that says nothing is cls, by the name and the bytes that it had."""
    from featx.features.checkpoint import find_checkpoint
    from featx.features.encoder import load_encoder
    from featx.features.extraction import Extractor

    cache = shutil.copytree(FIXTURES / "cache", tmp_path / "cache")
    expected = json.loads((FIXTURES / "expected.json").read_text())
    checkpoint = find_checkpoint(str(FIXTURES / "checkpoint"), cache)
    settings = FeatureSettings(pooling=poolings)
    encoder = load_encoder(checkpoint, settings, ComputeSettings(Device.CPU))
    extractor = Extractor(encoder, checkpoint, settings, cache)
    encoded = extractor.encode(expected["texts"])
    assert encoded.counts.encoded == 0
    names = ["mean" if pooling is Pooling.MEAN else "cls" for pooling in poolings]
    assert [encoded.gather(kind).tobytes().hex() for kind in range(len(names))] == [
        expected["vectors"][f"2-{name}"] for name in names
    ]


def test_the_format_of_version_2_stays_as_it_is(tmp_path: Path) -> None:
    """Names and checksums of a fixed shard, in two specs: whoever changes them raises the version."""
    for layer in (6, 5):
        store = FeatureStore(tmp_path, replace(SPEC, layer=layer), WIDTH)
        store.put(text_digests(["a", "b"]), np.arange(2 * WIDTH, dtype=np.float32).reshape(2, WIDTH), {})
    made = {}
    for layer in (6, 5):
        (manifest,) = manifests(folder(tmp_path, layer))
        content = json.loads(manifest.read_text())
        assert (content["format_version"], content["spec"]) == (2, folder(tmp_path, layer).name)
        made[layer] = [manifest.stem, manifest.with_suffix(".checks").read_bytes().hex()]
    assert made == {
        6: ["b504d7ee9ee0e5b289010c286034cd02", "610035dfb06e8d65a8e1c90e56a51148"],
        5: ["45d02ac80282a06a421d85caf17fff17", "fdd5b2e868a7b21d34344e398e6c2e30"],
    }

"""Names of experiments: kept as they are in every script, and no two addresses share one by what does not fit."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from featx.errors import SettingsError
from featx.experiment.workspace import Workspace, name_of_address
from featx.runs.names import is_name, name_from


@pytest.mark.parametrize("name", ["日本", "отзывы", "รีวิว", "समीक्षा", "équipe", "reviews_2+b.v1-x", "이름"])
def test_names_of_other_scripts_are_kept(tmp_path: Path, name: str) -> None:
    assert name_of_address(f"data/{name}.csv") == name
    decomposed = unicodedata.normalize("NFD", name)  # as some systems write it
    assert name_of_address(f"data/{decomposed}.csv") == unicodedata.normalize("NFC", name)
    (tmp_path / Workspace(experiment=name).experiment_name("demo")).mkdir()


@pytest.mark.parametrize(
    "addresses",
    [
        ("日本.csv", "中国.csv"),
        ("a b.csv", "a-b.csv"),
        ("c#.csv", "c!.csv"),
        ("!!!.csv", "???.csv"),
        ("x" * 150 + "1.csv", "x" * 150 + "2.csv"),
        ("日" * 90 + "1.csv", "日" * 90 + "2.csv"),
        ("owner/name:a", "owner/name:b"),
        ("a\u202eb.csv", "ab.csv"),
    ],
)
def test_two_addresses_do_not_share_a_name(addresses: tuple[str, str]) -> None:
    first, second = map(name_of_address, addresses)
    assert first != second
    assert is_name(first)
    assert is_name(second)


@given(st.text(max_size=250), st.text(max_size=250))
def test_every_text_has_a_name_of_its_own(first: str, second: str) -> None:
    assert is_name(name_from(first))
    same = unicodedata.normalize("NFC", first) == unicodedata.normalize("NFC", second)
    assert same or name_from(first) != name_from(second)


@pytest.mark.parametrize("name", ["../x", "a/b", "..", "", ".hidden", "a\x00", "a b", "\u0301a", "a\u202e", "x" * 101])
def test_what_no_folder_may_be_called_is_refused(name: str) -> None:
    if not name:
        return
    with pytest.raises(SettingsError, match=r"`experiment` is .* expected 1 to 100 letters, digits"):
        Workspace(experiment=name).experiment_name("demo")

"""Figures look the same whatever the user's matplotlib is set to, and what they say can be read and told apart."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_runs import make_run

from featx.reporting.confusion_display import ConfusionDisplay
from featx.reporting.escaping import short_names
from featx.reporting.fonts import families_for
from featx.reporting.learning_display import LearningDisplay
from featx.reporting.map_display import MapDisplay
from featx.reporting.style import drawn

DRAW = """
import hashlib, os, numpy as np
from featx.reporting.confusion_display import ConfusionDisplay
from featx.reporting.style import drawn
figure = ConfusionDisplay(np.array([[8, 2], [1, 9]]), ("a_b$", "日本"), "title").figure()
print([hashlib.sha256(drawn(figure, kind)).hexdigest() for kind in ("svg", "png")])
import matplotlib
print(os.environ.get("MPLBACKEND"), matplotlib.rcParams["axes.grid"])
"""
RC = "text.usetex: True\nfont.size: 20\naxes.grid: True\nsavefig.facecolor: red\nsvg.fonttype: path\nfont.family: serif\n"


def drawn_with(**environment: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", DRAW], env=os.environ | environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_same_bytes_whatever_the_users_matplotlib_is_set_to(tmp_path: Path) -> None:
    (tmp_path / "matplotlibrc").write_text(RC)
    usual = drawn_with()
    ours = drawn_with(MPLBACKEND="module://no_such_package.backend", MATPLOTLIBRC=str(tmp_path / "matplotlibrc"))
    assert ours[0] == usual[0]
    assert ours[1] == "module://no_such_package.backend True"  # and the user's settings are as they were


@pytest.mark.shared
def test_the_shared_cases_of_matplotlib_give_a_report(tmp_path: Path) -> None:
    case = Path(__file__).parents[3] / "shared" / "cases" / "train" / "mplbackend"
    if not case.is_dir():
        pytest.skip("the shared cases are not here")
    make_run(tmp_path / "e", "majority", 0.34)
    environment = {"MATPLOTLIBRC": str(case / "usetex.matplotlibrc"), "MPLBACKEND": "nonsense"}
    done = subprocess.run(
        [sys.executable, "-m", "featx", "report", str(tmp_path / "e")],
        env=os.environ | environment, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "e" / "report" / "figures" / "scores.png").is_file()


@given(st.lists(st.text("abc_ ", min_size=1, max_size=12), unique_by=lambda name: " ".join(name.split()), max_size=6))
def test_names_that_differ_are_shown_as_different(names: list[str]) -> None:
    made = short_names(names, 9)
    assert len(set(made)) == len(names)
    assert all(len(name) <= 9 for name in made)


def test_a_figure_tells_long_names_apart() -> None:
    names = tuple(f"a very long name of a class, number {k}" for k in range(3))
    ax = ConfusionDisplay(np.eye(3, dtype=np.int64), names).figure().axes[0]
    shown = [label.get_text() for label in ax.get_yticklabels()]
    assert shown == [f"a very l…umber {k}" for k in range(3)]


def test_names_that_begin_with_an_underscore_are_in_legends() -> None:
    points = MapDisplay(np.zeros((4, 2)), np.array([0, 1, 0, 1]), ("_hidden", "shown"))
    log = [{"loss": 1.0, "epoch": 1.0}, {"loss": 0.5, "epoch": 2.0}]
    curves = LearningDisplay({"_a": log}, "f1_macro")
    for display, wanted in ((points, ["_hidden", "shown"]), (curves, ["_a, train", "_a, validation"])):
        (ax,) = display.figure().axes
        texts = [text.get_text().lstrip("\u200b") for text in ax.get_legend().get_texts()]
        assert texts == wanted


def write_font(path: Path, signs: str, name: str) -> None:
    """A font with a square for each of `signs`."""
    from fontTools.fontBuilder import FontBuilder
    from fontTools.pens.ttGlyphPen import TTGlyphPen

    pen = TTGlyphPen(None)
    pen.moveTo((0, 0))
    for corner in ((0, 500), (500, 500), (500, 0)):
        pen.lineTo(corner)
    pen.closePath()
    builder = FontBuilder(1000, isTTF=True)
    order = [".notdef", *(f"g{k}" for k in range(len(signs)))]
    builder.setupGlyphOrder(order)
    builder.setupCharacterMap({ord(sign): f"g{k}" for k, sign in enumerate(signs)})
    builder.setupGlyf(dict.fromkeys(order, pen.glyph()))
    builder.setupHorizontalMetrics(dict.fromkeys(order, (600, 0)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": name, "styleName": "Regular"})
    builder.setupOS2(sTypoAscender=800)
    builder.setupPost()
    builder.save(path)


def test_signs_are_drawn_with_an_installed_font_that_has_them(tmp_path: Path) -> None:
    from matplotlib.font_manager import fontManager
    from matplotlib.text import Text

    write_font(tmp_path / "made.ttf", "\ue001\ue002", "Made For Signs")
    write_font(tmp_path / "other.ttf", "\ue003", "Made For Others")
    before = list(fontManager.ttflist)
    try:
        for path in tmp_path.glob("*.ttf"):
            fontManager.addfont(path)
        assert families_for(["plain"]) == ["DejaVu Sans"]
        assert families_for(["a\ue002"]) == ["DejaVu Sans", "Made For Signs"]
        figure = ConfusionDisplay(np.eye(2, dtype=np.int64), ("\ue001", "b")).figure()
        drawn(figure, "png")
        assert all(text.get_fontfamily()[-1] == "Made For Signs" for text in figure.findobj(Text))
    finally:
        fontManager.ttflist[:] = before

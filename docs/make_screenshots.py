"""Make docs/images/ and the demo's table in README.md again: ``python docs/make_screenshots.py [RESULTS]``.

Without RESULTS the demo is run first, in a temporary folder (minutes). Needs the packages of the group ``test`` and
Chromium. Run it on a quiet machine: the times in the table are those of the runs.
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

from click.testing import CliRunner

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
README = ROOT / "README.md"
_TABLE = re.compile(r"(<!-- demo: made by docs/make_screenshots\.py -->\n```\n).*?(\n```\n<!-- /demo -->)", re.DOTALL)
#: Name, width, theme, and height (None: the whole page).
_SHOTS = (
    ("report", 1280, "light", 1500),
    ("report-dark", 1280, "dark", 1500),
    ("report-1280", 1280, "light", None),
    ("report-390", 390, "light", None),
)


def main(results: Path | None) -> None:
    """Make the report of the demo, photograph it, and put its table into the README."""
    with tempfile.TemporaryDirectory() as temporary:
        output = Path(temporary) / "report"
        text = _reported(results or _demo(Path(temporary)), output)
        _photograph(output / "report.html")
    _into_readme(text)


def _demo(folder: Path) -> Path:
    from featx.cli.display import make_display
    from featx.experiment.demo import demo
    from featx.experiment.workspace import Workspace

    demo(workspace=Workspace(results=folder / "results", cache_dir=folder / "cache"), display=make_display(quiet=False))
    return folder / "results" / "demo"


def _reported(results: Path, output: Path) -> str:
    """What ``featx report`` prints in 100 columns, less the names of files."""
    from featx.cli.group import cli

    made = CliRunner(env={"COLUMNS": "100"}).invoke(
        cli, ["report", str(results), "--output", str(output)], catch_exceptions=False
    )
    output_lines = made.output.replace(str(results.parent), "results").splitlines()
    lines = [line for line in output_lines if not line.startswith(("report: ", "figures: "))]
    return "\n".join(part for line in lines for part in _wrapped(line)).strip()


def _wrapped(line: str) -> list[str]:
    import textwrap

    return textwrap.wrap(line, 100) if len(line) > 100 else [line]


def _photograph(page_file: Path) -> None:
    from PIL import Image

    sys.path.insert(0, str(ROOT / "tests"))
    from browser import chromium_browser, opened

    IMAGES.mkdir(exist_ok=True)
    with chromium_browser() as browser:
        for name, width, scheme, height in _SHOTS:
            with opened(browser, page_file, width, scheme) as page:
                if height:
                    page.set_viewport_size({"width": width, "height": height})
                path = IMAGES / f"{name}.png"
                page.screenshot(path=path, full_page=height is None)
            with Image.open(path) as image:  # few colours, so a quarter of the size
                image.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)


def _into_readme(text: str) -> None:
    content = README.read_text("utf-8")
    made, n = _TABLE.subn(lambda match: match[1] + text + match[2], content)
    if n != 1:
        raise SystemExit(f"{README}: expected one block between <!-- demo … --> and <!-- /demo -->, found {n}")
    README.write_text(made, "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)

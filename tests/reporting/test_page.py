"""The page in a real browser: it opens from disk, sorts, picks, stays whole under hostile names, and is kept small."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import chromium_browser, opened
from made_runs import made_data, made_selection, make_run

from featx.reporting import compare, write_report
from featx.runs import SharedText

METHODS = {"finetune": 0.8, "logreg": 0.7, "tfidf-logreg": 0.66, "majority": 0.34}
N = 240
TEXTS = [f"text {row} says zyx{row}" for row in range(N)]
ATTACK = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'`&${alert(3)}"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium_browser() as started:
        yield started


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    folder = tmp_path_factory.mktemp("runs")
    made = [make_run(folder, method, rate, n=N) for method, rate in METHODS.items()]
    return [*made, make_run(folder, "finetune", 0.8, seed=1, n=N)]


@pytest.fixture(scope="module")
def page_file(runs: list[Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    shared = [SharedText(3, 7, 0), SharedText(9, 8, 2)]
    return write_report(compare(runs), folder, "Messages", runs, TEXTS, shared)[0]


def column(page: Any, title: str) -> list[str]:
    heads = page.locator("#table thead th").all_inner_texts()
    at = [head.strip().split("\n")[0] for head in heads].index(title)
    return [cell.strip() for cell in page.locator(f"#table tbody tr > :nth-child({at + 1})").all_inner_texts()]


def sort_by(page: Any, title: str) -> list[str]:
    page.locator("#table thead button", has_text=title).first.click()
    return column(page, title)


def test_opens_from_disk_without_a_word_on_the_console(browser: Any, page_file: Path) -> None:
    for width, scheme in ((1280, "light"), (390, "dark")):
        with opened(browser, page_file, width, scheme) as page:
            assert page.title() == "Messages"
            assert page.inner_text("#answer").startswith("The answer")
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert page.troubles == []


def test_sorting(browser: Any, page_file: Path) -> None:
    with opened(browser, page_file) as page:
        before = column(page, "test")
        assert before == sorted(before, key=float, reverse=True)
        assert sort_by(page, "test") == before
        head = page.locator("#table thead th[aria-sort]")
        assert (head.count(), head.get_attribute("aria-sort")) == (1, "descending")
        assert sort_by(page, "test") == before[::-1]
        assert page.locator("#table thead th[aria-sort]").get_attribute("aria-sort") == "ascending"
        names = sort_by(page, "method")
        assert names == sorted(names)
        gaps = sort_by(page, "vs finetune")
        assert gaps[-1] == ""
        assert [float(gap) for gap in gaps[:-1]] == sorted((float(gap) for gap in gaps[:-1]), reverse=True)
        assert sort_by(page, "vs finetune")[-1] == ""
        assert page.troubles == []


def test_sorting_by_keyboard(browser: Any, page_file: Path) -> None:
    with opened(browser, page_file) as page:
        page.locator("#table thead button").first.focus()
        page.keyboard.press("Enter")
        names = column(page, "method")
        assert names == sorted(names)
        assert page.evaluate("document.activeElement.tagName") == "BUTTON"


def test_picking_methods(browser: Any, page_file: Path, runs: list[Any]) -> None:
    comparison = compare(runs)
    names = [row.method for row in comparison.rows]
    with opened(browser, page_file) as page:
        page.select_option("#one", label="majority")
        page.select_option("#other", label="tfidf-logreg")
        shown = page.locator("#confusion table").first.locator("tbody td").all_inner_texts()
        row = comparison.row("majority")
        assert [int(value) for value in shown] == row.confusion.ravel().tolist()
        shares = page.locator("#confusion table").nth(1).locator("tbody td").all_inner_texts()
        assert float(shares[0].rstrip("%")) == pytest.approx(
            100 * row.confusion[0, 0] / row.confusion[0].sum(), abs=0.5
        )
        gaps = page.locator("#confusion table").nth(2).locator("tbody td").all_inner_texts()
        values = np.array([float(gap.replace("−", "-")) for gap in gaps]).reshape(3, 3)
        assert values.sum(axis=1) == pytest.approx(0, abs=0.2)
        truth, a, b = (
            run.predictions["test"].y_true if k is None else run.predictions["test"].y_pred
            for k, run in ((None, runs[0]), (1, runs[3]), (2, runs[2]))
        )
        only_b, only_a = int(((b == truth) & (a != truth)).sum()), int(((a == truth) & (b != truth)).sum())
        said = page.inner_text("#said")
        assert said == f"tfidf-logreg alone is right on {only_b} texts, majority alone on {only_a}"
        page.click("#swap")
        assert page.inner_text("#said") == f"majority alone is right on {only_a} texts, tfidf-logreg alone on {only_b}"
        for line in page.locator("#flips table").first.locator("tbody tr:not([hidden])").all_inner_texts():
            at = int(line.split()[0])
            assert f"zyx{at}" in line
            assert a[at] == truth[at] != b[at]
        for name in names:
            page.select_option("#one", label=name)
        page.select_option("#other", label=names[-1])
        assert page.locator("#flips table").count() == 0
        assert page.troubles == []


def test_more_flips_are_folded_and_open(browser: Any, page_file: Path) -> None:
    with opened(browser, page_file) as page:
        table = page.locator("#flips table").first
        assert table.locator("tbody tr:visible").count() == 8
        page.locator("#flips button.more").first.click()
        assert 8 < table.locator("tbody tr:visible").count() <= 20


def test_narrow_screens_fold_columns_and_open_them(browser: Any, page_file: Path) -> None:
    with opened(browser, page_file) as page:
        every = page.locator("#table thead th").count()
        assert page.locator("#table thead th:visible").count() == every
        page.set_viewport_size({"width": 390, "height": 900})
        shown = [head.strip() for head in page.locator("#table thead th:visible").all_inner_texts()]
        assert shown == ["method", "test", "95% interval", "vs finetune"]
        page.click("#every")
        assert page.locator("#table thead th:visible").count() == every


def test_themes(browser: Any, page_file: Path) -> None:
    def paper(page: Any) -> str:
        return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))

    with opened(browser, page_file, scheme="dark") as page:
        dark = paper(page)
        page.click("#theme")
        assert paper(page) == dark
        page.click("#theme")
        assert paper(page) != dark
        assert "light" in page.inner_text("#theme")
        page.emulate_media(media="print")
        assert paper(page) == "rgb(255, 255, 255)"


def test_parts_have_names_for_a_screen_reader(browser: Any, page_file: Path) -> None:
    with opened(browser, page_file) as page:
        unnamed = page.evaluate(
            """() => [...document.querySelectorAll('svg[role=img], [role=region], select, button, nav, section')]
               .filter(e => !(e.getAttribute('aria-label') || e.getAttribute('aria-labelledby') || e.labels?.length
                              || e.textContent.trim()))
               .map(e => e.outerHTML.slice(0, 80))"""
        )
        assert unnamed == []
        assert page.evaluate("[...document.querySelectorAll('th')].every(head => head.scope)")
        broken = page.evaluate(
            "[...document.querySelectorAll('[aria-labelledby]')]"
            ".filter(e => !document.getElementById(e.getAttribute('aria-labelledby'))).length"
        )
        assert broken == 0
        ids = page.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)")
        assert len(ids) == len(set(ids))
        assert page.evaluate("document.querySelector('html').lang") == "en"


def test_reads_without_script(browser: Any, page_file: Path) -> None:
    with opened(browser, page_file, script=False) as page:
        assert "needs JavaScript" in page.inner_text("noscript")
        assert len(column(page, "test")) == len(METHODS)


def test_prints(browser: Any, page_file: Path) -> None:
    with opened(browser, page_file) as page:
        assert page.pdf()[:5] == b"%PDF-"
        page.set_viewport_size({"width": 1000, "height": 700})
        page.emulate_media(media="print")
        assert page.evaluate("document.documentElement.scrollWidth") <= 1000, "the table is wider than the paper"
        assert page.locator("#pick").is_hidden()
        assert page.locator("#flips tbody tr:visible").count() > 16, "what is folded on a screen is printed"


@pytest.mark.parametrize(
    "attack", [ATTACK, ATTACK + "x" * 10_000, "=1+1\u202e\u2028\x07\x00"], ids=["script", "long", "signs"]
)
def test_hostile_names_and_texts_do_nothing(browser: Any, tmp_path: Path, attack: str) -> None:
    names = (attack, "日本語 عربى 👍", "b" + attack)
    data = made_data(address=attack, notes=(attack,))
    other = {"selection": made_selection(summary=attack), "data": data, "names": names, "n": 90}
    history = ({"loss": 1.0, "epoch": 1.0}, {"eval_loss": 1.0, "eval_f1_macro": 0.5, "epoch": 1.0})
    runs = [make_run(tmp_path, method, 0.6, history=history, **other) for method in ("finetune", "logreg")]
    texts = [f"{row} {attack}" for row in range(90)]
    file = write_report(compare(runs), tmp_path / "report", attack, runs, texts, [SharedText(0, 1, 2)])[0]
    assert file.stat().st_size < 5_000_000
    with opened(browser, file) as page:
        page.select_option("#one", index=0)
        page.select_option("#other", index=1)
        for button in page.locator("#table thead button").all():
            button.click()
        assert page.troubles == []
        assert page.evaluate("document.querySelectorAll('script').length") == 2
        assert page.evaluate("document.querySelectorAll('img').length") == 0
        assert "日本語 عربى 👍" in page.inner_text("#confusion")
        assert "日本語 عربى 👍" in page.locator("#data svg").first.text_content()
        assert page.evaluate("document.documentElement.scrollWidth") <= 1280


def test_the_policy_stops_what_is_not_ours(browser: Any, page_file: Path, tmp_path: Path) -> None:
    page_text = page_file.read_text("utf-8")
    changed = tmp_path / "changed.html"
    changed.write_text(page_text.replace("</main>", "</main><script>document.title = 'taken'</script>"), "utf-8")
    with opened(browser, changed) as page:
        assert page.title() == "Messages"
        assert any("Content Security Policy" in trouble for trouble in page.troubles)


def test_ten_methods_stay_small(tmp_path: Path) -> None:
    runs = [make_run(tmp_path, f"m{k}", 0.5 + k / 30, n=3_000) for k in range(10)]
    texts = [f"{row} " + "a tweet of the usual length, or a little more, with some words " * 8 for row in range(3_000)]
    file = write_report(compare(runs), tmp_path / "report", "ten", runs, texts)[0]
    assert file.stat().st_size < 5_000_000

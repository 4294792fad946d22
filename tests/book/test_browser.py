"""The rendered pages, opened from the disk in headless Chromium."""

import re

import pytest

from notebooks import toc_files

pytestmark = pytest.mark.browser

PAGES = toc_files()


@pytest.mark.parametrize("name", PAGES)
def test_page_opens_without_network_or_errors_and_fits_a_telephone(visit, name):
    seen = visit(name)
    formulas = seen.page.locator("main .math").count()
    if formulas:
        seen.math_is_set()
        assert seen.page.locator("main mjx-container").count() >= formulas
        assert seen.page.locator("mjx-merror").count() == 0
    seen.page.mouse.wheel(0, 20_000)
    seen.page.wait_for_timeout(200)
    assert not seen.outside
    assert not seen.problems
    # On a telephone the page is as wide as the screen; what is wider scrolls inside it.
    seen.page.set_viewport_size({"width": 390, "height": 800})
    wide = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert seen.page.evaluate(wide) <= 1
    broken = "() => [...document.images].filter((i) => i.complete && !i.naturalWidth).length"
    assert seen.page.evaluate(broken) == 0


def test_the_front_page_leads_into_the_book(visit):
    seen = visit("index")
    seen.page.wait_for_url(re.compile(r"intro\.html"))
    assert seen.page.locator("main article h1").inner_text().startswith("Sparse training")


@pytest.mark.parametrize("word", ["quickselect", "topk_mask", "SR-STE", "SWATLIB_DATA", "patches"])
def test_search_finds_a_word_without_a_server(visit, word):
    seen = visit("search", f"?q={word}")
    seen.page.locator("#search-results li").first.wait_for()
    assert not seen.outside
    assert not seen.problems


LUMINANCE = """(selector) => {
  const channel = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const light = (rgb) => {
    const [r, g, b] = rgb.match(/[\\d.]+/g).map(Number).slice(0, 3).map((v) => channel(v / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const text = getComputedStyle(document.querySelector(selector)).color;
  const ground = getComputedStyle(document.body).backgroundColor;
  return [light(text), light(ground)];
}"""


def contrast(text: float, ground: float) -> float:
    """WCAG contrast ratio of two relative luminances."""
    return (max(text, ground) + 0.05) / (min(text, ground) + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_is_readable_in_light_and_dark(visit, scheme):
    seen = visit("intro", color_scheme=scheme)
    text, ground = seen.page.evaluate(LUMINANCE, "main p")
    assert (ground > 0.5) == (scheme == "light")
    assert contrast(text, ground) >= 7


def test_the_button_switches_to_dark_mode_and_the_choice_stays(visit):
    seen = visit("intro", color_scheme="light")
    button = seen.page.locator("button.theme-switch-button:visible").first
    theme = "document.documentElement.dataset.theme"
    for _ in range(3):
        if seen.page.evaluate(theme) == "dark":
            break
        button.click()
    assert seen.page.evaluate(theme) == "dark"
    seen.page.reload()
    assert seen.page.evaluate(theme) == "dark"


@pytest.mark.parametrize("name", [page for page in PAGES if re.match(r"\d", page)])
def test_solutions_are_folded_and_open(visit, name):
    seen = visit(name)
    solutions = seen.page.locator("div.solution.dropdown")
    assert solutions.count() >= 3
    inside = solutions.first.locator("section").first
    seen.page.locator("button.toggle-button").first.wait_for()
    assert not inside.is_visible()
    solutions.first.locator(".admonition-title").first.click()
    inside.wait_for(state="visible")


@pytest.mark.parametrize("name", [page for page in PAGES if re.match(r"\d", page)])
def test_sliders_change_what_is_shown(visit, name):
    """Interactive pictures work without a kernel, from the keyboard, and have a label."""
    seen = visit(name)
    sliders = seen.page.locator("main input[type=range]")
    for number in range(sliders.count()):
        slider = sliders.nth(number)
        figure = slider.locator("xpath=(ancestor::figure | ancestor::*[@data-instrument])[last()]")
        before = figure.inner_html()
        assert slider.evaluate("(input) => input.labels.length || input.ariaLabel")
        slider.focus()
        slider.press("Home")
        at_least = figure.inner_html()
        slider.press("End")
        assert {before, at_least, figure.inner_html()} != {before}
    assert not seen.problems


@pytest.mark.parametrize("width", [1280, 390])
def test_the_scorecard_is_filtered_and_sorted_in_the_page(visit, width):
    seen = visit("6-the-field/01-scorecard", viewport={"width": width, "height": 800})
    rows = seen.page.locator("table.scorecard tbody tr")
    shown = seen.page.locator("table.scorecard tbody tr:not([hidden])")
    every = rows.count()
    assert every > 100
    assert shown.count() == every
    choose = seen.page.get_by_label("Verdict")
    choose.select_option("open")
    verdicts = shown.evaluate_all("(rows) => rows.map((row) => row.dataset.verdict)")
    assert 0 < len(verdicts) < every
    assert set(verdicts) == {"open"}
    assert (
        f"{len(verdicts)} of {every} claims" in seen.page.locator(".scorecard-filter").inner_text()
    )
    choose.select_option("")
    seen.page.get_by_label("Words").fill("meProp")
    assert 0 < shown.count() < every
    seen.page.get_by_label("Words").fill("")
    grade = seen.page.get_by_role("button", name="grade", exact=True)
    for order in ("ascending", "descending"):
        grade.focus()
        grade.press("Enter")
        assert seen.page.locator(f"th[aria-sort={order}]").count() == 1
    grades = shown.evaluate_all("(rows) => rows.map((row) => row.dataset.grade)")
    assert grades == sorted(grades, key=str.casefold, reverse=True)
    assert not seen.problems

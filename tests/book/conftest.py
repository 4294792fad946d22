"""The rendered book and a browser to look at it with.

`make test` renders the book before it comes here. Without a rendered book, or without Chromium,
the checks that need them are skipped, unless REQUIRE_BROWSER=1 says that they must not be.
"""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "_build" / "html"
sys.path[:0] = [str(ROOT / "book" / "_ext"), str(Path(__file__).parent)]


def skip_or_fail(reason: str) -> None:
    if os.environ.get("REQUIRE_BROWSER") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def site() -> Path:
    """The folder of the rendered book."""
    if not (SITE / "index.html").is_file():
        skip_or_fail("the book is not rendered: run `make book`")
    return SITE


@pytest.fixture(scope="session")
def chromium() -> str:
    """Where Chromium is."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        skip_or_fail("there is no Chromium on this machine")
    return path


@pytest.fixture(scope="module")
def browser(chromium) -> Iterator:
    """Headless Chromium; it stays off the network by itself."""
    from playwright.sync_api import sync_playwright

    quiet = ["--disable-background-networking", "--disable-component-update", "--disable-gpu"]
    with sync_playwright() as play:
        # Chromium refuses its own sandbox to root, which is who runs a container.
        started = play.chromium.launch(executable_path=chromium, args=["--no-sandbox", *quiet])
        yield started
        started.close()


class Visit:
    """One open page, and everything that went wrong while it was open."""

    def __init__(self, browser, url: str, **options):
        self.page = browser.new_page(**options)
        self.page.set_default_timeout(120_000)  # a busy machine is slow, not wrong
        self.outside: list[str] = []
        self.problems: list[str] = []
        self.page.on("request", self.note_request)
        self.page.on("requestfailed", lambda r: self.problems.append(f"failed: {r.url}"))
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on(
            "console", lambda m: self.problems.append(m.text) if m.type == "error" else None
        )
        self.page.goto(url)
        self.page.wait_for_load_state("load")

    def note_request(self, request) -> None:
        if not request.url.startswith(("file:", "data:", "blob:")):
            self.outside.append(request.url)

    def math_is_set(self) -> None:
        """Wait for the formulas, if the page has any: a page without does not load MathJax."""
        if not self.page.query_selector('script[src*="mathjax"]'):
            return
        self.page.wait_for_function("window.MathJax?.startup?.promise")
        self.page.evaluate("() => window.MathJax.startup.promise")


@pytest.fixture
def visit(browser, site):
    opened: list[Visit] = []

    def visit_page(name: str, query: str = "", **options) -> Visit:
        opened.append(Visit(browser, f"{(site / name).as_uri()}.html{query}", **options))
        return opened[-1]

    yield visit_page
    for one in opened:
        one.page.close()


@pytest.fixture(params=[1280, 390])
def instrument(request, visit):
    """Open the page of an instrument, once for each width."""
    from instrument_page import Instrument  # it reads all notebooks

    return lambda name: Instrument(visit, name, request.param)

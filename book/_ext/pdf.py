"""Print the rendered book to one PDF, with its links, its outline and its formulas.

    python book/_ext/pdf.py        write _build/pdf/book.pdf

Chromium prints what it shows. So that links from page to page become links inside the file, all
pages are put into one, every id with the name of its page before it, and every link follows.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import unquote, urlsplit

import pikepdf
from bs4 import BeautifulSoup, Tag
from playwright.sync_api import sync_playwright

from notebooks import ROOT, toc_files

SITE = ROOT / "_build" / "html"
PDF = ROOT / "_build" / "pdf"
TIMEOUT = 1_800_000  # milliseconds; thousands of formulas are typeset first

# What holds the id of another element, or the name of a group of them.
POINTERS = ("for", "aria-labelledby", "aria-describedby", "aria-controls", "list", "name")
HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")

SCALE = 0.75  # of the screen's sizes: text of 12 pixels, 9 points
CODE = 13  # pixels, as the book's own style sheets have it
COLUMNS = 100  # of such code that fit between the margins of an exercise
SMALLEST = 7  # pixels, for longer lines; still longer ones are wrapped

# What is important in a layer goes before what is important in the book's own style sheets.
# Chromium paints shadows and round corners as pictures, one for each box.
STYLE = """
@layer paper {
  html { scroll-behavior: auto !important; }
  * { border-radius: 0 !important; box-shadow: none !important; }
  .bd-article { padding: 0 !important; }
  .math, .output { overflow: visible !important; }
  div, details, pre { break-inside: auto !important; }
  button, details.hide > summary { display: none !important; }
  td, th { overflow-wrap: break-word !important; }
}
body { margin: 0; }
.book-page { break-before: page; }
.book-page:first-child { break-before: auto; }
figure, tr, .admonition-title { break-inside: avoid; }
h1, h2, h3, h4 { break-after: avoid; }
pre { orphans: 4; widows: 4; }
"""

FOOTER = """
<div style="width: 100%; text-align: center; font: 8px sans-serif"><span class="pageNumber"></span>
</div>
"""

# Formulas that MathJax did not understand or did not see, and pictures that are not there.
BROKEN = """() => [
  ...[...document.querySelectorAll(".math, mjx-merror")]
    .filter((one) => one.tagName === "MJX-MERROR" || !one.querySelector("mjx-container"))
    .map((one) => `formula ${one.dataset.mjxError ?? one.textContent}`),
  ...[...document.images].filter((one) => !one.naturalWidth).map((one) => `picture ${one.src}`),
]"""

PAGE = """<!DOCTYPE html>
<html lang="en" data-mode="light" data-theme="light" data-content_root="">
<head>
<meta charset="utf-8">
<title>{title}</title>
{head}
<style>{style}</style>
</head>
<body>
<main><article class="bd-article">
{pages}
</article></main>
</body>
</html>
"""


def anchor(page: str, name: str = "") -> str:
    """Return the id in the whole book of an id on a page, or of the page itself.

    >>> anchor("3-swat/08-memory", "fig-memory-idea")
    '3-swat-08-memory--fig-memory-idea'
    """
    return f"{page.replace('/', '-')}--{name}"


def follow(href: str, page: str, pages: Sequence[str]) -> str | None:
    """Return where a link leads inside the whole book, or None if it leads out of it.

    Parameters
    ----------
    href : str
        As on the page.
    page : str
        The page that it is on, without ``.html``.
    pages : sequence of str
        All pages.

    Examples
    --------
    >>> follow("../notation.html#mask", "3-swat/08-memory", ["3-swat/08-memory", "notation"])
    '#notation--mask'
    """
    parts = urlsplit(href)
    if parts.scheme or parts.netloc:
        return None
    target = page
    if parts.path:
        target = os.path.normpath(Path(page).parent / unquote(parts.path)).removesuffix(".html")
    return f"#{anchor(target, unquote(parts.fragment))}" if target in pages else None


def fit(article: Tag) -> None:
    """Make what is too wide for paper smaller, in place."""
    for block in article.select("pre"):
        columns = max(map(len, block.get_text().split("\n")))
        if columns > COLUMNS:
            block["style"] = f"font-size: {max(SMALLEST, CODE * COLUMNS / columns):.1f}px"


def rewrite(article: Tag, page: str, pages: Sequence[str], site: Path, folder: Path) -> None:
    """Make ids, links and pictures of one page those of the whole book, in place."""
    for gone in article.select(".headerlink, .viewcode-link"):
        gone.decompose()
    # The script of a picture finds it by its id, which is of the whole book already.
    drawn = [str(box["id"]) for box in article.select("[id]:has(> script)")]
    for node in article.find_all(id=True):
        if node["id"] not in drawn:
            node["id"] = anchor(page, str(node["id"]))
    for name in POINTERS:
        for node in article.select(f"[{name}]"):
            node[name] = anchor(page, str(node[name]))
    for image in article.select("img[src]"):
        if not str(image["src"]).startswith("data:"):
            there = (site / page).parent / str(image["src"])
            image["src"] = os.path.relpath(there, folder)
        image["loading"] = "eager"
    for link in article.select("a[href]"):
        if urlsplit(str(link["href"])).scheme:
            continue
        inside = follow(str(link["href"]), page, pages)
        if inside is None:
            link.unwrap()  # to a file that the book's folder has and paper has not
        else:
            link["href"] = inside
    for folded in article.select("details"):
        folded["open"] = ""


def styles(article: Tag, page: str) -> str:
    """Take the style sheets of tables out of an article, and return them for the whole book."""
    sheets = [sheet.extract() for sheet in article.select("style")]
    return re.sub("#T_", f"#{anchor(page, 'T_')}", "".join(map(str, sheets)))


def head(soup: Tag, path: Path, folder: Path) -> Iterator[str]:
    """Yield the style sheets of a page and what sets its formulas."""
    for sheet in soup.select('head link[rel="stylesheet"]'):
        there = path.parent / urlsplit(str(sheet["href"])).path
        yield f'<link rel="stylesheet" href="{os.path.relpath(there, folder)}">'
    for script in soup.select("script"):
        source = urlsplit(str(script.get("src", ""))).path
        if "mathjax" in source:
            there = path.parent / source
            yield f'<script defer src="{os.path.relpath(there, folder)}"></script>'
        elif "window.MathJax" in script.get_text():
            yield str(script)


def whole(site: Path, names: Sequence[str], folder: Path) -> str:
    """Return pages of a rendered book as one, to be written into ``folder``.

    Parameters
    ----------
    site : Path
        The rendered book.
    names : sequence of str
        Its pages in reading order, without ``.html``.
    folder : Path

    Raises
    ------
    ValueError
        If a page has no article.
    """
    heads: dict[str, None] = {}
    pages = []
    for name in names:
        path = site / f"{name}.html"
        soup = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        article = soup.select_one("article")
        if article is None:
            raise ValueError(f"no article in {path}: render the book first")
        heads |= dict.fromkeys(head(soup, path, folder))
        sheets = styles(article, name)
        rewrite(article, name, names, site, folder)
        fit(article)
        inside = article.decode_contents()
        pages.append(f'{sheets}<div class="book-page" id="{anchor(name)}">{inside}</div>')
    return PAGE.format(
        title="Sparse training, reproduced",
        head="\n".join(heads),
        style=STYLE,
        pages="\n".join(pages),
    )


def print_page(page: Path, target: Path, chromium: str) -> None:
    """Print a page, when its formulas are set and its pictures are there.

    Raises
    ------
    ValueError
        If a formula cannot be set, or a picture is missing.
    """
    with sync_playwright() as play:
        # Chromium refuses its own sandbox to root, which is who runs a container.
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        opened = browser.new_page(offline=True)
        opened.set_default_timeout(TIMEOUT)
        broken: list[str] = []
        opened.on("pageerror", lambda error: broken.append(f"script: {error}"))
        opened.goto(page.as_uri())
        opened.evaluate("() => window.MathJax?.startup?.promise")
        broken += opened.evaluate(BROKEN)
        if broken:
            raise ValueError(f"not to be printed: {', '.join(broken)}")
        opened.pdf(
            path=target,
            format="A4",
            scale=SCALE,
            margin={"top": "15mm", "bottom": "15mm", "left": "15mm", "right": "15mm"},
            display_header_footer=True,
            header_template="<span></span>",
            footer_template=FOOTER,
            outline=True,
            tagged=True,
        )
        browser.close()


def titles(page: str) -> list[str]:
    r"""Return the headings of a page as an outline shows them.

    >>> titles(r"<h1>The  matrix <span>\(P\)</span>, explicit</h1>")
    ['The matrix P, explicit']
    """
    headings = BeautifulSoup(page, "html.parser").select(", ".join(HEADINGS))
    return [" ".join(re.sub(r"\\[()]", "", one.get_text()).split()) for one in headings]


def finish(printed: Path, headings: Sequence[str], target: Path) -> None:
    """Name the entries of the outline by the headings, and write the file packed.

    Chromium reads the names off the paper: words run together where a line ends, and a heading
    that begins a page is named twice.

    Raises
    ------
    ValueError
        If the outline has not one entry for each heading.
    """

    def entries(items: Sequence[pikepdf.OutlineItem]) -> Iterator[pikepdf.OutlineItem]:
        for item in items:
            yield item
            yield from entries(item.children)

    with pikepdf.open(printed) as book:
        with book.open_outline(max_depth=len(HEADINGS)) as outline:
            for item, heading in zip(entries(outline.root), headings, strict=True):
                item.title = heading
        book.save(target, object_stream_mode=pikepdf.ObjectStreamMode.generate)


def write(site: Path, names: Sequence[str], target: Path, chromium: str) -> None:
    """Write pages of a rendered book to a PDF."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        text = whole(site, names, folder)
        (folder / "book.html").write_text(text, encoding="utf-8")
        print_page(folder / "book.html", folder / "book.pdf", chromium)
        finish(folder / "book.pdf", titles(text), target)


def main() -> int:
    """Run the command line; return the exit code."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        print("Chromium prints the book, and there is none: install chromium", file=sys.stderr)
        return 2
    if not (SITE / "index.html").is_file():
        print("the book is not rendered: run `make book`", file=sys.stderr)
        return 2
    PDF.mkdir(parents=True, exist_ok=True)
    write(SITE, toc_files(), PDF / "book.pdf", chromium)
    print(f"wrote {(PDF / 'book.pdf').relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

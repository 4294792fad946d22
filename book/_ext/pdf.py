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
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup, Tag
from playwright.sync_api import sync_playwright

from notebooks import ROOT, toc_files

SITE = ROOT / "_build" / "html"
PDF = ROOT / "_build" / "pdf"
TIMEOUT = 900_000  # milliseconds; thousands of formulas are typeset first

# What holds the id of another element.
POINTERS = ("for", "aria-labelledby", "aria-describedby", "aria-controls", "list")

STYLE = """
html { scroll-behavior: auto !important; }
body { margin: 0; }
.bd-article { padding: 0 !important; }
.book-page { break-before: page; }
.book-page:first-child { break-before: auto; }
figure, table, .admonition-title { break-inside: avoid; }
h1, h2, h3 { break-after: avoid; }
.headerlink, .copybtn { display: none !important; }
"""


def anchor(page: str, name: str = "") -> str:
    """Return the id in the whole book of an id on a page, or of the page itself.

    >>> anchor("3-swat/08-memory", "fig-memory-idea")
    '3-swat-08-memory--fig-memory-idea'
    """
    return f"{page.replace('/', '-')}--{name}"


def follow(href: str, page: str, pages: set[str]) -> str | None:
    """Return where a link leads inside the whole book, or None if it leads out of it.

    Parameters
    ----------
    href : str
        As on the page.
    page : str
        The page that it is on, without ``.html``.
    pages : set of str
        All pages.
    """
    parts = urlsplit(href)
    if parts.scheme or parts.netloc:
        return None
    target = page
    if parts.path:
        here = Path("/", page).parent
        target = os.path.normpath(here / unquote(parts.path)).removeprefix("/")
        target = target.removesuffix(".html")
    return f"#{anchor(target, unquote(parts.fragment))}" if target in pages else None


def rewrite(article: Tag, page: str, pages: set[str], site: Path, folder: Path) -> None:
    """Make ids, links and pictures of one page those of the whole book, in place."""
    for gone in article.select("script, .headerlink, button"):
        gone.decompose()
    for node in article.find_all(id=True):
        node["id"] = anchor(page, str(node["id"]))
    for name in POINTERS:
        for node in article.find_all(attrs={name: True}):
            node[name] = anchor(page, str(node[name]))
    for node in article.select("[name]"):
        node["name"] = anchor(page, str(node["name"]))
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


def whole(site: Path, folder: Path) -> str:
    """Return the book as one page, to be written into ``folder``.

    Raises
    ------
    ValueError
        If a page has not been rendered.
    """
    names = toc_files()
    pages = set(names)
    parts = []
    for name in names:
        path = site / f"{name}.html"
        soup = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        article = soup.select_one("article")
        if article is None:
            raise ValueError(f"no article in {path}: render the book first")
        styles = "".join(str(style) for style in article.select("style"))
        styles = re.sub(r"#T_", f"#{anchor(name, 'T_')}", styles)
        for style in article.select("style"):
            style.decompose()
        rewrite(article, name, pages, site, folder)
        parts.append(
            f'{styles}<div class="book-page" id="{anchor(name)}">{article.decode_contents()}</div>'
        )
    return PAGE.format(head=head(site, folder), style=STYLE, pages="\n".join(parts))


PAGE = """<!DOCTYPE html>
<html lang="en" data-mode="light" data-theme="light" data-content_root="">
<head>
<meta charset="utf-8">
<title>Sparse training, reproduced</title>
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


def head(site: Path, folder: Path) -> str:
    """Return the style sheets of the book and what sets its formulas."""
    # Of a chapter: pages without formulas do not load what sets them.
    path = site / next(f"{name}.html" for name in toc_files() if name[0].isdigit())
    soup = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
    kept = []
    for sheet in soup.select('head link[rel="stylesheet"]'):
        there = path.parent / urlsplit(str(sheet["href"])).path
        kept.append(f'<link rel="stylesheet" href="{os.path.relpath(there, folder)}">')
    for script in soup.select("head script, body script"):
        source = urlsplit(str(script.get("src", ""))).path
        if "mathjax" in source:
            there = path.parent / source
            kept.append(f'<script defer src="{os.path.relpath(there, folder)}"></script>')
        elif "window.MathJax" in script.get_text():
            kept.append(str(script))
    return "\n".join(kept)


def print_page(page: Path, target: Path, chromium: str) -> None:
    """Print a page, when its formulas are set and its pictures are there."""
    with sync_playwright() as play:
        # Chromium refuses its own sandbox to root, which is who runs a container.
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        opened = browser.new_page()
        opened.set_default_timeout(TIMEOUT)
        opened.goto(page.as_uri())
        opened.wait_for_function("window.MathJax?.startup?.promise")
        opened.evaluate("() => window.MathJax.startup.promise")
        opened.pdf(
            path=target,
            format="A4",
            margin={"top": "15mm", "bottom": "15mm", "left": "15mm", "right": "15mm"},
            outline=True,
            tagged=True,
        )
        browser.close()


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
    page = PDF / "book.html"
    page.write_text(whole(SITE, PDF), encoding="utf-8")
    print_page(page, PDF / "book.pdf", chromium)
    print(f"wrote {(PDF / 'book.pdf').relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

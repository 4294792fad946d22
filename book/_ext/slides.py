"""Write a deck of slides for each chapter, from its rendered page.

    python book/_ext/slides.py        write _build/slides

A deck is one file of HTML with its pictures inside, and asks nothing of the network: the claim,
what is learnt, the question before the result, every figure, what was found, the exercises, the
summary. MathJax lies beside the decks. Arrow keys turn the slides; without scripts, and on paper,
they stand one below the other.
"""

from __future__ import annotations

import base64
import html
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from bs4 import BeautifulSoup, Tag

from notebooks import BOOK, ROOT, toc_notebooks
from offline import MATHJAX_PARTS, MATHJAX_SCRIPT, mathjax_source

HERE = Path(__file__).parent
SITE = ROOT / "_build" / "html"
SLIDES = ROOT / "_build" / "slides"
MOST = 4  # claims on one slide

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
<script>{script}</script>
<script defer src="{mathjax}"></script>
</head>
<body>
<main>
{slides}
</main>
<nav aria-label="Slides" hidden>
<button type="button" data-step="-1" aria-label="previous slide">&larr;</button>
<span role="status"></span>
<button type="button" data-step="1" aria-label="next slide">&rarr;</button>
</nav>
</body>
</html>
"""


def slide(heading: str, body: str, level: int = 2) -> str:
    """Return one slide; ``heading`` and ``body`` are HTML."""
    return f'<section class="slide">\n<h{level}>{heading}</h{level}>\n{body}\n</section>'


def inside(node: Tag) -> str:
    """Return the HTML inside a node."""
    return node.decode_contents().strip()


def embedded(page: Path, soup: Tag) -> None:
    """Put pictures into the page itself, and take out what only the book's page has."""
    for image in soup.select("img"):
        data = (page.parent / str(image["src"])).read_bytes()
        image.attrs = {
            "src": f"data:image/png;base64,{base64.b64encode(data).decode()}",
            "alt": str(image.get("alt", "")),
        }
    for gone in soup.select(".headerlink, script, button, .section-number"):
        gone.decompose()
    for link in soup.select("a"):
        link.unwrap()
    for node in soup.find_all(True):
        for name in ("id", "style"):
            del node[name]


def section(article: Tag, title: str) -> Tag | None:
    """Return the section of a page that has this title."""
    for heading in article.select("h2"):
        if heading.get_text().strip() == title:
            return heading.find_parent("section")
    return None


def opening(article: Tag) -> Iterator[str]:
    """Yield the claim and what is learnt."""
    heading = article.select_one("h1")
    if heading is None:
        return
    quoted = article.select_one("blockquote")
    yield slide(inside(heading), str(quoted) if quoted else "", level=1)
    for paragraph in article.select("p"):
        if paragraph.get_text().strip() == "You will learn":
            goals = paragraph.find_next_sibling("ul")
            yield slide("You will learn", str(goals))
            return


def question(asked: Tag) -> Iterator[str]:
    """Yield the question of a page, and the answers on the next slide."""
    legend = asked.select_one("legend")
    reasons = asked.select_one("details > ul")
    if legend is None or reasons is None:
        return
    choices = "".join(f"<li>{inside(one)}</li>" for one in asked.select("label > span"))
    yield slide("Predict", f"<div>{inside(legend)}</div>\n<ol>{choices}</ol>")
    yield slide("The answers", f"<div>{inside(legend)}</div>\n{reasons}")


def figure(shown: Tag) -> str:
    """Return the slide of a figure."""
    number = shown.select_one(".caption-number")
    caption = shown.select_one(".caption-text")
    image = shown.select_one("img")
    heading = number.get_text().strip() if number else "Figure"
    return slide(
        heading,
        f"<figure>{image}<figcaption>{inside(caption) if caption else ''}</figcaption></figure>",
    )


def findings(box: Tag) -> Iterator[str]:
    """Yield the claims and their verdicts, a few on each slide."""
    claims = []
    for item in box.select("li[data-verdict]"):
        numbers = item.select_one("dl")
        folded = item.select_one("details")
        if folded is not None:
            folded.extract()
        claims.append(f"<li>{inside(item)}{numbers or ''}</li>")
    for start in range(0, len(claims), MOST):
        more = " (continued)" if start else ""
        body = "".join(claims[start : start + MOST])
        yield slide(f"What was found{more}", f'<ul class="claims">{body}</ul>')


def deck(page: Path) -> str:
    """Return the deck of a chapter, given its rendered page."""
    soup = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
    article = soup.select_one("article")
    if article is None:
        raise ValueError(f"no chapter in {page.name}: render the book first")
    embedded(page, article)
    slides = list(opening(article))
    for node in article.select(".questions.predict, figure"):
        if node.name == "figure":
            if node.select_one("img"):
                slides.append(figure(node))
        else:
            slides += question(node)
    box = article.select_one(".verdict-box")
    slides += findings(box) if box else ()
    exercises = [
        f"<li>{inside(title)}</li>" for title in article.select(".exercise > .admonition-title")
    ]
    if exercises:
        slides.append(slide("Exercises", f"<ul>{''.join(exercises)}</ul>"))
    summary = section(article, "Summary")
    points = summary.select_one("ul") if summary else None
    if points is not None:
        slides.append(slide("Summary", str(points)))
    heading = article.select_one("h1")
    return PAGE.format(
        title=html.escape(heading.get_text().strip() if heading else page.stem),
        style=(HERE / "slides.css").read_text(encoding="utf-8"),
        script=(HERE / "slides.js").read_text(encoding="utf-8"),
        mathjax=f"../mathjax/{MATHJAX_SCRIPT}",
        slides="\n".join(slides),
    )


def copy_mathjax(folder: Path) -> None:
    """Copy MathJax beside the decks."""
    source = mathjax_source()
    for part in MATHJAX_PARTS:
        target = folder / "mathjax" / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if (source / part).is_dir():
            shutil.copytree(source / part, target, dirs_exist_ok=True)
        else:
            shutil.copy2(source / part, target)


def write_all(site: Path, folder: Path) -> list[Path]:
    """Write the decks of all chapters of a rendered book; return their paths."""
    copy_mathjax(folder)
    written = []
    for notebook in toc_notebooks():
        name = notebook.relative_to(BOOK).with_suffix(".html")
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(deck(site / name), encoding="utf-8")
        written.append(target)
    return written


def main() -> int:
    """Run the command line; return the exit code."""
    if not (SITE / "index.html").is_file():
        print("the book is not rendered: run `make book`", file=sys.stderr)
        return 2
    print(f"{len(write_all(SITE, SLIDES))} decks in {SLIDES.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

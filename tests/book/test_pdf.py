"""The book on paper: links lead where they led, and figures, code and solutions are there."""

import doctest

import pikepdf
import pytest
from bs4 import BeautifulSoup
from PIL import Image

import pdf
from notebooks import toc_files

FRONT = """<html><head><link rel="stylesheet" href="_static/book.css?digest=1"></head><body>
<nav><a href="part/one.html">not of the article</a></nav>
<article><h1 id="front">Front<a class="headerlink" href="#front">#</a></h1>
<p><a href="part/one.html#answer">to the answer</a> <a href="part/one.html">to the page</a>
<a href="https://example.org/paper">to a paper</a> <a href="notes.ipynb">to a file</a></p>
</article></body></html>"""

ONE = """<html><head><script>window.MathJax = {"options": {}}</script>
<script defer src="../_static/mathjax/tex.js"></script></head><body><article>
<style>#T_1 td { color: red }</style>
<h1 id="front">The matrix <span class="math">\\(P\\)</span>,
explicit</h1>
<h2 id="idea">An idea that takes more words than there is room for on one line of a narrow sheet of
paper, so that the heading has two lines</h2>
<table id="T_1"><tr><td>1</td></tr></table>
<figure><img alt="a figure" src="../_images/one.png" loading="lazy"></figure>
<details><summary>Solution</summary><p id="answer">forty-two</p></details>
<label for="choice">choice</label><input id="choice" name="choice"><button>copy</button>
<div id="drawn"><button>play</button><svg></svg><script>
document.getElementById("drawn").querySelector("button").click();</script></div>
<pre>short</pre><pre>{wide}</pre>
<p><a href="../front.html#front">back</a></p></article></body></html>"""

# What stands for MathJax: it sets formulas a moment after the page is there.
SET = """
const set = (node) => { node.innerHTML = "<mjx-container>P</mjx-container>"; };
window.MathJax.startup = {
  promise: new Promise((done) => setTimeout(() => {
    document.querySelectorAll(".math").forEach(set);
    done();
  }, 200)),
};
"""

NAMES = ["front", "part/one"]


@pytest.fixture
def small(tmp_path):
    """A rendered book of two pages."""
    site = tmp_path / "html"
    (site / "part").mkdir(parents=True)
    (site / "_images").mkdir()
    (site / "front.html").write_text(FRONT)
    (site / "part" / "one.html").write_text(ONE.replace("{wide}", "x" * 130))
    (site / "_static" / "mathjax").mkdir(parents=True)
    (site / "_static" / "mathjax" / "tex.js").write_text(SET)
    Image.new("RGB", (37, 23), "red").save(site / "_images" / "one.png")
    return site


def test_the_examples_are_true():
    result = doctest.testmod(pdf)
    assert result.attempted >= 3
    assert not result.failed


def merged(site, folder):
    return BeautifulSoup(pdf.whole(site, NAMES, folder), "html.parser")


def test_every_id_is_one_of_the_whole_book_and_links_follow(small, tmp_path):
    page = merged(small, tmp_path)
    ids = [node["id"] for node in page.find_all(id=True)]
    assert len(ids) == len(set(ids))
    assert {"front--front", "part-one--front", "part-one--", "part-one--answer"} <= set(ids)
    links = [(link["href"], link.get_text()) for link in page.select("a")]
    assert links == [
        ("#part-one--answer", "to the answer"),
        ("#part-one--", "to the page"),
        ("https://example.org/paper", "to a paper"),
        ("#front--front", "back"),
    ]
    assert "to a file" in page.get_text()
    assert page.select_one("label")["for"] == page.select_one("input")["id"] == "part-one--choice"
    assert "#part-one--T_1 td" in page.select("style")[-1].text
    assert page.select_one("table")["id"] == "part-one--T_1"


def test_what_is_folded_opens_and_what_only_a_screen_has_goes(small, tmp_path):
    page = merged(small, tmp_path)
    assert page.select_one("details").has_attr("open")
    assert not page.select("nav, .headerlink")
    assert page.select_one("#drawn > script")
    assert (tmp_path / page.select_one("img")["src"]).resolve() == small / "_images" / "one.png"
    assert [tag["href"] for tag in page.select("link")] == ["html/_static/book.css"]
    assert [tag.get("src") for tag in page.select("head script")] == [
        None,
        "html/_static/mathjax/tex.js",
    ]


def test_wide_code_becomes_smaller(small, tmp_path):
    page = merged(small, tmp_path)
    short, wide = page.select("pre")
    assert not short.has_attr("style")
    assert wide["style"] == "font-size: 10.0px"
    assert len(wide.text) == 130


def test_a_page_without_an_article_is_refused(small, tmp_path):
    (small / "front.html").write_text("<p>nothing</p>")
    with pytest.raises(ValueError, match=r"no article in .*front\.html: render the book first"):
        pdf.whole(small, NAMES, tmp_path)


def entries(items):
    for item in items:
        yield item.title
        yield from entries(item.children)


def outline(book):
    with book.open_outline(max_depth=6) as opened:
        return list(entries(opened.root))


def links(book):
    """Return all links: inside the book the name of the destination, out of it the address."""
    for page in book.pages:
        for note in page.get("/Annots", []):
            if note.Subtype == "/Link":
                yield str(note.Dest) if "/Dest" in note else str(note.A.URI)


def pictures(book):
    """Return the sizes of all pictures; masks are not counted."""
    images = [
        thing
        for thing in book.objects
        if isinstance(thing, pikepdf.Stream) and thing.get("/Subtype") == "/Image"
    ]
    return [(int(one.Width), int(one.Height)) for one in images if one.ColorSpace != "/DeviceGray"]


@pytest.mark.browser
def test_links_outline_and_pictures_are_in_the_file(chromium, small, tmp_path):
    target = tmp_path / "book.pdf"
    pdf.write(small, NAMES, target, chromium)
    with pikepdf.open(target) as book:
        assert len(book.pages) == 2
        inside = ["/part-one--answer", "/part-one--", "/front--front"]
        assert sorted(links(book)) == sorted([*inside, "https://example.org/paper"])
        assert set(book.Root.Dests.keys()) >= set(inside)
        front, one = (page.objgen for page in book.pages)
        assert [book.Root.Dests[name][0].objgen for name in inside] == [one, one, front]
        assert outline(book) == ["Front", "The matrix P, explicit", *pdf.titles(ONE)[1:]]
        assert (37, 23) in pictures(book)


@pytest.mark.browser
def test_an_outline_with_another_number_of_entries_is_refused(chromium, small, tmp_path):
    page, printed = tmp_path / "page.html", tmp_path / "page.pdf"
    page.write_text("<h1>one</h1><h2>two</h2>")
    pdf.print_page(page, printed, chromium)
    with pytest.raises(ValueError, match="shorter"):
        pdf.finish(printed, ["one"], tmp_path / "book.pdf")


@pytest.mark.browser
@pytest.mark.parametrize(
    ("article", "problem"),
    [
        ('<img src="none.png">', r"picture file:.*none\.png"),
        ('<img src="http://127.0.0.1:9/one.png">', "picture http:"),
        ("<script>missing()</script>", "script: missing is not defined"),
        ('<span class="math">\\(x\\)</span>', "formula .*x"),
    ],
)
def test_what_cannot_be_shown_is_refused(chromium, tmp_path, article, problem):
    page = tmp_path / "page.html"
    page.write_text(f"<h1>one</h1>{article}")
    with pytest.raises(ValueError, match=f"not to be printed: {problem}"):
        pdf.print_page(page, tmp_path / "page.pdf", chromium)


@pytest.mark.browser
@pytest.mark.slow
def test_the_book_has_every_figure_and_every_link_leads_somewhere(chromium, site, tmp_path):
    names, target = toc_files(), tmp_path / "book.pdf"
    pdf.write(site, names, target, chromium)
    text = BeautifulSoup(pdf.whole(site, names, tmp_path), "html.parser")
    with pikepdf.open(target) as book:
        wanted = {link["href"] for link in text.select("a[href]")}
        found = set(links(book))
        reached = {name.removeprefix("/") for name in set(book.Root.Dests.keys())}
        assert reached == {href.removeprefix("#") for href in wanted if href.startswith("#")}
        assert {name.removeprefix("/") for name in found if name.startswith("/")} == reached
        named = {pdf.titles(str(one))[0] for one in text.select(".book-page > section > h1")}
        assert len(named) == len(names)
        assert named <= set(outline(book))
        shown = [figure for figure in text.select("figure") if figure.select_one("img")]
        printed = pictures(book)
        for figure in shown:
            with Image.open(tmp_path / figure.select_one("img")["src"]) as image:
                assert image.size in printed

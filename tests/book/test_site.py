"""The rendered pages, read as files."""

import pkgutil
import re
import shutil
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from bs4 import BeautifulSoup

import repository
import swatlib
from notebooks import ROOT, read, toc_files

PAGES = toc_files()


@cache
def parsed(path: Path) -> BeautifulSoup:
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


@pytest.fixture(params=PAGES)
def page(request, site) -> tuple[Path, BeautifulSoup]:
    path = site / f"{request.param}.html"
    return path, parsed(path)


def loaded(soup: BeautifulSoup) -> list[str]:
    """What a browser fetches to show a page."""
    found = [tag["src"] for tag in soup.select("[src]")]
    found += [tag["href"] for tag in soup.select("link[href]")]
    return found + [
        part.split()[0] for t in soup.select("[srcset]") for part in t["srcset"].split(",")
    ]


def test_nothing_is_fetched_from_another_host(page):
    _, soup = page
    outside = [url for url in loaded(soup) if urlsplit(url).netloc]
    assert not outside
    for style in soup.select("style"):
        assert not re.search(r"url\(\s*['\"]?(https?:)?//|@import", style.text)


# Of the theme and of MathJax: 1.9 MB.
KINDS = (".js", ".css", ".png", ".svg")
THEIRS = re.compile(
    r"_static/(mathjax|styles|scripts|vendor)/|_static/(basic|pygments|sphinx|design|mystnb|toggle)"
)


def test_a_page_of_ours_weighs_less_than_a_megabyte(page):
    path, soup = page
    parts = [unquote(urlsplit(url).path) for url in loaded(soup) if not url.startswith("data:")]
    files = {(path.parent / part).resolve() for part in parts if part.endswith(KINDS)}
    ours = [file for file in files if not THEIRS.search(file.as_posix())]
    assert ours
    assert path.stat().st_size + sum(file.stat().st_size for file in ours) < 1_000_000
    assert not [file for file in files if file.name == "fontawesome.js"]


def test_there_is_something_to_check(site):
    """The tests below look at every figure, image and link of a page: the book has some."""
    pages = [parsed(site / f"{name}.html") for name in PAGES]
    assert pages
    assert all(loaded(soup) for soup in pages)
    for what in ("main figure", "main img", "a[href]"):
        assert sum(len(soup.select(what)) for soup in pages) > 10, what


def test_style_sheets_fetch_nothing_from_another_host(site):
    sheets = list(site.rglob("*.css"))
    assert sheets
    for sheet in sheets:
        text = re.sub(r"/\*.*?\*/", "", sheet.read_text(encoding="utf-8"), flags=re.DOTALL)
        assert not re.search(r"url\(\s*['\"]?(https?:)?//|@import\s+['\"]?https?:", text), sheet


def test_everything_that_is_fetched_is_there(page):
    path, soup = page
    for url in loaded(soup):
        parts = urlsplit(url)
        if parts.scheme != "data":
            assert (path.parent / unquote(parts.path)).is_file(), url


def test_every_link_inside_the_book_leads_somewhere(page):
    path, soup = page
    for link in soup.select("a[href]"):
        parts = urlsplit(link["href"])
        if parts.scheme or parts.netloc:
            continue
        target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
        assert target.is_file(), link["href"]
        if parts.fragment and target.suffix == ".html":
            name = unquote(parts.fragment)
            there = parsed(target)
            assert there.find(id=name) or there.find(attrs={"name": name}), link["href"]


def test_every_image_says_what_is_seen(page):
    _, soup = page
    for image in soup.select("main img"):
        alternative = image.get("alt", "")
        assert len(alternative.split()) >= 8, image
        assert not re.search(r"\.(png|svg|jpe?g)|[0-9a-f]{32}", alternative), image


def test_every_figure_has_a_number_and_a_caption(page):
    _, soup = page
    for figure in soup.select("main figure"):
        assert figure.select_one("figcaption .caption-number"), figure.get("id")
        assert figure.select_one("figcaption .caption-text").text.strip()


def test_every_table_has_a_number_and_a_caption(page):
    """Those of an instrument or at a chapter's top stand below a heading of their own."""
    path, soup = page
    if path.stem in {"genindex", "py-modindex", "prf-prf"} or path.stem.startswith("api-"):
        return  # lists, written as tables by Sphinx
    for table in soup.select("main table"):
        if not table.find_parent(class_=["instrument", "verdict-box"]):
            assert table.select_one("caption .caption-number"), table.text[:200]
            assert table.select_one("caption .caption-text").text.strip()


def test_ids_are_given_once_and_heads_say_what_they_are_heads_of(page):
    _, soup = page
    ids = Counter(node["id"] for node in soup.find_all(id=True))
    assert not [name for name, times in ids.items() if times > 1]
    assert not soup.select("main th:not([scope])")


@pytest.mark.parametrize("name", [page for page in PAGES if re.match(r"\d", page)])
def test_a_downloaded_notebook_says_what_it_needs(site, name):
    path = site / "_sources" / f"{name}.ipynb"
    links = {link["href"] for link in parsed(site / f"{name}.html").select("a[href], button[href]")}
    assert any(link.endswith(f"_sources/{name}.ipynb") for link in links)
    first, *rest = read(path).cells
    assert "checkout of the book's repository" in first.source
    assert rest == read(ROOT / "book" / f"{name}.ipynb").cells


def test_pages_name_no_folder_of_the_machine(page):
    path, soup = page
    assert str(ROOT) not in path.read_text(encoding="utf-8")
    assert not re.search(r"/(home|Users)/\w+/", soup.text)


def test_no_page_has_a_launch_or_edit_button_while_no_repository_is_set(page):
    _, soup = page
    links = [link["href"] for link in soup.select("header a[href], .header-article a[href]")]
    assert not [link for link in links if urlsplit(link).netloc]
    assert not soup.select(
        ".dropdown-launch-buttons, .dropdown-source-buttons, .btn-source-edit-button"
    )
    assert "thebe" not in str(soup.head).lower()


def module_names() -> list[str]:
    found = pkgutil.walk_packages(swatlib.__path__, "swatlib.")
    return sorted(
        m.name
        for m in found
        if not any(part.startswith("_") for part in m.name.split("."))
        and not m.name.startswith("swatlib.cli")  # it has a page of its own
    )


@pytest.mark.parametrize("name", module_names())
def test_every_module_is_in_the_reference(site, name):
    pages = [parsed(site / f"{page}.html") for page in PAGES if page.startswith("api")]
    assert any(page.find(id=f"module-{name}") for page in pages)


def test_every_command_is_on_the_command_line_page(site):
    shown = {heading.text.rstrip("#").strip() for heading in parsed(site / "cli.html").select("h2")}
    for command in ("swatlib", "swatlib sweep", "swatlib records", "swatlib train", "swatlib info"):
        assert any(re.fullmatch(rf"[\d. ]*{command}", text) for text in shown), command


def test_a_word_can_be_searched_for(site):
    index = (site / "searchindex.js").read_text(encoding="utf-8")
    for page in PAGES:
        assert f'"{page}"' in index
    for word in ("sparsiti", "quickselect", "topk_mask"):  # the index holds stems
        assert word in index


def test_one_setting_turns_the_buttons_on():
    off = repository.theme_options({"repository_url": "", "show_toc_level": 2})
    assert off["launch_buttons"] == {}
    assert not any(off[name] for name in repository.BUTTONS)
    assert "repository_url" not in off
    assert off["show_toc_level"] == 2
    on = repository.theme_options({"repository_url": "https://github.com/a/b"})
    assert all(on[name] for name in repository.BUTTONS)
    assert {"binderhub_url", "colab_url"} <= set(on["launch_buttons"])
    other = repository.theme_options({"repository_url": "https://gitlab.com/a/b"})
    assert "colab_url" not in other["launch_buttons"]


@pytest.mark.slow
def test_buttons_are_on_a_page_of_a_book_with_a_repository(tmp_path):
    """A small book with the real configuration and one line of it changed."""
    config = (ROOT / "_config.yml").read_text(encoding="utf-8")
    assert config.count('url: ""') == 1
    config = config.replace('url: ""', "url: https://github.com/someone/something")
    (tmp_path / "_config.yml").write_text(config)
    small = tmp_path / "book"
    shutil.copytree(ROOT / "book" / "_ext", small / "_ext")
    shutil.copy(ROOT / "book" / "references.bib", small)
    notebook = next(name for name in PAGES if (ROOT / "book" / f"{name}.ipynb").is_file())
    (small / "_toc.yml").write_text("format: jb-book\nroot: intro\nchapters:\n  - file: chapter\n")
    (small / "intro.md").write_text("# Small\n")
    shutil.copy(ROOT / "book" / f"{notebook}.ipynb", small / "chapter.ipynb")
    jupyter_book = Path(sys.executable).with_name("jupyter-book")
    subprocess.run(
        [
            jupyter_book,
            "build",
            small,
            "--config",
            tmp_path / "_config.yml",
            "--path-output",
            tmp_path,
        ],
        check=True,
        capture_output=True,
    )
    text = (tmp_path / "_build" / "html" / "chapter.html").read_text(encoding="utf-8")
    links = [tag["href"] for tag in BeautifulSoup(text, "html.parser").select("a[href]")]
    assert "https://github.com/someone/something/edit/main/book/chapter.ipynb" in links
    assert any(
        link.startswith("https://mybinder.org/v2/gh/someone/something/main") for link in links
    )
    assert any("colab.research.google.com/github/someone/something/" in link for link in links)

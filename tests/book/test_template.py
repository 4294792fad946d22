"""`make chapter`: what it writes passes the checks of notebooks as it is."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import template
from notebooks import BOOK, ROOT, toc_files

TOC = """\
format: jb-book
root: intro
parts:
  - caption: I. First
    chapters:
      - file: 1-first/01-there
  - caption: II. Second  # a remark
    chapters:
      - file: 2-second/01-one
      - file: 2-second/02-two
  - caption: Back matter
    chapters:
      - file: notation
"""


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A book of three empty chapters."""
    book = tmp_path / "book"
    for name in ("1-first/01-there", "2-second/01-one", "2-second/02-two"):
        (book / name).parent.mkdir(parents=True, exist_ok=True)
        (book / f"{name}.ipynb").touch()
    (book / "_toc.yml").write_text(TOC)
    return book


@pytest.mark.parametrize(
    ("part", "entry"),
    [("1-first", "1-first/02-new-one"), (None, "2-second/03-new-one")],
)
def test_a_chapter_follows_the_last_of_its_part(book, part, entry):
    path = template.place("new-one", part, book)
    assert path == book / f"{entry}.ipynb"
    template.list_in_toc(path, book)
    text = (book / "_toc.yml").read_text()
    assert text.replace(f"      - file: {entry}\n", "") == TOC
    names = toc_files(book / "_toc.yml")
    before = names[names.index(entry) - 1]
    assert before.split("/")[0] == entry.split("/")[0]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "name the chapter: make chapter NAME=my-chapter"),
        (["", ""], "name the chapter: make chapter NAME=my-chapter"),
        (["Chapter"], "NAME must be lower case with dashes, like my-chapter; got 'Chapter'"),
        (["my_chapter"], "NAME must be lower case with dashes"),
        (["../there"], "NAME must be lower case with dashes"),
        (["two"], "NAME must be new; 2-second/02-two.ipynb exists"),
        (["there", "2-second"], "NAME must be new; 1-first/01-there.ipynb exists"),
        (["new", "3-third"], "PART must be one of 1-first, 2-second; got '3-third'"),
    ],
)
def test_a_wrong_name_is_one_line_and_nothing_is_written(book, arguments, said, capsys):
    before = sorted(book.rglob("*"))
    assert template.main(arguments, book) == 2
    error = capsys.readouterr().err
    assert error.startswith(said)
    assert error.count("\n") == 1
    assert sorted(book.rglob("*")) == before
    assert (book / "_toc.yml").read_text() == TOC


def small_repository(root: Path) -> None:
    """The real library, data and checks, and a book without chapters but one part."""
    for name in ("swatlib", "data", "requirements.lock", "pyproject.toml", "Makefile"):
        (root / name).symlink_to(ROOT / name)
    (root / "tests" / "book").mkdir(parents=True)
    for name in ("conftest.py", "test_notebooks.py"):
        shutil.copy(ROOT / "tests" / "book" / name, root / "tests" / "book")
    shutil.copytree(BOOK / "_ext", root / "book" / "_ext")
    shutil.copy(BOOK / "conftest.py", root / "book")
    (root / "book" / "3-swat").mkdir()
    (root / "book" / "intro.md").write_text("# Small\n")
    lines = ["format: jb-book", "root: intro", "chapters:", "  - file: 3-swat/00-none", ""]
    (root / "book" / "_toc.yml").write_text("\n".join(lines))


@pytest.mark.slow
def test_what_is_written_passes_the_checks_of_notebooks(tmp_path):
    small_repository(tmp_path)

    def python(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)

    made = python("book/_ext/template.py", "my-chapter", "3-swat")
    assert made.stdout.startswith("wrote book/3-swat/01-my-chapter.ipynb"), made.stderr
    toc = tmp_path / "book" / "_toc.yml"
    toc.write_text(toc.read_text().replace("  - file: 3-swat/00-none\n", ""))

    checks = python("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/book/test_notebooks.py")
    assert checks.returncode == 0, checks.stdout

    [options] = re.findall(r"^NBVAL := (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    again = python("-m", "pytest", "-q", "-p", "no:cacheprovider", *options.split(), "book")
    assert again.returncode == 0, again.stdout

    lint = python("-m", "ruff", "check", "--no-cache", "book")
    assert lint.returncode == 0, lint.stdout

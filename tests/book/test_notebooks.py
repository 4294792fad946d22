"""Every notebook of the book is executed, fresh, readable by everybody, and teaches."""

import base64
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "book" / "_ext"))

import notebooks as book  # noqa: E402

NOTEBOOKS = book.toc_notebooks()
FOLDED = {"hide-input", "hide-cell"}  # both tags, for input and output, would show two bars


@pytest.fixture(scope="module")
def around() -> book.Surroundings:
    return book.surroundings()


@pytest.fixture(params=NOTEBOOKS, ids=lambda p: p.relative_to(book.BOOK).as_posix())
def path(request) -> Path:
    return request.param


@pytest.fixture
def notebook(path) -> nbformat.NotebookNode:
    found = book.read(path)
    nbformat.validate(found)
    return found


def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def prose(notebook) -> str:
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def outputs(notebook):
    return [(cell, output) for cell in code(notebook) for output in cell.outputs]


def text_outputs(notebook):
    """Everything a cell printed or displayed, as text."""
    for cell, output in outputs(notebook):
        if output.output_type == "stream":
            yield cell, output.text
        for kind, value in output.get("data", {}).items():
            if kind.startswith("text/"):
                yield cell, value


def fenced(notebook, directive: str) -> list[str]:
    """The first arguments of every use of a directive."""
    return re.findall(rf"^[`:]{{3,}}\{{{directive}\}} *(.*)$", prose(notebook), re.MULTILINE)


def test_the_book_has_notebooks():
    assert NOTEBOOKS


def test_table_of_contents_is_complete():
    """Every page that exists is listed, and every listed page exists."""
    listed = {name.removesuffix(".md").removesuffix(".ipynb") for name in book.toc_files()}
    pages = [*book.BOOK.rglob("*.md"), *book.BOOK.rglob("*.ipynb")]
    existing = {
        page.relative_to(book.BOOK).with_suffix("").as_posix()
        for page in pages
        if not any(part.startswith(("_", ".")) for part in page.relative_to(book.BOOK).parts)
    }
    assert listed == existing


def test_outputs_are_those_of_the_present_code_and_data(path, around):
    assert not book.is_stale(path, around), "run `make book` and commit the notebook"


def test_every_cell_was_executed_in_order(notebook):
    cells = code(notebook)
    assert all(cell.source.strip() for cell in cells)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))


def test_cells_are_checked_by_the_notebook_test(notebook):
    """A skipped cell is never executed again, so nobody would notice when it breaks."""
    tags = {tag for cell in notebook.cells for tag in cell.metadata.get("tags", [])}
    assert not tags & {"nbval-skip", "raises-exception", "remove-cell", "skip-execution"}


def test_open_code_is_what_a_reader_reads(notebook):
    """Set-up, tables, figures and asserts are folded; at most 150 lines stay open."""
    open_lines, in_solution = 0, False
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            marks = re.findall(r"\{solution-(start|end)\}", cell.source)
            in_solution = marks[-1] == "start" if marks else in_solution
        elif not in_solution and not FOLDED & set(cell.metadata.get("tags", [])):
            open_lines += len(cell.source.splitlines())
    assert open_lines <= 150


def test_there_is_something_to_check(notebook):
    """The tests below look at every cell and output of a chapter: it has some."""
    assert len(code(notebook)) > 3
    assert len(list(outputs(notebook))) > 3
    assert list(text_outputs(notebook))


def test_no_cell_failed_or_warned(notebook):
    for cell, output in outputs(notebook):
        assert output.output_type != "error", cell.source
        assert output.get("name") != "stderr", f"{cell.source}\n\nwrote to stderr:\n{output.text}"


def test_every_table_says_what_it_shows(notebook):
    for cell in code(notebook):
        tables = [o for o in cell.outputs if "<table" in o.get("data", {}).get("text/html", "")]
        captions = cell.metadata.get("tables", [])
        assert len(captions) == len(tables), f"{len(tables)} captions, please:\n{cell.source}"
        assert all(len(caption.split()) >= 4 for caption in captions), captions


def test_metadata_hold_nothing_of_the_machine(notebook):
    assert set(notebook.metadata) == {"kernelspec", "language_info", book.KEY}
    for number, cell in enumerate(notebook.cells, start=1):
        assert cell.id == f"cell-{number:03d}"
        assert set(cell.metadata) <= {"tags", "mystnb", "tables"}, cell.source


def test_outputs_hold_no_path_and_no_address(notebook):
    for cell, text in text_outputs(notebook):
        assert not re.search(r"0x[0-9a-f]{6,}", text), cell.source
        assert not re.search(r"(?<![\w.])/(home|root|tmp|usr|Users|work|opt|var)/", text), (
            cell.source
        )


def test_sources_name_no_path_of_a_machine(notebook):
    for cell in notebook.cells:
        assert not re.search(r"(?<![\w./])/(home|root|tmp|Users|work|opt)/", cell.source), (
            cell.source
        )


def test_nothing_is_loaded_from_elsewhere(notebook):
    """No image, script or style of another host, and no widget that needs one."""
    loading = re.compile(
        r"""(?:src|href)\s*=\s*\\?["']https?:|!\[[^\]]*\]\(https?:|@import|fetch\("""
    )
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            assert not re.search(
                r"!\[[^\]]*\]\(https?:|<(script|img|link)[^>]*https?:", cell.source
            )
    for cell, output in outputs(notebook):
        assert not any("widget" in kind for kind in output.get("data", {})), cell.source
        if "text/html" in output.get("data", {}):
            html = re.sub(r"<a [^>]*>", "", output.data["text/html"])
            assert not loading.search(html), cell.source


def test_every_figure_has_a_caption_a_name_and_a_real_alternative_text(notebook):
    names = []
    for cell in code(notebook):
        images = [o for o in cell.outputs if "image/png" in o.get("data", {})]
        if not images:
            continue
        assert len(images) == 1, f"one figure a cell:\n{cell.source}"
        about = cell.metadata.get("mystnb", {})
        figure, alternative = about.get("figure", {}), about.get("image", {}).get("alt", "")
        assert len(figure.get("caption", "")) >= 20, cell.source
        assert figure.get("name"), cell.source
        assert len(alternative.split()) >= 8, f"say what is seen:\n{cell.source}"
        assert not alternative.lower().startswith(("image", "figure", "picture")), alternative
        names.append(figure["name"])
    assert names, "a chapter without a picture"
    assert len(set(names)) == len(names)


def test_figures_are_png_of_a_sensible_size(notebook):
    for cell, output in outputs(notebook):
        data = output.get("data", {})
        assert "image/svg+xml" not in data, cell.source
        assert "application/pdf" not in data, cell.source
        if "image/png" in data:
            assert len(base64.b64decode(data["image/png"])) < 400_000, cell.source


def test_an_assertion_stands_behind_the_chapter(notebook):
    assert any(re.search(r"^\s*assert\b", cell.source, re.MULTILINE) for cell in code(notebook))


def test_exercises_have_solutions(notebook):
    labels = re.findall(
        r"^[`:]{3,}\{exercise(?:-start)?\}.*\n(?:.*\n)*?:label: *(\S+)$",
        prose(notebook),
        re.MULTILINE,
    )
    solved = [*fenced(notebook, "solution"), *fenced(notebook, "solution-start")]
    assert len(labels) >= 3
    assert sorted(labels) == sorted(solved)
    hidden = re.findall(
        r"^[`:]{3,}\{solution(?:-start)?\}.*\n(?::.*\n)*?:class: *dropdown",
        prose(notebook),
        re.MULTILINE,
    )
    assert len(hidden) == len(solved), "a solution is folded: give it `:class: dropdown`"


def test_a_solution_runs(notebook):
    """At least one solution of a chapter is code, not words."""
    inside = False
    for cell in notebook.cells:
        if cell.cell_type == "code" and inside:
            return
        if cell.cell_type == "markdown":
            last = re.findall(r"\{solution-(start|end)\}", cell.source)
            inside = (last[-1] == "start") if last else inside
    pytest.fail("no solution has a code cell")


def test_chapter_has_one_title_and_its_closing_sections(notebook):
    text = re.sub(r"^(`{3,}).*?^\1 *$", "", prose(notebook), flags=re.MULTILINE | re.DOTALL)
    titles = re.findall(r"^# (.+)$", text, re.MULTILINE)
    sections = {name.strip().lower() for name in re.findall(r"^## (.+)$", text, re.MULTILINE)}
    assert len(titles) == 1
    assert notebook.cells[0].source.startswith(f"# {titles[0]}")
    for wanted in ("exercises", "summary", "further reading"):
        assert wanted in sections
    assert re.search(r"minutes?", notebook.cells[0].source + notebook.cells[1].source)
    assert re.search(r"seconds?", notebook.cells[0].source + notebook.cells[1].source)


def test_a_paper_is_cited(notebook):
    assert re.search(
        r"\{cite[:a-z]*\}`[^`]*(raihan2020swat|anon2020swat|xu2022fst)", prose(notebook)
    )


def test_labels_are_unique_in_the_book():
    seen: dict[str, str] = {}
    for path in NOTEBOOKS:
        notebook = book.read(path)
        labels = re.findall(r"^:(?:label|name): *(\S+)$", prose(notebook), re.MULTILINE)
        labels += [
            cell.metadata.mystnb.figure["name"]
            for cell in code(notebook)
            if "name" in cell.metadata.get("mystnb", {}).get("figure", {})
        ]
        for label in labels:
            assert label not in seen, f"{label} is in {path.name} and in {seen[label]}"
            seen[label] = path.name
    assert len(seen) > len(NOTEBOOKS)


def test_the_check_of_the_command_line_agrees(around):
    """`execute.py --check` and the test above look at the same thing."""
    result = subprocess.run(
        [sys.executable, ROOT / "book" / "_ext" / "execute.py", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode == 1) == any(book.is_stale(path, around) for path in NOTEBOOKS)

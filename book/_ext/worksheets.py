"""Write a notebook for each chapter with its exercises: an empty answer and a check for each.

    python book/_ext/worksheets.py              write _build/worksheets
    python book/_ext/worksheets.py --solved     with the solutions put in: _build/solutions

A worksheet begins with those cells of the chapter that its exercises build on. An answer that is
missing raises; the check below it asserts what must hold of any right answer.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from execute import tidy, write
from exercises import Exercise, read_exercises
from notebooks import BOOK, ROOT, read, toc_notebooks

FOLDERS = {False: ROOT / "_build" / "worksheets", True: ROOT / "_build" / "solutions"}
LINE = re.compile(r"\{(?:term|doc|ref|numref|eq|cite(?::\w+)?)\}`([^`<]*?)(?: *<[^`>]*>)?`")

# Functions that show something and change nothing.
SHOWN = ("print", "table", "show_source", "HTML", "display")

HOW = """
Each exercise has a cell for the answer and a check. Put your answer in place of the two lines that
stand there, define what the comment names, and run both: a check that says nothing has passed. The
setup below is the part of the chapter that the exercises build on. It finds the records of the
book's runs from any folder, if the library is installed from a clone: `pip install --editable .`
"""


def touched(tree: ast.AST) -> set[str]:
    """Return the names that a cell may define or change: what it stores, and what it calls."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.alias):
            found.add((node.asname or node.name).split(".")[0])
        elif isinstance(node, ast.Subscript | ast.Attribute) and isinstance(node.ctx, ast.Store):
            found |= loaded(node)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            found |= loaded(node.value)
    return found


def loaded(tree: ast.AST) -> set[str]:
    """Return the names that a piece of code reads."""
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    return {node.id for node in names if isinstance(node.ctx, ast.Load)}


def parsed(source: str) -> ast.Module:
    """Return the syntax tree of a cell."""
    return ast.parse(source)


def setup_cells(before: list[str], exercises: list[Exercise]) -> list[str]:
    """Return the cells of a chapter that its exercises build on, in order.

    Parameters
    ----------
    before : list of str
        The chapter's code cells above the exercises.
    exercises : list of Exercise
    """
    needed: set[str] = set()
    for one in exercises:
        for source in (*one.solution, one.check.asserts, one.check.answer):
            needed |= loaded(parsed(source))
    kept = []
    for position, source in reversed(list(enumerate(before))):
        tree = parsed(source)
        if position == 0 or acts(tree) or (touched(tree) & needed and not only_prints(tree)):
            kept.append(source)
            needed |= loaded(tree)
    return kept[::-1]


def acts(tree: ast.Module) -> bool:
    """Return whether a cell calls a function for what it does: it may change any name."""
    return any(
        isinstance(line, ast.Expr)
        and isinstance(line.value, ast.Call)
        and isinstance(line.value.func, ast.Name)
        and line.value.func.id not in SHOWN
        for line in tree.body
    )


def only_prints(tree: ast.Module) -> bool:
    """Return whether a cell changes nothing: prints, tables of the page and asserts."""
    return all(
        isinstance(line, ast.Assert)
        or (
            isinstance(line, ast.Expr)
            and isinstance(line.value, ast.Call)
            and isinstance(line.value.func, ast.Name)
            and line.value.func.id in SHOWN
        )
        for line in tree.body
    )


def imports(exercises: list[Exercise]) -> str:
    """Return the import lines of all solutions, so that a worksheet has them."""
    found: dict[str, None] = {}
    for one in exercises:
        for source in one.solution:
            for line in parsed(source).body:
                if isinstance(line, ast.Import | ast.ImportFrom):
                    found[ast.unparse(line)] = None
    return "\n".join(found)


def plain(text: str) -> str:
    """Return Markdown without roles, which only the book understands.

    >>> plain("see {term}`SWAT` and {ref}`the pairs <ex-pairs>`")
    'see SWAT and the pairs'
    """
    return LINE.sub(lambda found: found[1].strip(), text)


def answer_cell(one: Exercise, number: int, solved: bool) -> str:
    """Return the source of an answer: the solution, or a line that raises."""
    if solved:
        return "\n\n".join(part for part in (*one.solution, one.check.answer) if part)
    empty = f"{' = '.join(one.check.names)} = None"
    names = ", ".join(one.check.names)
    missing = f'raise NotImplementedError("exercise {number}: define {names}")'
    return f"{one.check.says}\n{empty}\n{missing}"


def worksheet(chapter: nbformat.NotebookNode, solved: bool = False) -> nbformat.NotebookNode:
    """Return the worksheet of a chapter.

    Parameters
    ----------
    chapter : notebook
    solved : bool
        Whether the solutions are put in.
    """
    exercises = read_exercises(chapter)
    end = next(n for n, c in enumerate(chapter.cells) if "{exercise}" in c.source)
    before = [c.source for c in chapter.cells[:end] if c.cell_type == "code"]
    title = re.match(r"# (.+)", chapter.cells[0].source)
    heading = title[1] if title else ""
    cells = [new_markdown_cell(f"# {plain(heading)}: exercises\n{HOW.rstrip()}")]
    cells += [new_code_cell(source) for source in setup_cells(before, exercises)]
    if more := imports(exercises):
        cells.append(new_code_cell(more))
    for number, one in enumerate(exercises, start=1):
        about = f"*{one.trains[0].upper()}{one.trains[1:]}; {one.level}, {one.kind}.*"
        cells += [
            new_markdown_cell(f"## {number}. {plain(one.title)}\n\n{about}\n\n{plain(one.text)}"),
            new_code_cell(answer_cell(one, number, solved), metadata={"tags": ["answer"]}),
            new_code_cell(one.check.asserts, metadata={"tags": ["check"]}),
        ]
    notebook = new_notebook(cells=cells)
    tidy(notebook, None)
    return notebook


def write_all(folder: Path, solved: bool) -> list[Path]:
    """Write the worksheets of all chapters; return their paths."""
    written = []
    for path in toc_notebooks():
        target = folder / path.relative_to(BOOK)
        target.parent.mkdir(parents=True, exist_ok=True)
        write(worksheet(read(path), solved), target)
        written.append(target)
    return written


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    parser = argparse.ArgumentParser(description="Write a worksheet for each chapter.")
    parser.add_argument("--solved", action="store_true", help="with the solutions put in")
    options = parser.parse_args(arguments)
    folder = FOLDERS[options.solved]
    print(f"{len(write_all(folder, options.solved))} notebooks in {folder.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

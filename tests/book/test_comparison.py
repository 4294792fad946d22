"""The comparison of outputs: what a cell declares may move, and nothing else.

The second half plants changes in the committed outputs of every notebook. No kernel runs.
"""

import copy
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_output

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "book" / "_ext"))

import notebooks as book  # noqa: E402
from comparison import (  # noqa: E402
    DATA,
    NUMBER,
    Declaration,
    Tolerance,
    declaration,
    difference,
    html_difference,
    table_columns,
    text_difference,
    value,
)

# --- what a number is, and what a cell may declare


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("cosine 0.97, error -0.25", ["0.97", "-0.25"]),
        ("[-0.05  0.    0.13 1e-4 2.5E+3]", ["-0.05", "0.", "0.13", "1e-4", "2.5E+3"]),
        ("1,234.5 of 10,000", ["1,234.5", "10,000"]),
        ("80% of 12 rows, −3 points", ["80", "12", "−3"]),
        ("nan -inf NaN", ["nan", "-inf", "NaN"]),
        ("layer1.0.conv1 2:4 16x16 5x resnet18 v1.2.3 banana", []),
        ("{0.9: 0.5}, seed 0: 93.2", ["0.5", "93.2"]),
        ("{'50%': 11, '80 %': 22, 7: 'a'}, at 90 %: 1.5", ["11", "22", "1.5"]),
        ("layers 3-4, a-5", ["3", "4", "5"]),
    ],
)
def test_numbers_are_found_and_names_are_not(text, numbers):
    assert NUMBER.findall(text) == numbers


@pytest.mark.parametrize(
    ("comment", "tolerance"),
    [
        ("# live: within 0.02", Tolerance(absolute=0.02)),
        ("# live: within 5 %", Tolerance(relative=0.05)),
        ("# live: within 5% or 0.02", Tolerance(absolute=0.02, relative=0.05)),
        ("# live: within a factor of 4", Tolerance(factor=4)),
    ],
)
def test_a_comment_declares_a_tolerance(comment, tolerance):
    assert declaration(f"{comment}\nprint(1)") == Declaration(tolerance)


def test_columns_have_tolerances_of_their_own():
    three, some = Tolerance(absolute=3), Tolerance(relative=0.05)
    found = declaration("# live: accuracy within 3; norm, papers; ratio within 5 %")
    assert found == Declaration(None, {"accuracy": three, "norm, papers": some, "ratio": some})


@pytest.mark.parametrize("source", ["x = 1", "# lively: within 3", "a = '# live: within 3'", ""])
def test_a_cell_without_the_comment_declares_nothing(source):
    assert declaration(source) is None


@pytest.mark.parametrize(
    "comment",
    [
        "# live:",
        "# live: about 3",
        "# live: within",
        "# live: within 0",
        "# live: within 0 %",
        "# live: within a factor of 1",
        "# live: within -1",
        "# live: within nan",
        "# live: within 5 % of that",
        "# live: within a factor of 5 %",
        "# live: within 1; within 2",
        "# live: within 1; accuracy within 2",
        "# live: accuracy within 2; ratio",
        "# live: accuracy within",
        "# live: within 1\n# live: within 2",
    ],
)
def test_a_comment_that_cannot_be_read_fails_the_cell(comment):
    with pytest.raises(ValueError, match=r"live|limit"):
        declaration(comment)
    assert difference([], [], comment)


@pytest.mark.parametrize(
    ("tolerance", "stored", "same", "other"),
    [
        (Tolerance(absolute=0.02), "0.54", ["0.52", "0.56", "0.54"], ["0.51", "0.57", "-0.54"]),
        (Tolerance(absolute=0.02), "0.01", ["-0.01", "0.00"], ["-0.02"]),
        (Tolerance(absolute=0.02), "12", ["12"], ["11", "13", "nan"]),
        (Tolerance(absolute=3), "80", ["77", "83"], ["76", "84"]),
        (Tolerance(relative=0.05), "200.0", ["190.0", "210.0"], ["189.9", "210.1", "-200.0"]),
        (Tolerance(relative=0.05), "200", ["200"], ["199", "201"]),
        (Tolerance(relative=0.05), "0.00", ["0.00"], ["0.01"]),
        (Tolerance(relative=0.05, absolute=0.02), "0.00", ["0.02"], ["0.03"]),
        (Tolerance(factor=4), "8.9", ["2.3", "35"], ["2.2", "36", "-8.9", "0.0", "nan", "inf"]),
        (Tolerance(absolute=9), "nan", ["nan", "NaN"], ["0", "inf"]),
        (Tolerance(absolute=9), "inf", ["inf"], ["-inf", "nan", "1e308"]),
        (Tolerance(absolute=9), "0", [], ["nan", "inf"]),
    ],
)
def test_numbers_are_compared_as_numbers(tolerance, stored, same, other):
    for fresh in same:
        assert tolerance.allows(stored, fresh), fresh
    for fresh in other:
        assert not tolerance.allows(stored, fresh), fresh


def test_padding_may_move_with_the_width_of_a_number():
    stored = "layer  cosine\n1       -0.01\n2        9.99\n"
    fresh = "layer  cosine\n1        0.01\n2       10.01\n"
    assert text_difference(stored, fresh, Tolerance(absolute=0.02)) is None
    assert text_difference(stored, fresh.replace("\n2", " 2"), Tolerance(absolute=0.02))
    assert text_difference("[0.1  0.25]", "[0.12 0.25]", Tolerance(absolute=0.02)) is None


TABLE = """<table><thead><tr><th>seed</th><th>accuracy</th></tr></thead><tbody>
<tr><td>0</td><td>81.2</td></tr><tr><td>1</td><td>83.0</td></tr></tbody></table>"""


@pytest.mark.parametrize(
    ("old", "new", "caught"),
    [
        ("81.2", "83.1", False),
        ("81.2", "84.3", True),
        ("<td>0<", "<td>2<", True),
        (">accuracy<", ">error<", True),
        ("<tr><td>1</td><td>83.0</td></tr>", "", True),
        ("83.0", "83.0 %", True),
    ],
)
def test_only_the_named_column_of_a_table_is_loose(old, new, caught):
    declared = Declaration(None, {"accuracy": Tolerance(absolute=3)})
    assert TABLE.count(old) == 1
    assert bool(html_difference(TABLE, TABLE.replace(old, new), declared)) == caught


def test_a_column_that_is_not_there_is_an_error():
    declared = Declaration(None, {"loss": Tolerance(absolute=3)})
    assert "loss" in html_difference(TABLE, TABLE, declared)


# --- the book


class Cell:
    """A cell of the book, its outputs, and how far its numbers may move."""

    def __init__(self, path: Path, number: int, cell: NotebookNode):
        self.name = f"{path.parent.name}/{path.name}, cell {number}"
        self.source, self.outputs = cell.source, cell.outputs
        self.declared = declaration(cell.source)

    def caught(self, fresh: list[NotebookNode]) -> bool:
        return difference(self.outputs, fresh, self.source) is not None


CELLS = [
    Cell(path, number, cell)
    for path in book.toc_notebooks()
    for number, cell in enumerate(c for c in book.read(path).cells if c.cell_type == "code")
]
EXACT = [cell for cell in CELLS if cell.declared is None]
LIVE = [cell for cell in CELLS if cell.declared is not None]


def test_an_unchanged_book_passes():
    for cell in CELLS:
        assert not cell.caught(copy.deepcopy(cell.outputs)), cell.name


def test_no_cell_is_left_out_of_the_comparison():
    for path in book.toc_notebooks():
        for cell in book.read(path).cells:
            tags = cell.metadata.get("tags", [])
            assert not [tag for tag in tags if "nbval" in tag.lower()], path
            assert not re.search(r"^\s*#\s*(NBVAL|PYTEST_VALIDATE)", cell.source, re.MULTILINE)


def edited(change: Callable[[str], str | None]) -> Callable[[list[NotebookNode]], Iterator]:
    """Turn a change of text into copies of outputs, each with one rendering changed."""

    def plant(outputs: list[NotebookNode]) -> Iterator[list[NotebookNode]]:
        for place, output in enumerate(outputs):
            data = output.get("data", {})
            # LaTeX and plain text beside HTML are the same table for other readers.
            keys = [k for k in data if k == "text/html"] or [k for k in data if k == "text/plain"]
            for key in ["text"] if output.output_type == "stream" else keys:
                text = output["text"] if key == "text" else data[key]
                new = change(text)
                if new is not None and new != text:
                    fresh = copy.deepcopy(outputs)
                    (fresh[place] if key == "text" else fresh[place].data)[key] = new
                    yield fresh

    return plant


def substituted(pattern: str, new: str | Callable[[re.Match], str]) -> Callable:
    """Change the first place where a pattern is found."""
    return edited(lambda text: re.sub(pattern, new, text, count=1))


def next_digit(found: re.Match) -> str:
    """Make the last digit of a number another one."""
    return found[0][:-1] + str((int(found[0][-1]) + 1) % 10)


def rows(text: str) -> list[re.Match]:
    """The rows of data of a table in HTML, or the lines of anything else."""
    if "<table" in text:
        return [r for r in re.finditer(r"<tr\b.*?</tr>", text, re.DOTALL) if "<td" in r[0]]
    return [] if "<" in text else list(re.finditer(r"[^\n]*\S[^\n]*\n", text))


def without_a_row(text: str) -> str | None:
    found = rows(text)
    return text[: found[-1].start()] + text[found[-1].end() :] if found else None


def with_a_row_twice(text: str) -> str | None:
    found = rows(text)
    return text[: found[-1].end()] + found[-1][0] + text[found[-1].end() :] if found else None


def refilled(row: str, texts: list[str]) -> str:
    """A row of a table with other texts in its cells."""
    rest = iter(texts)
    return DATA.sub(lambda cell: cell[1] + next(rest), row)


def with_rows_swapped(text: str) -> str | None:
    """The contents of the first and the last row change places; their ids stay."""
    found = rows(text)
    if len(found) < 2:
        return None
    first, last = found[0], found[-1]
    one, two = first[0], last[0]
    if "<td" in one:
        texts = [[cell[2] for cell in DATA.finditer(row)] for row in (one, two)]
        if len(texts[0]) != len(texts[1]):
            return None
        one, two = refilled(one, texts[1]), refilled(two, texts[0])
    else:
        one, two = two, one
    return text[: first.start()] + one + text[first.end() : last.start()] + two + text[last.end() :]


def without_images(outputs: list[NotebookNode]) -> Iterator[list[NotebookNode]]:
    for place, output in enumerate(outputs):
        if "image/png" in output.get("data", {}):
            yield outputs[:place] + outputs[place + 1 :]
            fresh = copy.deepcopy(outputs)
            del fresh[place].data["image/png"]
            yield fresh
            fresh = copy.deepcopy(outputs)
            fresh[place].data["image/png"] = ""
            yield fresh


def without_one(outputs: list[NotebookNode]) -> Iterator[list[NotebookNode]]:
    for place in range(len(outputs)):
        yield outputs[:place] + outputs[place + 1 :]


def with_one_more(outputs: list[NotebookNode]) -> Iterator[list[NotebookNode]]:
    yield [*outputs, new_output("stream", name="stderr", text="a warning\n")]
    yield [*outputs, new_output("display_data", {"image/png": "iVBORw0KGgo=", "text/plain": ""})]
    yield [*outputs, *outputs] if outputs else [new_output("stream", text="a line\n")]


def on_stderr(outputs: list[NotebookNode]) -> Iterator[list[NotebookNode]]:
    for place, output in enumerate(outputs):
        if output.output_type == "stream":
            fresh = copy.deepcopy(outputs)
            fresh[place].name = "stderr"
            yield fresh


def in_another_order(outputs: list[NotebookNode]) -> Iterator[list[NotebookNode]]:
    if len(outputs) > 1:
        yield [outputs[-1], *outputs[:-1]]
        yield [*outputs[1:], outputs[0]]


INTEGER = r"(?<![\w.,#\"-])\d+(?![\w.,%\"])"
DECIMAL = r"(?<![\w.])\d+\.\d+(?![\w.])"

# Every name is a kind of change; every kind is planted in every cell that has room for it.
ANYWHERE: dict[str, Callable] = {
    "a missing row": edited(without_a_row),
    "a row twice": edited(with_a_row_twice),
    "a changed word": substituted(r"(?<=[ >])[a-z]{3,}(?=[ <,])", "something"),
    "a word more": substituted(r"(?<=[ >])([a-z]{3,})(?=[ <,])", r"\1 again"),
    "a capital letter": substituted(r"(?<=[ >])[a-z](?=[a-z]+[ <,])", lambda m: m[0].upper()),
    "a changed unit": substituted(r"%|KiB|MiB|degrees", "points"),
    "a heading": substituted(r"(?<=>)[^<>\n]+(?=</th>)", "another"),
    "NaN for a number": substituted(DECIMAL, "nan"),
    "an infinity for a number": substituted(DECIMAL, "inf"),
    "a number for a word": substituted(r"(?<=[ >])[a-z]{3,}(?=[ <,])", "0.5"),
    "a word for a number": substituted(DECIMAL, "none"),
    "a number more": substituted(f"({DECIMAL})", r"\1 \1"),
    "a thousand times as much": substituted(r"(?<![\w.])[1-9]\d*\.\d+(?![\w.])", r"\g<0>e3"),
    "the opposite": substituted(r"\b(True|False)\b", lambda m: str(m[0] == "False")),
    "a missing figure": without_images,
    "a missing output": without_one,
    "one output more": with_one_more,
    "a stream that became an error": on_stderr,
    "another order": in_another_order,
}
TO_THE_LETTER: dict[str, Callable] = {
    "the last digit of a fraction": substituted(DECIMAL, next_digit),
    "a count": substituted(INTEGER, next_digit),
    "a sign": substituted(DECIMAL, r"-\g<0>"),
    "one digit less": substituted(r"(?<![\w.])(\d+\.\d+)\d(?![\w.])", r"\1"),
    "two rows swapped": edited(with_rows_swapped),
    "a space": substituted(r"(?<=[a-z,]) (?=[a-z])", "  "),
}


def planted(cells: list[Cell], plant: Callable) -> Iterator[tuple[Cell, list[NotebookNode]]]:
    for cell in cells:
        for fresh in plant(cell.outputs):
            yield cell, fresh


@pytest.mark.parametrize("kind", ANYWHERE)
def test_a_change_is_caught_in_every_cell(kind):
    """The tolerance of a cell is for its numbers alone."""
    count = 0
    for cell, fresh in planted(CELLS, ANYWHERE[kind]):
        assert cell.caught(fresh), cell.name
        count += 1
    assert count >= 20


@pytest.mark.parametrize("kind", TO_THE_LETTER)
def test_a_change_is_caught_to_the_letter(kind):
    count = 0
    for cell, fresh in planted(EXACT, TO_THE_LETTER[kind]):
        assert cell.caught(fresh), cell.name
        count += 1
    assert count >= 20


def moved(tolerance: Tolerance, number: str, times: float) -> str | None:
    """A printed number moved by so many times its tolerance; None if that cannot be printed."""
    decimals = len(number.partition(".")[2])
    if "." not in number and not (tolerance.absolute >= 1 or tolerance.factor > 1):
        return None
    old = value(number)
    if tolerance.factor > 1:
        new = old * tolerance.factor**times
    else:
        room = max(tolerance.absolute, tolerance.relative * abs(old) if "." in number else 0.0)
        new = old + times * room
    text = f"{new:.{decimals}f}"
    stays = abs(value(text) - new) < 0.2 * abs(new - old)
    return text if stays else None


@pytest.mark.parametrize("times", [1.5, -1.5, 40])
def test_a_number_beyond_its_tolerance_is_caught(times):
    count = 0
    for cell, fresh, _ in moves(times):
        assert cell.caught(fresh), cell.name
        count += 1
    assert count >= 20


@pytest.mark.parametrize("times", [0.7, -0.7])
def test_a_number_within_its_tolerance_passes(times):
    count = 0
    for cell, fresh, number in moves(times):
        assert not cell.caught(fresh), f"{cell.name}: {number}"
        count += 1
    assert count >= 20


def moves(times: float) -> Iterator[tuple[Cell, list[NotebookNode], str]]:
    """Move each loose number of each live cell by so many times what it may move."""
    for cell in LIVE:
        for place, output in enumerate(cell.outputs):
            stream = output.output_type == "stream"
            key = "text" if stream else "text/html"
            text = output["text"] if stream else output.get("data", {}).get(key, "")
            for start, number, tolerance in loose(text, cell.declared, stream):
                new = moved(tolerance, number, times)
                if new is None:
                    continue
                fresh = copy.deepcopy(cell.outputs)
                target = fresh[place] if stream else fresh[place].data
                target[key] = text[:start] + new + text[start + len(number) :]
                yield cell, fresh, number


def loose(text: str, declared: Declaration, stream: bool) -> Iterator[tuple[int, str, Tolerance]]:
    """The numbers of an output that may move: where, what, how far."""
    if stream:
        for found in NUMBER.finditer(text) if declared.everywhere else ():
            yield found.start(), found[0], declared.everywhere
        return
    for cell, names in zip(DATA.finditer(text), table_columns(text), strict=True):
        named = [declared.columns[name] for name in names if name in declared.columns]
        tolerance = declared.everywhere or (named[0] if named else None)
        for found in NUMBER.finditer(cell[2]) if tolerance else ():
            yield cell.start(2) + found.start(), found[0], tolerance


def test_every_declaration_is_needed():
    """A cell that shows no number that may move has nothing to declare."""
    with_moves = {cell.name for cell, _, _ in moves(0.9)} | {c.name for c, _, _ in moves(40)}
    assert with_moves == {cell.name for cell in LIVE}


def test_no_tolerance_is_so_wide_that_it_says_nothing():
    for cell in LIVE:
        assert cell.declared.widest.relative <= 0.25, cell.name
        assert cell.declared.widest.factor <= 10, cell.name

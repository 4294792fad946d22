"""The executor: what makes a notebook stale, and that two executions give the same bytes."""

import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "book" / "_ext"))

import execute  # noqa: E402
import notebooks  # noqa: E402


def saved(path: Path, *sources: str) -> Path:
    nbformat.write(
        new_notebook(cells=[new_markdown_cell("# Title"), *map(new_code_cell, sources)]), path
    )
    return path


@pytest.fixture
def around(tmp_path_factory) -> notebooks.Surroundings:
    """A repository without a library and without data."""
    root = tmp_path_factory.mktemp("repository")
    (root / "requirements.lock").write_text("torch==1.0\n")
    return notebooks.surroundings(root)


def test_code_makes_a_notebook_stale_and_prose_does_not(around):
    notebook = new_notebook(cells=[new_markdown_cell("a"), new_code_cell("1 + 1")])
    before = notebooks.fingerprint(notebook, around)
    notebook.cells[0].source = "b"
    assert notebooks.fingerprint(notebook, around) == before
    notebook.cells[1].source = "1 + 2"
    assert notebooks.fingerprint(notebook, around) != before


def test_moving_text_between_cells_is_a_change(around):
    one = new_notebook(cells=[new_code_cell("a = 1\nb = 2")])
    two = new_notebook(cells=[new_code_cell("a = 1"), new_code_cell("b = 2")])
    assert notebooks.fingerprint(one, around) != notebooks.fingerprint(two, around)


def test_streams_are_joined_and_kept_apart_from_each_other():
    pieces = [
        new_output("stream", name="stdout", text="a"),
        new_output("stream", name="stdout", text="b"),
        new_output("stream", name="stderr", text="c"),
        new_output("stream", name="stdout", text="d"),
    ]
    merged = execute.merge_streams(pieces)
    assert [(o.name, o.text) for o in merged] == [
        ("stdout", "ab"),
        ("stderr", "c"),
        ("stdout", "d"),
    ]


FIGURE = """
import matplotlib.pyplot as plt
plt.plot([0, 1])
plt.show()
"""


def test_two_executions_give_the_same_bytes(tmp_path, around):
    path = saved(tmp_path / "n.ipynb", "print('a')\nprint('b')", FIGURE, "{'b', 'a'}")
    assert execute.execute(path, around)[1] == ""
    first = path.read_bytes()
    assert not notebooks.is_stale(path, around)
    assert notebooks.is_stale(path, notebooks.surroundings())
    assert execute.execute(path, around)[1] == ""
    assert path.read_bytes() == first
    assert list(tmp_path.iterdir()) == [path]


def test_a_failing_cell_is_named_with_its_traceback_and_the_file_is_left_alone(tmp_path, around):
    path = saved(tmp_path / "n.ipynb", "a = 1", "raise ValueError('no such sparsity')", "b = 2")
    before = path.read_bytes()
    _, problem = execute.execute(path, around)
    assert "n.ipynb, cell-003" in problem
    assert "ValueError" in problem
    assert "no such sparsity" in problem
    assert path.read_bytes() == before


def test_command_line_exit_codes(tmp_path, capsys):
    path = saved(tmp_path / "n.ipynb", "1 / 0")
    assert execute.main(["--check", str(path)]) == 1
    assert "stale" in capsys.readouterr().out
    assert execute.main([str(path)]) == 1
    assert "ZeroDivisionError" in capsys.readouterr().err
    with pytest.raises(SystemExit) as stopped:
        execute.main([str(tmp_path / "absent.ipynb")])
    assert stopped.value.code == 2
    assert "no such notebook" in capsys.readouterr().err

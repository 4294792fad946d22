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


def small_repository(root: Path) -> Path:
    (root / "swatlib").mkdir(parents=True)
    (root / "data").mkdir()
    (root / "requirements.lock").write_text("torch==1.0\n")
    (root / "swatlib" / "a.py").write_text("x = 1\n")
    (root / "data" / "b.csv").write_text("1,2\n")
    return root


@pytest.mark.parametrize("name", ["requirements.lock", "swatlib/a.py", "data/b.csv"])
def test_a_changed_file_changes_the_fingerprint(tmp_path, name):
    root = small_repository(tmp_path)
    before = notebooks.surroundings(root)
    (root / name).write_text("something else\n")
    assert notebooks.surroundings(root) != before


@pytest.mark.parametrize("name", ["swatlib/new.py", "data/records/r.json"])
def test_a_new_file_changes_the_fingerprint(tmp_path, name):
    root = small_repository(tmp_path)
    before = notebooks.surroundings(root)
    (root / name).parent.mkdir(exist_ok=True)
    (root / name).write_text("{}")
    assert notebooks.surroundings(root) != before


@pytest.mark.parametrize(
    "name", ["swatlib/__pycache__/a.pyc", "data/records/r.json.lock", "data/.hidden", "README.md"]
)
def test_a_file_no_output_depends_on_does_not(tmp_path, name):
    root = small_repository(tmp_path)
    before = notebooks.surroundings(root)
    (root / name).parent.mkdir(exist_ok=True)
    (root / name).write_text("{}")
    assert notebooks.surroundings(root) == before


def test_code_makes_a_notebook_stale_and_prose_does_not():
    notebook = new_notebook(cells=[new_markdown_cell("a"), new_code_cell("1 + 1")])
    before = notebooks.fingerprint(notebook, "around")
    notebook.cells[0].source = "b"
    assert notebooks.fingerprint(notebook, "around") == before
    notebook.cells[1].source = "1 + 2"
    assert notebooks.fingerprint(notebook, "around") != before
    assert notebooks.fingerprint(notebook, "elsewhere") != notebooks.fingerprint(notebook, "around")


def test_moving_text_between_cells_is_a_change():
    one = new_notebook(cells=[new_code_cell("a = 1\nb = 2")])
    two = new_notebook(cells=[new_code_cell("a = 1"), new_code_cell("b = 2")])
    assert notebooks.fingerprint(one, "") != notebooks.fingerprint(two, "")


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


def test_two_executions_give_the_same_bytes(tmp_path):
    path = saved(tmp_path / "n.ipynb", "print('a')\nprint('b')", FIGURE, "{'b', 'a'}")
    assert execute.execute(path, "around")[1] == ""
    first = path.read_bytes()
    assert not notebooks.is_stale(path, "around")
    assert notebooks.is_stale(path, "changed")
    assert execute.execute(path, "around")[1] == ""
    assert path.read_bytes() == first
    assert list(tmp_path.iterdir()) == [path]


def test_a_failing_cell_is_named_with_its_traceback_and_the_file_is_left_alone(tmp_path):
    path = saved(tmp_path / "n.ipynb", "a = 1", "raise ValueError('no such sparsity')", "b = 2")
    before = path.read_bytes()
    _, problem = execute.execute(path, "around")
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

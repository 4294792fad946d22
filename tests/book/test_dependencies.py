"""A changed file makes exactly those notebooks stale whose outputs may depend on it."""

import subprocess
import sys
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_notebook

import notebooks

FILES = {
    "requirements.lock": "torch==1.0\n",
    "swatlib/__init__.py": "from swatlib.core import layer\n",
    "swatlib/core/__init__.py": "",
    "swatlib/core/layer.py": "from . import mask\nfrom .mask import keep\n",
    "swatlib/core/mask.py": "def keep():\n    from ..lazy import late\n",
    "swatlib/lazy.py": "late = 1\n",
    "swatlib/bench/__init__.py": "",
    "swatlib/bench/timing.py": "import swatlib.bench.clock as clock\n",
    "swatlib/bench/clock.py": "",
    "swatlib/cli/__init__.py": "import_module(f'{__name__}.{name}')\n",
    "swatlib/cli/train.py": "",
    "swatlib/papers.py": "FOLDER = Path(__file__).parents[1] / 'data' / 'papers'\n",
    "swatlib/accelerator.py": "FOLDER = Path(__file__).parents[1] / 'data' / 'records' / 'acc'\n",
    "data/papers/table.csv": "1,2\n",
    "data/records/acc/r.json": "{}",
    "data/records/swat-digits/r.json": "{}",
    "data/records/swat-patches/r.json": "{}",
    "data/records/fst-digits/r.json": "{}",
}
CORE = {
    "requirements.lock",
    *(f"swatlib/{n}.py" for n in ("__init__", "core/__init__", "core/layer", "core/mask", "lazy")),
}
PAPERS = CORE | {"swatlib/papers.py", "data/papers/table.csv"}


def records(*names: str) -> set[str]:
    return {f"data/records/{name}/r.json" for name in names}


EVERY = records("acc", "swat-digits", "swat-patches", "fst-digits")

# What a cell says, and the files that it depends on.
CELLS = [
    ("1 + 1", {"requirements.lock"}),
    ("import swatlib", CORE),
    ("from swatlib.core import mask", CORE),
    ("from swatlib.core.mask import keep", CORE),
    (
        "def later():\n    from swatlib.bench.timing import seconds",
        CORE | {f"swatlib/bench/{n}.py" for n in ("__init__", "timing", "clock")},
    ),
    (
        "show_source('swatlib.bench.clock.tick')",
        CORE | {"swatlib/bench/__init__.py", "swatlib/bench/clock.py"},
    ),
    ("import swatlib.cli", CORE | {"swatlib/cli/__init__.py", "swatlib/cli/train.py"}),
    ("from swatlib.papers import paper_table", PAPERS),
    ("from swatlib import papers\nrecords('swat-digits')", PAPERS | records("swat-digits")),
    ("records('swat-digits')", {"requirements.lock"}),
    (
        "from swatlib import papers\nrecords(f'swat-{data}')",
        PAPERS | records("swat-digits", "swat-patches"),
    ),
    (
        "from swatlib import papers\nnames = [m + '-digits' for m in METHODS]",
        PAPERS | records("swat-digits", "fst-digits"),
    ),
    ("from swatlib import papers\nprint(f'{a}', f'{a}/{b}', f'{a:.0%} of {b}')", PAPERS),
    ("from swatlib import papers\nepochs(f'{name}')", PAPERS | EVERY),
    ("from swatlib import papers\nx = EXPERIMENTS['fst-digits']", PAPERS | records("fst-digits")),
    ("from swatlib import papers\nfor name in EXPERIMENTS: ...", PAPERS | EVERY),
    (
        "read_records(f'../../data/records/{name}')",
        {"requirements.lock", "data/papers/table.csv"} | EVERY,
    ),
    (
        "pd.read_csv('../../data/records/fst-digits/r.json')",
        {"requirements.lock", "data/papers/table.csv"} | records("fst-digits"),
    ),
    (
        "import swatlib.accelerator",
        CORE | {"swatlib/accelerator.py", "data/papers/table.csv"} | records("acc"),
    ),
    ("%time swatlib", set(FILES)),
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize(("cell", "wanted"), CELLS, ids=[cell for cell, _ in CELLS])
def test_a_changed_file_makes_exactly_the_dependent_notebooks_stale(root, cell, wanted):
    notebook = new_notebook(cells=[new_code_cell(cell)])
    before = notebooks.fingerprint(notebook, notebooks.surroundings(root))
    stale = set()
    for name, text in FILES.items():
        (root / name).write_text(f"{text}\n")
        if notebooks.fingerprint(notebook, notebooks.surroundings(root)) != before:
            stale.add(name)
        (root / name).write_text(text)
    assert stale == wanted


@pytest.mark.parametrize(
    ("name", "matters"),
    [
        ("swatlib/core/new.py", False),
        ("data/papers/new.csv", True),
        ("data/records/swat-digits/new.json", True),
        ("data/records/new/r.json", False),
        ("swatlib/__pycache__/papers.pyc", False),
        ("data/records/swat-digits/r.json.lock", False),
        ("data/.hidden", False),
        ("README.md", False),
    ],
)
def test_a_new_file(root, name, matters):
    cell = "from swatlib.papers import paper_table\nrecords('swat-digits')"
    notebook = new_notebook(cells=[new_code_cell(cell)])
    before = notebooks.fingerprint(notebook, notebooks.surroundings(root))
    (root / name).parent.mkdir(exist_ok=True)
    (root / name).write_text("")
    changed = notebooks.fingerprint(notebook, notebooks.surroundings(root)) != before
    assert changed == matters


@pytest.mark.parametrize("name", ["swatlib.plotting.chapter", "swatlib.experiments"])
def test_what_is_really_imported_is_found_by_reading(name):
    code = f"import {name}, sys; print(*[m for m in sys.modules if m.startswith('swatlib')])"
    command = [sys.executable, "-c", code]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, cwd=notebooks.ROOT)
    imported = set(ran.stdout.split())
    assert len(imported) > 40
    assert imported <= notebooks.surroundings().reached([name])


def cells(path: Path) -> list[str]:
    return [cell.source for cell in notebooks.read(path).cells if cell.cell_type == "code"]


def test_no_chapter_depends_on_the_command_line_and_every_one_on_the_layers():
    around = notebooks.surroundings()
    for path in notebooks.toc_notebooks():
        files = around.files(cells(path))
        assert "swatlib/core/layers.py" in files, path
        assert not [name for name in files if name.startswith("swatlib/cli/")], path

"""Folders show the plan: imports go one way, tests mirror the library, old names say the new."""

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

import swatlib
from swatlib._moved import MOVED

LIBRARY = Path(swatlib.__file__).parent
TESTS = Path(__file__).parent

ORDER = (
    ("checks", "checked", "clock", "machine", "files", "_moved"),
    ("kernels",),
    ("core",),
    ("selectors",),
    ("surgery",),
    ("methods", "storage"),
    ("models", "data", "analysis", "records", "accounting"),
    ("simulator", "training", "papers"),
    ("plotting", "detection"),
    ("testing",),
    ("experiments",),
    ("claims",),
    ("bench",),
    ("cli",),
)
"""Folders from the ground up: a file imports from its own row and from rows above it here."""

ROW = {name: row for row, names in enumerate(ORDER) for name in names}


def modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(LIBRARY.rglob("*.py")):
        name = ".".join(path.relative_to(LIBRARY).with_suffix("").parts)
        yield name.removesuffix(".__init__"), ast.parse(path.read_text(encoding="utf-8"))


def imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "swatlib":
            inner = (node.module or "").removeprefix("swatlib").removeprefix(".")
            yield from [inner] if inner else [alias.name for alias in node.names]
        elif isinstance(node, ast.Import):
            yield from (a.name[8:] for a in node.names if a.name.startswith("swatlib."))


def test_imports_go_one_way() -> None:
    seen = 0
    for name, tree in modules():
        if name in ("__init__", ""):
            continue
        own = name.split(".")[0]
        for other in imported(tree):
            folder = other.split(".")[0]
            seen += 1
            assert folder in ROW, f"{name} imports {other}, which has no place in the order"
            assert ROW[folder] <= ROW[own], f"{name} imports {other}, which stands above it"
    assert seen > 300


def test_folders_of_one_row_do_not_import_each_other_in_a_circle() -> None:
    edges = {
        (name.split(".")[0], other.split(".")[0])
        for name, tree in modules()
        for other in imported(tree)
        if name not in ("__init__", "")
    }
    for a, b in edges:
        if a != b:
            assert (b, a) not in edges, f"{a} and {b} import each other"


def test_the_top_holds_ground_modules_only() -> None:
    top = {path.stem for path in LIBRARY.glob("*.py")}
    assert top <= {"__init__", "testing"} | set(ORDER[0])


def test_the_core_fits_an_afternoon() -> None:
    lines = sum(
        len(path.read_text(encoding="utf-8").splitlines()) for path in LIBRARY.glob("core/*.py")
    )
    assert lines < 2000


WITHOUT_OWN_TESTS = {
    "_moved.py": "tested here: a former name says the present one",
}
"""Modules that have no test file of their name, and why."""


def test_tests_mirror_the_library() -> None:
    folders = {path.parent.name for path in LIBRARY.glob("*/__init__.py")}
    found = [path.relative_to(LIBRARY) for path in sorted(LIBRARY.rglob("[!_]*.py"))]
    found += [path.relative_to(LIBRARY) for path in LIBRARY.rglob("_[!_]*.py")]
    assert len(found) > 100
    missing = [
        f"tests/{path.parent / f'test_{path.name}'}"
        for path in found
        if str(path) not in WITHOUT_OWN_TESTS
        and not (TESTS / path.parent / f"test_{path.name}").is_file()
    ]
    assert not missing
    assert all((LIBRARY / path).is_file() for path in WITHOUT_OWN_TESTS)
    for path in TESTS.glob("*/test_*.py"):
        folder = path.parent.name
        assert folder in folders | {"book", "clients", "fuzz"}, f"{path} mirrors no folder"


@pytest.mark.parametrize("former", MOVED)
def test_a_former_name_says_the_present_one(former: str) -> None:
    with pytest.raises(ImportError, match=rf"swatlib.{former} is now swatlib\."):
        importlib.import_module(f"swatlib.{former}")
    for present in MOVED[former].split(" and swatlib."):
        assert importlib.import_module(f"swatlib.{present}")


def test_the_front_exports_what_it_names() -> None:
    assert sorted(swatlib.__all__) == sorted(set(swatlib.__all__))
    for name in swatlib.__all__:
        assert getattr(swatlib, name).__doc__ or name.isupper(), f"{name} has no docstring"

"""What a notebook's outputs depend on beside its cells, found by reading and not by running.

The pinned versions; every module of the library that the cells import, and what those import in
turn, also inside functions; and, where one of them reads below ``data/``, the data. Of the records
of experiments only those count whose names are written out.
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

LIBRARY = "swatlib"
PINNED = "requirements.lock"
RECORDS = "data/records/"

# Left behind by editors, interpreters and runs in flight; no output depends on them.
IGNORED_PARTS = ("__pycache__", ".ipynb_checkpoints")
IGNORED_SUFFIXES = (".pyc", ".tmp", ".lock")

# A string that is a dotted name, as in show_source("swatlib.core.products.Product.backward").
DOTTED = re.compile(rf"{LIBRARY}(\.\w+)+")
# What is filled in later: "accuracy-{}".format(...), "accuracy-%s" % ...
HOLE = re.compile(r"\{[^{}]*\}|%\w")
# A function that is given the names of experiments.
READER = re.compile(r"records|epochs|measured")


def matters(path: Path) -> bool:
    """Return whether an output may depend on a file of the library or of the data."""
    hidden = any(part.startswith(".") or part in IGNORED_PARTS for part in path.parts)
    return not hidden and path.suffix not in IGNORED_SUFFIXES


@dataclass(frozen=True)
class Source:
    """What a piece of Python imports and reads.

    Parameters
    ----------
    imports : frozenset of str
        Dotted names of the library: modules, or names in modules; ``swatlib.cli.*`` is a package
        with all that is in it.
    reads_data : bool
        Whether a path below ``data/`` is written in it.
    experiments : frozenset of str
        Patterns of the names of experiments whose records it may read.
    """

    imports: frozenset[str]
    reads_data: bool
    experiments: frozenset[str]


def read_source(text: str, package: str = LIBRARY) -> Source:
    """Return what a piece of Python imports and reads.

    Parameters
    ----------
    text : str
    package : str
        Where its relative imports start.

    Raises
    ------
    SyntaxError
        If it is no Python, such as a cell with a magic command.
    """
    tree = ast.parse(text)
    paths = set(_paths(tree))
    divided = any(
        isinstance(node, ast.BinOp)
        and isinstance(node.op, ast.Div)
        and isinstance(node.right, ast.Constant)
        and node.right.value == "data"
        for node in ast.walk(tree)
    )
    below = any("data" in path.split("/") and "/" in path for path in paths)
    return Source(
        imports=frozenset(_imports(tree, package)),
        reads_data=divided or below,
        experiments=frozenset(_experiments(tree, paths)),
    )


def _imports(tree: ast.AST, package: str) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1]
            parts = [*(above if node.level else []), *filter(None, [node.module])]
            yield from (".".join([*parts, alias.name]) for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            if DOTTED.fullmatch(node.value):
                yield node.value
        elif isinstance(node, ast.Call) and _last(node.func) == "import_module":
            # A name put together while running can be anything of the package.
            yield f"{package}.*"


def _last(node: ast.AST) -> str:
    """Return the last part of a dotted name: "records" of ``chapter.records``."""
    return str(getattr(node, "attr", getattr(node, "id", "")))


def _pattern(node: ast.AST) -> str | None:
    """Return a string as a pattern, with a star for what is filled in; None for anything else."""
    if isinstance(node, ast.Constant):
        return HOLE.sub("*", node.value) if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return "".join(_pattern(part) or "*" for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        sides = [_pattern(side) for side in (node.left, node.right)]
        return "".join(side or "*" for side in sides) if any(sides) else None
    return None


def _paths(tree: ast.AST) -> Iterator[str]:
    """Yield the strings that may name a file or an experiment: those without a space."""
    for node in ast.walk(tree):
        pattern = _pattern(node)
        if pattern and not re.search(r"\s", pattern):
            yield pattern


def _experiments(tree: ast.AST, paths: Iterable[str]) -> Iterator[str]:
    for path in paths:
        parts = path.split("/")
        # A name of which nothing is written out counts where records are meant beyond doubt.
        yield from (part for part in parts if part.strip("*") or "records" in parts)
    keyed = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and READER.search(_last(node.func)):
            yield from filter(None, map(_pattern, node.args))
        elif _last(node) == "EXPERIMENTS" and id(node) not in keyed:
            yield "*"


class Surroundings:
    """The files beside the notebooks as they are now, read once.

    Parameters
    ----------
    root : Path
        Of the repository.
    """

    def __init__(self, root: Path) -> None:
        self.hashes = {PINNED: _hash(root / PINNED)}
        self.modules: dict[str, str] = {}
        self.sources: dict[str, Source] = {}
        for folder in (LIBRARY, "data"):
            for path in sorted((root / folder).rglob("*")):
                relative = path.relative_to(root)
                if path.is_file() and matters(relative):
                    self.hashes[relative.as_posix()] = _hash(path)
                    if folder == LIBRARY and path.suffix == ".py":
                        self._add(path, relative)

    def _add(self, path: Path, relative: Path) -> None:
        package = ".".join(relative.parent.parts)
        name = package if path.stem == "__init__" else f"{package}.{path.stem}"
        self.modules[name] = relative.as_posix()
        self.sources[name] = read_source(path.read_text(encoding="utf-8"), package)

    def _named(self, name: str) -> Iterator[str]:
        """Yield the modules that the import of a dotted name executes, its packages included."""
        parts = name.split(".")
        for end in range(1, len(parts) + 1):
            if ".".join(parts[:end]) in self.modules:
                yield ".".join(parts[:end])
        if parts[-1] == "*":
            yield from (module for module in self.modules if module.startswith(name[:-1]))

    def reached(self, names: Iterable[str]) -> set[str]:
        """Return the modules that are imported by dotted names, by those modules, and so on."""
        found: set[str] = set()
        waiting = list(names)
        while waiting:
            for module in self._named(waiting.pop()):
                if module not in found:
                    found.add(module)
                    waiting += self.sources[module].imports
        return found

    def files(self, cells: Iterable[str]) -> list[str]:
        """Return the files that cells depend on, by their paths below the root.

        All of them if the cells are no plain Python.
        """
        try:
            own = read_source("\n".join(cells))
        except SyntaxError:
            return sorted(self.hashes)
        modules = self.reached(own.imports)
        found = {PINNED, *(self.modules[module] for module in modules)}
        readers = [own, *(self.sources[m] for m in modules if self.sources[m].reads_data)]
        if any(source.reads_data for source in readers):
            patterns = {pattern for source in readers for pattern in source.experiments}
            found |= {
                path
                for path in self.hashes
                if path.startswith("data/")
                and (not path.startswith(RECORDS) or _is_named(path, patterns))
            }
        return sorted(found)

    def digest(self, cells: Iterable[str]) -> str:
        """Return one hash of all the files that cells depend on."""
        text = "".join(f"{path}\0{self.hashes[path]}\n" for path in self.files(cells))
        return hashlib.sha256(text.encode()).hexdigest()


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _is_named(path: str, patterns: Iterable[str]) -> bool:
    experiment = path.removeprefix(RECORDS).split("/")[0]
    return any(fnmatchcase(experiment, pattern) for pattern in patterns)

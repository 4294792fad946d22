"""Which notebooks the book has, and whether their committed outputs are still true.

A notebook's outputs depend on its cells, on the modules of the library that these import, on the
data that they read and on the pinned versions. The fingerprint is one hash over all four; it is
stored in the notebook when it is executed, and a notebook whose stored fingerprint differs from the
present one is stale.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import yaml

from dependencies import Surroundings

ROOT = Path(__file__).resolve().parents[2]
BOOK = ROOT / "book"

# Metadata key of the notebook under which the fingerprint is kept.
KEY = "swatlib"


def toc_files(toc: Path = BOOK / "_toc.yml") -> list[str]:
    """Return every ``file:`` and ``root:`` entry of a table of contents, in reading order."""

    def walk(node: Any) -> Iterator[str]:
        if isinstance(node, dict):
            for key, value in node.items():
                if key in ("root", "file"):
                    yield str(value)
                else:
                    yield from walk(value)
        elif isinstance(node, list):
            for item in node:
                yield from walk(item)

    return list(walk(yaml.safe_load(toc.read_text(encoding="utf-8"))))


def toc_notebooks(toc: Path = BOOK / "_toc.yml") -> list[Path]:
    """Return the notebooks of a table of contents, in reading order."""
    paths = [toc.parent / f"{name.removesuffix('.ipynb')}.ipynb" for name in toc_files(toc)]
    return [path for path in paths if path.exists()]


def surroundings(root: Path = ROOT) -> Surroundings:
    """Return what notebooks may depend on, as it is now: library, data and pinned versions."""
    return Surroundings(root)


def fingerprint(notebook: nbformat.NotebookNode, around: Surroundings) -> str:
    """Return the hash of a notebook's code cells and of what they depend on.

    Prose and captions are left out: editing them changes no output.
    """
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    digest = hashlib.sha256(around.digest(cells).encode())
    for source in cells:
        digest.update(source.encode() + b"\0")
    return digest.hexdigest()[:32]


def stored_fingerprint(notebook: nbformat.NotebookNode) -> str | None:
    """Return the fingerprint under which a notebook was last executed, if it ever was."""
    value = notebook.metadata.get(KEY, {}).get("fingerprint")
    return None if value is None else str(value)


def read(path: Path) -> nbformat.NotebookNode:
    """Read a notebook of format 4."""
    return nbformat.read(path, as_version=4)


def is_stale(path: Path, around: Surroundings) -> bool:
    """Return whether a notebook's cells, or what they depend on, changed since it was executed."""
    notebook = read(path)
    return stored_fingerprint(notebook) != fingerprint(notebook, around)

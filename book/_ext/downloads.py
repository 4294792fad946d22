"""Sphinx extension: a notebook that is downloaded says first what it needs to run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

NEEDS = """\
A chapter of *Sparse training, reproduced*. It needs the library `swatlib` and the records beside
it: have a checkout of the book's repository, and either open the chapter there with `make lab`, or
run `pip install -e .` in the checkout and then this file anywhere.
"""


def say_needs(notebook: dict[str, Any]) -> dict[str, Any]:
    """Return a notebook, as JSON has it, with what it needs as its first cell."""
    first = {"cell_type": "markdown", "id": "needs", "metadata": {}, "source": NEEDS}
    return {**notebook, "cells": [first, *notebook["cells"]]}


def finish(app: Sphinx, error: Exception | None) -> None:
    """Say it in the notebooks of a finished HTML build that readers can download."""
    if error is not None or app.builder.format != "html":
        return
    for path in (Path(app.outdir) / "_sources").rglob("*.ipynb"):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        text = json.dumps(say_needs(notebook), indent=1, ensure_ascii=False)
        path.write_text(f"{text}\n", encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.connect("build-finished", finish)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}

"""Sphinx extension: pages are read and written by as many processes as there are processors.

Jupyter Book has no option for it. Two of the extensions that it loads do not say whether pages may
be read apart, and a third not how to bring together what its domain kept of them; all three keep
nothing there.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx_proof.domain import ProofDomain

SILENT = ("sphinx_jupyterbook_latex", "sphinx_multitoc_numbering")


def _nothing_to_merge(domain: ProofDomain, docnames: list[str], other: dict[str, Any]) -> None:
    """Proofs are kept in the environment, whose parts the extension brings together itself."""


def spread(app: Sphinx) -> None:
    """Let Sphinx share its pages out among processes, which all need the library."""
    import_module("swatlib.cli")
    for name in SILENT:
        app.extensions[name].parallel_read_safe = True
    ProofDomain.merge_domaindata = _nothing_to_merge
    app.parallel = len(os.sched_getaffinity(0))


def deal(app: Sphinx, env: BuildEnvironment, docnames: list[str]) -> None:
    """Deal the pages out like cards: a process takes neighbours, and those are alike in size."""
    hands = 2 * app.parallel
    docnames[:] = [name for hand in range(hands) for name in docnames[hand::hands]]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.connect("builder-inited", spread)
    app.connect("env-before-read-docs", deal)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}

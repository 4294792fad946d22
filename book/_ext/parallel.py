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


def dealt(names: list[str], hands: int) -> list[str]:
    """Return the names in the order in which so many hands get them, one name at a time.

    A process takes neighbours, and those are alike in size. The reference comes last: what reads
    the library's source leaves annotations on its classes that the library itself cannot read.

    >>> dealt(["1/a", "1/b", "2/a", "api", "api-core", "intro"], 2)
    ['1/a', '2/a', '1/b', 'intro', 'api', 'api-core']
    """
    reference = [name for name in names if name.startswith("api")]
    pages = [name for name in names if "/" not in name and name not in reference]
    chapters = [name for name in names if "/" in name]
    return [
        name
        for group in (chapters, pages, reference)
        for hand in range(hands)
        for name in group[hand::hands]
    ]


def deal(app: Sphinx, env: BuildEnvironment, docnames: list[str]) -> None:
    """Deal the pages out like cards, see :func:`dealt`."""
    docnames[:] = dealt(docnames, 2 * app.parallel)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.connect("builder-inited", spread)
    app.connect("env-before-read-docs", deal)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}

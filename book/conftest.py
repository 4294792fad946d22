"""Notebooks are executed by nbval and compared by the book's own rules.

``pytest --nbval book`` finds this file by itself. See ``_ext/comparison.py`` for the rules.
"""

import sys
from functools import partial
from pathlib import Path

import nbval.plugin
import pytest

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

from comparison import difference, joined


def compare(cell: nbval.plugin.IPyNbCell, fresh: list, stored: list) -> bool:
    """Return whether the fresh outputs are as good as the stored ones; nbval asks this."""
    problem = difference(stored, fresh, cell.cell.source, cell.sanitize)
    cell.comparison_traceback = [problem] if problem else []
    return problem is None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the book's comparison in the place of nbval's."""
    # nbval joins all pieces of a stream, also those that a figure stands between.
    nbval.plugin.coalesce_streams = as_nodes
    for item in items:
        if isinstance(item, nbval.plugin.IPyNbCell):
            item.compare_outputs = partial(compare, item)


def as_nodes(outputs: list) -> list:
    """Join neighbouring pieces of a stream, in nbval's own type."""
    return [nbval.plugin.NotebookNode(output) for output in joined(outputs)]

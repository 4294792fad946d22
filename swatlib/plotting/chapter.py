"""What every chapter shows in the same way: tables, records, source code, and names.

A chapter reads its records with :func:`records`, shows frames with :func:`table` and the library's
own source with :func:`show_source`, and takes the names of methods and networks from
:data:`METHOD_LABELS` and :data:`NETWORK_LABELS`.
"""

import ast
import importlib.util
import inspect
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any

import pandas as pd
from IPython.display import HTML, Code

from swatlib.checked import checked
from swatlib.files import committed
from swatlib.plotting.labels import METHOD_LABELS, NETWORK_LABELS
from swatlib.records import read_epochs, read_records

__all__ = [
    "METHOD_LABELS",
    "NETWORK_LABELS",
    "RECORDS",
    "epochs",
    "labelled",
    "records",
    "show_source",
    "source",
    "table",
]

RECORDS = Path(__file__).resolve().parents[2] / "data" / "records"
"""Where the committed records lie, beside the package in the repository."""


@checked(digits=None)
def table(frame: pd.DataFrame, digits: int = 1, fixed: bool = False, missing: str = "NaN") -> HTML:
    """Return a frame as a table without its index.

    Parameters
    ----------
    frame : DataFrame
    digits : int
        Decimal places of floats.
    fixed : bool
        True prints all of them, also zeros at the end.
    missing : str
        What stands for a missing value.
    """
    # Pivoting gives the columns a name, which HTML would show as an extra, empty column.
    frame = frame.rename_axis(columns=[None] * frame.columns.nlevels)
    if fixed:
        return HTML(
            frame.to_html(index=False, border=0, float_format=f"%.{digits}f", na_rep=missing)
        )
    return HTML(frame.round(digits).to_html(index=False, border=0, na_rep=missing))


def _folder(name: str) -> Path:
    folder = committed(RECORDS) / name
    if not folder.is_dir():
        raise ValueError(f"no records of an experiment {name!r} in {RECORDS}")
    return folder


@checked
def records(*names: str) -> pd.DataFrame:
    """Return the finished runs of experiments, one row each, see :func:`swatlib.records`.

    Raises
    ------
    ValueError
        For an experiment without records.
    FileNotFoundError
        If the repository's records are not beside the package.
    """
    return pd.concat([read_records(_folder(name)) for name in names], ignore_index=True)


@checked
def epochs(*names: str) -> pd.DataFrame:
    """Return the finished runs of experiments, one row for each epoch."""
    return pd.concat([read_epochs(_folder(name)) for name in names], ignore_index=True)


@checked
def labelled(
    frame: pd.DataFrame, column: str, labels: Mapping[str, str] = METHOD_LABELS
) -> pd.DataFrame:
    """Return a frame with a column's values by their labels; those without keep their own."""
    return frame.assign(**{column: frame[column].replace(dict(labels))})


def source(thing: Any, docstring: bool = True) -> str:
    """Return the source of a function, class, method or property.

    Parameters
    ----------
    thing : object or str
        The thing itself, or its dotted name, such as "swatlib.core.products.Product.backward":
        use the name where a decorator has replaced the function.
    docstring : bool
        False leaves the docstring out.

    Raises
    ------
    ValueError
        If there is no such thing.
    """
    if isinstance(thing, property):
        thing = thing.fget
    text = _named(thing) if isinstance(thing, str) else dedent(inspect.getsource(thing))
    node: Any = ast.parse(text).body[0]
    if docstring or ast.get_docstring(node) is None:
        return text.rstrip("\n")
    first = node.body[0]
    lines = text.split("\n")
    return "\n".join([*lines[: first.lineno - 1], *lines[first.end_lineno :]]).rstrip("\n")


def _named(name: str) -> str:
    parts = name.split(".")
    for end in range(len(parts) - 1, 0, -1):
        try:
            spec = importlib.util.find_spec(".".join(parts[:end]))
        except ModuleNotFoundError:
            continue
        if spec is not None and spec.origin is not None:
            break
    else:
        raise ValueError(f"name must be a dotted name of the library, got {name!r}")
    text = Path(spec.origin).read_text(encoding="utf-8")
    body: Any = ast.parse(text)
    for part in parts[end:]:
        found = [n for n in body.body if getattr(n, "name", None) == part]
        if not found:
            raise ValueError(f"{name!r} names nothing: there is no {part!r}")
        body = found[0]
    first = min([body.lineno, *(d.lineno for d in body.decorator_list)])
    return dedent("\n".join(text.split("\n")[first - 1 : body.end_lineno]))


def show_source(*things: Any, docstring: bool = True) -> Code:
    """Show the source of things, one below the other; parameters as in :func:`source`."""
    return Code("\n\n".join(source(thing, docstring) for thing in things), language="python")

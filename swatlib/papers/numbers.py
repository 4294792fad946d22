"""What the papers state: every number of every table, and the figure values given in their text."""

from pathlib import Path

import pandas as pd

from swatlib.checked import checked
from swatlib.files import committed

_FOLDER = Path(__file__).resolve().parents[2] / "data" / "papers"
"""Where the tables lie, beside the package in the repository."""


@checked
def paper_table(name: str) -> pd.DataFrame:
    """Read one table of printed numbers, a row per number.

    Parameters
    ----------
    name : str
        As :func:`paper_tables` lists them: ``"swat-table-3"``, ``"iclr-text"``, ...

    Returns
    -------
    DataFrame
        For the tables of the three papers the columns are ``paper`` (citation key), ``item``
        (table, figure or section), ``network``, ``method``, ``level`` (what tells rows of the same
        method apart, mostly the sparsity in percent), ``quantity``, ``value``, ``spread``
        (one standard deviation, as printed), ``unit`` and ``source``. All text is kept as printed.
        ``value`` is a float where every entry of the table is a number, else text; ``number`` is
        the same as a float, NaN where the paper prints words such as "DS" (default sparsity).

    Raises
    ------
    ValueError
        For an unknown name.
    FileNotFoundError
        If the repository's ``data/papers`` is not beside the package.
    """
    names = paper_tables()
    if name not in names:
        raise ValueError(f"name must be one of {', '.join(names)}, got {name!r}")
    frame = pd.read_csv(
        _FOLDER / f"{name}.csv",
        dtype=dict.fromkeys(("network", "method", "level", "value", "unit", "source"), str),
        keep_default_na=False,
        na_values={"spread": [""]},
    )
    if "value" in frame.columns:
        frame["number"] = pd.to_numeric(frame["value"], errors="coerce")
        if frame["number"].notna().all():
            frame["value"] = frame["number"]
    return frame


def paper_tables() -> list[str]:
    """Return the names that :func:`paper_table` knows."""
    return sorted(path.stem for path in committed(_FOLDER).glob("*.csv"))


@checked
def paper_wide(name: str) -> pd.DataFrame:
    """Read a table as the paper prints it: a row per network, method and level.

    The columns are the quantities, as floats, NaN where the paper prints none or words.
    Parameters and errors as in :func:`paper_table`.
    """
    frame = paper_table(name)
    keys = ["network", "method", "level"]
    wide = frame.pivot_table(
        index=keys, columns="quantity", values="number", sort=False, dropna=False, observed=True
    )
    present = frame[keys].drop_duplicates().itertuples(index=False, name=None)
    return wide.loc[list(present)].dropna(axis=1, how="all").reset_index().rename_axis(columns=None)


@checked
def paper_number(table: str, quantity: str, **where: str) -> float:
    """Return the one number of a table that fits.

    Parameters
    ----------
    table : str
        As :func:`paper_tables` lists them.
    quantity : str
    **where : str
        Further columns that tell it from others: ``item``, ``network``, ``method``, ``level``.

    Raises
    ------
    ValueError
        If there is none, or more than one.

    Examples
    --------
    >>> paper_number("swat-text", "training_speedup", item="section 1")
    5.9
    """
    frame = paper_table(table)
    wanted = {"quantity": quantity, **where}
    for column, value in wanted.items():
        frame = frame[frame[column] == value]
    if len(frame) != 1:
        raise ValueError(f"{table} has {len(frame)} numbers of {wanted}")
    return float(frame["number"].iloc[0])

"""Statistics: means over seeds, and differences between runs that share all but the method."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

from swatlib.checked import checked


@checked
def mean_interval(
    frame: pd.DataFrame, by: str | Sequence[str], value: str, confidence: float = 0.95
) -> pd.DataFrame:
    """Mean of ``value`` in every group, with its confidence interval over the rows (the seeds).

    Parameters
    ----------
    frame
        One row per run.
    by
        Column or columns to group by.
    value
        Column to average; rows where it is missing are left out.
    confidence
        Coverage of the interval, in (0, 1): Student's t with n - 1 degrees of freedom.

    Returns
    -------
    pandas.DataFrame
        The columns of ``by``, then ``mean``, ``low``, ``high`` and ``n``. With a single run
        nothing is known about the spread: ``low`` and ``high`` are NaN.

    Raises
    ------
    ValueError
        If a column is absent or ``confidence`` is out of range.
    """
    keys = [by] if isinstance(by, str) else list(by)
    for column in [*keys, value]:
        if column not in frame.columns:
            raise ValueError(
                f"column {column!r} is not in the frame, which has {list(frame.columns)}"
            )
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be in (0, 1), got {confidence}")
    groups = frame.dropna(subset=[value]).groupby(keys, sort=True)[value]
    out = groups.agg(["mean", "std", "count"]).reset_index()
    count = out.pop("count")
    half = stats.t.ppf((1 + confidence) / 2, count - 1) * out.pop("std") / np.sqrt(count)
    return out.assign(low=out["mean"] - half, high=out["mean"] + half, n=count)


@checked
def student_interval(values: pd.Series, confidence: float = 0.95) -> tuple[float, float]:
    """Return the confidence interval of a mean, as seaborn takes it for error bars and bands.

    Parameters
    ----------
    values : Series
        One for each seed; missing ones are left out.
    confidence : float
        In (0, 1), see :func:`mean_interval`.

    Returns
    -------
    tuple of float
        NaN twice for a single value.
    """
    row = mean_interval(values.to_frame("value").assign(all=0), "all", "value", confidence).iloc[0]
    return float(row["low"]), float(row["high"])


@checked
def paired_difference(
    frame: pd.DataFrame,
    first: str,
    second: str,
    by: str | Sequence[str],
    column: str = "method",
    value: str = "test_accuracy",
    pair: str = "seed",
) -> pd.DataFrame:
    """Average ``first`` minus ``second`` over pairs of runs, with a 95 % interval.

    Runs of one seed share initial weights and the order of the images, so their difference varies
    less than either of them.

    Parameters
    ----------
    frame : DataFrame
        One row per run.
    first, second : str
        The two values of ``column`` to compare.
    by : str or sequence of str
        Columns to report separately, such as network and sparsity.
    column, value, pair : str
        What tells the two apart, what is compared, and what makes a pair.

    Returns
    -------
    DataFrame
        The columns of ``by``, then ``mean``, ``low`` and ``high`` (Student's t over pairs), ``n``
        (pairs) and ``all_positive``, whether ``first`` won in every pair.

    Raises
    ------
    ValueError
        If no pair is there, or one run of a pair stands in the frame twice.
    """
    keys = [by] if isinstance(by, str) else list(by)
    for name, wanted in (
        ("by", keys),
        *zip(("column", "value", "pair"), ([column], [value], [pair]), strict=True),
    ):
        if unknown := [one for one in wanted if one not in frame.columns]:
            raise ValueError(f"{name} must name columns of the frame, got {unknown}")
    chosen = frame[frame[column].isin([first, second])]
    if chosen.duplicated([*keys, pair, column]).any():
        raise ValueError(f"runs must be unique by {[*keys, pair, column]}")
    wide = chosen.pivot(index=[*keys, pair], columns=column, values=value)
    if not {first, second} <= set(wide.columns) or wide[[first, second]].dropna().empty:
        raise ValueError(f"{column} must hold pairs of {first!r} and {second!r}, found none")
    wide = wide.dropna(subset=[first, second])
    pairs = (wide[first] - wide[second]).rename("difference").reset_index()
    out = mean_interval(pairs, keys, "difference")
    won = pairs.groupby(keys)["difference"].min() > 0
    return out.merge(won.rename("all_positive").reset_index(), on=keys)

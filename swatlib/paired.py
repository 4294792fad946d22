"""Is A better than B? Differences between runs that share everything but the method."""

from collections.abc import Sequence

import pandas as pd

from swatlib.checked import checked
from swatlib.plotting import mean_interval


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

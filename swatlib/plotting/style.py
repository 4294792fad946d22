"""One look for every figure, and the few drawings that several chapters share.

Figures carry an opaque light background, so they read the same on a light and on a dark page.
Colours are Okabe and Ito's, which stay apart for colour-blind readers, and every series also
has its own marker and dash, so that colour is never the only difference. Three kinds of number
are never mixed up: a *live* run is a thin line without markers, *records* are markers with a
95 % interval, a value the *paper* states is an open black diamond.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd
import seaborn as sns
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from swatlib.analysis.statistics import mean_interval, student_interval
from swatlib.checked import checked
from swatlib.plotting.labels import LOOKS

__all__ = [
    "COLOURS",
    "DASHES",
    "MARKERS",
    "figure",
    "plot_differences",
    "plot_live",
    "plot_paper",
    "plot_records",
    "series_style",
    "use_style",
]

# Okabe and Ito (2008), without the yellow, which is too pale on a light page.
COLOURS = {
    "black": "#000000",
    "blue": "#0072B2",
    "vermilion": "#D55E00",
    "green": "#009E73",
    "purple": "#CC79A7",
    "orange": "#E69F00",
    "sky": "#56B4E9",
}
_CYCLE = ["blue", "vermilion", "green", "purple", "orange", "sky", "black"]
MARKERS = ["o", "s", "^", "D", "v", "P", "X"]
DASHES: list[Any] = ["-", (0, (5, 1.5)), (0, (1, 1)), (0, (4, 1, 1, 1)), (0, (7, 2)), "--", ":"]


def use_style() -> None:
    """Set Matplotlib's defaults to the book's look. Call once at the top of a notebook."""
    sns.set_theme(
        context="notebook",
        style="ticks",
        palette=[COLOURS[name] for name in _CYCLE],
        rc={
            "axes.axisbelow": True,
            "axes.facecolor": "white",
            "axes.grid": True,
            "axes.spines.right": False,
            "axes.spines.top": False,
            "figure.constrained_layout.use": True,
            "figure.dpi": 100,
            "figure.facecolor": "white",
            "font.size": 11,
            "grid.color": "#dddddd",
            "grid.linewidth": 0.6,
            "legend.framealpha": 0.9,
            "lines.linewidth": 1.8,
            "savefig.facecolor": "white",
            "savefig.transparent": False,
        },
    )


@checked
def figure(
    columns: int = 1, rows: int = 1, width: float = 7.0, height: float = 3.6, **options: Any
) -> tuple[Figure, Any]:
    """A figure of the book's width with a grid of axes.

    Parameters
    ----------
    columns, rows
        Number of panels.
    width, height
        Size of the whole figure in inches.
    options
        Passed on to ``matplotlib.pyplot.subplots``, for instance ``sharey=True``.

    Returns
    -------
    tuple
        The figure and its axes: one ``Axes``, or an array of them.
    """
    return plt.subplots(rows, columns, figsize=(width, height), **options)


@checked
def series_style(name: str, index: int = 0) -> dict[str, Any]:
    """Colour, marker and dash of a series.

    What the book follows throughout (dense, SAW, SWAT, meProp, gradients, random) always looks the
    same. It is recognised by the first word of ``name``, so SWAT-U looks like SWAT. Any other name
    takes the style at ``index``.
    """
    key = name.lower().split("-")[0].split(" ")[0]
    index = LOOKS.get(key, index) % len(_CYCLE)
    return {
        "color": COLOURS[_CYCLE[index]],
        "marker": MARKERS[index],
        "linestyle": DASHES[index],
    }


@checked
def plot_records(
    ax: Axes,
    frame: pd.DataFrame,
    x: str,
    y: str,
    series: str | None = None,
    order: Iterable[str] | None = None,
) -> pd.DataFrame:
    """Draw finished runs: a marked line per series with a 95 % interval over its seeds.

    Parameters
    ----------
    ax
        Axes to draw on.
    frame
        One row per run, for instance from ``swatlib.records``.
    x, y
        Columns for the two axes.
    series
        Column that tells the lines apart; None draws one line.
    order
        Values of ``series`` in the order of drawing and of the legend; all of them by default.

    Returns
    -------
    pandas.DataFrame
        What was drawn, as :func:`swatlib.analysis.statistics.mean_interval` gives it, for the table
        beside the figure.
    """
    drawn = mean_interval(frame, [x] if series is None else [series, x], y)
    if series is None:
        groups = [(y, frame)]
    else:
        names = list(order) if order is not None else list(drawn[series].unique())
        groups = [(name, frame[frame[series] == name]) for name in names]
    labels = ax.get_xlabel(), ax.get_ylabel()
    for index, (name, group) in enumerate(groups):
        sns.lineplot(
            group,
            x=x,
            y=y,
            errorbar=student_interval,
            ax=ax,
            label=str(name),
            legend=False,
            markersize=5,
            markeredgewidth=0,
            err_kws={"alpha": 0.18, "linewidth": 0},
            **series_style(str(name), index),
        )
    # Seaborn names an axis after its column. Restore the labels that the chapter has set.
    ax.set(xlabel=labels[0], ylabel=labels[1])
    return drawn


@checked(order=None, hollow=None)
def plot_differences(
    ax: Axes,
    frame: pd.DataFrame,
    x: str,
    series: str,
    order: Iterable[str] | None = None,
    hollow: str | None = None,
) -> None:
    """Draw differences with their intervals, series side by side at every place, and zero.

    A look belongs to a place in ``order``, so that a difference looks like neither of its sides.

    Parameters
    ----------
    ax
        Axes to draw on.
    frame
        One row per difference, with its ``mean`` and the ends ``low`` and ``high`` of its interval.
    x
        Column of the places on the horizontal axis, evenly spaced in the order in which they first
        appear. Their names are its ticks.
    series
        Column that tells the points at one place apart.
    order
        Values of ``series`` in the order of the legend; those without a row keep their look.
    hollow
        Column that is true where the marker is to be open; None fills all.
    """
    names = list(order) if order is not None else list(frame[series].unique())
    places = list(frame[x].unique())
    ax.axhline(0, color="0.5", linewidth=0.8)
    for index, name in enumerate(names):
        rows = frame[frame[series] == name]
        if rows.empty:
            continue
        style = series_style("", index)
        where = rows[x].map(places.index) + 0.7 / len(names) * (index - (len(names) - 1) / 2)
        ends = [rows["mean"] - rows["low"], rows["high"] - rows["mean"]]
        look = {"color": style["color"], "marker": style["marker"], "markersize": 5}
        ax.errorbar(where, rows["mean"], yerr=ends, linestyle="none", linewidth=1.2, **look)
        ax.plot([], [], linestyle="none", label=str(name), **look)
        if hollow is not None:
            open_ = rows[hollow].astype(bool)
            look |= {"markerfacecolor": "white", "linestyle": "none", "zorder": 3}
            ax.plot(where[open_], rows["mean"][open_], **look)
    ax.set_xticks(range(len(places)), [str(place) for place in places])
    ax.set_xlim(-0.5, len(places) - 0.5)


@checked
def plot_live(ax: Axes, x: Any, y: Any, name: str, index: int = 0) -> None:
    """Draw a run made while the page executed: a thin line without markers."""
    style = series_style(name, index) | {"marker": ""}
    ax.plot(x, y, linewidth=1.3, label=f"{name} (live)", **style)


@checked
def plot_paper(ax: Axes, x: Any, y: Any, label: str | None = "paper") -> None:
    """Draw values that a paper states: open black diamonds, never joined, once in the legend.

    Parameters
    ----------
    label
        Their name in the legend; None leaves them out of it.
    """
    ax.plot(
        x, y, linestyle="none", marker="D", markersize=7, markerfacecolor="none",
        markeredgecolor="black", markeredgewidth=1.4, label=label, zorder=5,
    )  # fmt: skip

"""Plotting: one look for every figure, and what every chapter shows in the same way."""

from swatlib.plotting.style import (
    COLOURS,
    DASHES,
    MARKERS,
    figure,
    plot_differences,
    plot_live,
    plot_paper,
    plot_records,
    series_style,
    use_style,
)

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

"""What SWAT's tables and its submission's text print."""

from __future__ import annotations

from functools import cache
from typing import Any

from swatlib.papers import paper_table, paper_wide


@cache
def printed_row(table: str, network: str, method: str, level: str) -> dict[str, Any]:
    """Return a row of a table as the paper prints it."""
    wide = paper_wide(table).set_index(["network", "method", "level"])
    return dict(wide.loc[(network, method, level)])


def printed_changes(table: str, method: str) -> str:
    """Return the accuracy changes that a table prints for a method, in words."""
    wide = paper_wide(table)
    rows = wide[wide["method"] == method]
    return ", ".join(
        f"{row.network} {row.accuracy_change:+.2f} ({row.level} %)" for row in rows.itertuples()
    )


def printed_change(table: str, network: str, method: str, level: str) -> float:
    """Return the change of accuracy that a row prints, in points."""
    return float(printed_row(table, network, method, level)["accuracy_change"])


IMAGENET_LIMITS = (
    "100 classes of Tiny ImageNet at 32x32 stand for ImageNet, a small residual network for "
    "ResNet-50."
)


@cache
def stated(item: str, quantity: str, level: str | None = None) -> dict[tuple[str, str], float]:
    """Return the numbers of the submission's text by network and method, at one level if given."""
    rows = paper_table("iclr-text")
    rows = rows[(rows["item"] == item) & (rows["quantity"] == quantity)]
    if level is not None:
        rows = rows[rows["level"] == level]
    return {(row.network, row.method): float(row.number) for row in rows.itertuples()}

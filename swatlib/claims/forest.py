"""Verdicts as a picture: every effect of training runs with its interval, at every scale."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from textwrap import wrap
from typing import Any

from matplotlib.axes import Axes

from swatlib.checked import checked
from swatlib.claims.claim import OPEN
from swatlib.claims.judge import Estimate, Finding
from swatlib.claims.show import word
from swatlib.plotting.style import MARKERS, plot_paper, series_style

_WIDEST = 95
"""Characters of a claim in one line."""
_SPREAD = 0.6
"""What the scales of one effect take of its line."""


def _style(scale: str, scales: list[str]) -> dict[str, Any]:
    """Return the look of a scale: no diamond, which is the paper's."""
    index = scales.index(scale)
    return series_style("", index + (index >= MARKERS.index("D"))) | {"linestyle": "none"}


def _by_effect(finding: Finding, unit: str) -> dict[str, list[tuple[str, Estimate]]]:
    """Return a claim's estimates in a unit, effect by effect, each with its scale."""
    rows: dict[str, list[tuple[str, Estimate]]] = {}
    for one in (finding, *finding.others):
        for estimate in one.estimates:
            if estimate.effect.unit == unit:
                rows.setdefault(estimate.effect.name, []).append((one.scale, estimate))
    return rows


def _draw(ax: Axes, y: float, scale: str, estimate: Estimate, scales: list[str]) -> None:
    """Draw one estimate; it is hollow where it decides nothing."""
    style = _style(scale, scales) | {"markersize": 5}
    if estimate.verdict == OPEN:
        style["markerfacecolor"] = "white"
    error = [[estimate.mean - estimate.low], [estimate.high - estimate.mean]]
    ax.errorbar(estimate.mean, y, xerr=error, capsize=2, elinewidth=1.3, **style)


@checked(found=None)
def forest(ax: Axes, found: Iterable[Finding], unit: str = "points") -> None:
    """Draw what training runs say of claims: one line an effect below each claim and its verdict.

    A marker is a mean with its 95 % interval over seeds; it is hollow where it decides nothing. The
    grey bar is the claim's margin, around zero or around the paper's number, which is a diamond.

    Parameters
    ----------
    ax : matplotlib Axes
        To draw on.
    found : iterable of Finding
        Such as the values of :func:`swatlib.claims.show.findings`. Those without an estimate are
        left out.
    unit : str
        Of the effects that are drawn; those in another unit are left out.

    Raises
    ------
    ValueError
        If no finding has an estimate in that unit.
    """
    found = list(found)
    chosen = [(one, rows) for one in found if (rows := _by_effect(one, unit))]
    if not chosen:
        raise ValueError(f"found must have an estimate in {unit!r}, got none")
    # Those of all units, so that two panels of the same findings agree.
    every = [at for one in found for at in (one, *one.others) if at.estimates]
    scales = list(dict.fromkeys(at.scale for at in every))
    drawn: set[str] = set()
    ticks: dict[float, str] = {}
    for y, (finding, name, pairs) in _lines(ax, chosen):
        ticks[y] = name or finding.claim.place
        effect, margin = pairs[0][1].effect, pairs[0][1].margin
        stated = isinstance(effect.expected, float)
        middle = float(effect.expected) if stated else 0.0
        ax.barh(y, 2 * margin, 0.9, left=middle - margin, color="#e4e4e4", zorder=0)
        if stated:
            plot_paper(ax, [middle], [y], None)
        for index, (scale, estimate) in enumerate(pairs):
            shift = _SPREAD * ((index + 0.5) / len(pairs) - 0.5)
            _draw(ax, y + shift, scale, estimate, scales)
            drawn.add(scale)
    for scale in (one for one in scales if one in drawn):
        ax.plot([], [], label=scale, **_style(scale, scales))
    ax.axvline(0, color="black", linewidth=0.8)
    ax.set_yticks(list(ticks), list(ticks.values()), fontsize=8)
    ax.set_ylim(max(ticks) + 0.7, -0.7)
    ax.grid(axis="y", visible=False)
    ax.set_xlabel(f"difference ({unit})")


def _lines(
    ax: Axes, chosen: list[tuple[Finding, dict[str, list[tuple[str, Estimate]]]]]
) -> Iterator[tuple[float, tuple[Finding, str, list[tuple[str, Estimate]]]]]:
    """Write each claim with its verdict, and yield the lines of its effects below it."""
    y = 0.0
    for finding, rows in chosen:
        verdict = word(finding)
        text = wrap(f"{finding.claim.statement} {verdict[0].upper()}{verdict[1:]}.", _WIDEST)
        middle = y + (len(text) - 1) * 0.35
        ax.text(
            0.0, middle, "\n".join(text), transform=ax.get_yaxis_transform(),
            fontsize=8, fontweight="bold", va="center",
            bbox={"facecolor": "white", "linewidth": 0, "pad": 1},
        )  # fmt: skip
        y += 0.7 * len(text) + 0.3
        for name, pairs in rows.items():
            yield y, (finding, name, pairs)
            y += 1.0
        y += 0.3

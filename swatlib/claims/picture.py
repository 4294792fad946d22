"""Verdicts as a picture: for each claim how many of our numbers agree with the paper's.

A long table of verdicts cannot be taken in at a glance. The picture shows what each verdict stands
on, and the table beside it has the numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from textwrap import fill

from matplotlib.figure import Figure

from swatlib.checked import checked
from swatlib.claims.claim import NOT_REPRODUCED, OPEN, REPRODUCED, SAME_DIRECTION
from swatlib.claims.judge import Finding
from swatlib.claims.show import word
from swatlib.plotting.style import COLOURS, figure

LOOKS = {
    REPRODUCED: ("agrees", COLOURS["blue"], ""),
    SAME_DIRECTION: ("same direction only", COLOURS["sky"], "//"),
    NOT_REPRODUCED: ("disagrees", COLOURS["vermilion"], ".."),
    OPEN: ("undecided", "#dddddd", ""),
}
"""Label, colour and hatch of a number, by how it stands to the paper's."""

_LETTERS = 46  # of a claim in one line


def tally(finding: Finding) -> dict[str, int]:
    """Return how many numbers of a finding stand how to the paper's.

    Parameters
    ----------
    finding : Finding

    Returns
    -------
    dict
        A count for each key of :data:`LOOKS`. All are zero if nothing was measured.
    """
    found = Counter(estimate.verdict for estimate in finding.estimates)
    for quantity in finding.quantities:
        direction = SAME_DIRECTION if quantity.direction else NOT_REPRODUCED
        found[REPRODUCED if quantity.holds else direction] += 1
    return {kind: found[kind] for kind in LOOKS}


@checked
def picture(found: Mapping[str, Finding]) -> Figure:
    """Draw findings: a bar for each claim, as long as it has numbers, its verdict at the end.

    Parameters
    ----------
    found : mapping
        As :func:`swatlib.claims.show.findings` returns it.

    Raises
    ------
    ValueError
        If there is no finding.
    """
    if not found:
        raise ValueError("found must have a finding, got none")
    counts = [tally(finding) for finding in found.values()]
    longest = max(1, *(sum(count.values()) for count in counts))
    names = [fill(finding.claim.statement, _LETTERS) for finding in found.values()]
    lines = max(name.count("\n") + 1 for name in names)
    fig, ax = figure(width=7.5, height=1.0 + max(0.36, 0.13 * lines) * len(found))
    places = range(len(found))
    left = [0] * len(found)
    for kind, (label, colour, hatch) in LOOKS.items():
        widths = [count[kind] for count in counts]
        ax.barh(
            places, widths, left=left, height=0.7, color=colour, hatch=hatch, edgecolor="white",
            label=label,
        )  # fmt: skip
        left = [start + width for start, width in zip(left, widths, strict=True)]
    for place, end, finding in zip(places, left, found.values(), strict=True):
        said = word(finding) if end else f"{word(finding)}: no number"
        ax.text(end + 0.02 * longest, place, said, va="center", fontsize=8)
    ax.set_yticks(places, names, fontsize=7.5, linespacing=0.95)
    ax.set(xlabel="numbers that decide the claim", xlim=(0, 1.7 * longest))
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.grid(axis="y", visible=False)
    ax.set_ylim(len(found) - 0.4, -0.6)
    ax.legend(
        fontsize=8, ncols=4, frameon=False, loc="lower right", bbox_to_anchor=(1.0, 1.0),
    )  # fmt: skip
    return fig

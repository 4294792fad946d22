"""The picture of verdicts shows each effect once a scale, at its mean, and hollow if undecided."""

from dataclasses import replace
from pathlib import Path

import pytest
from claims_toys import BASE, SWAT, TOYS, toy_claim, write
from matplotlib import pyplot as plt

from swatlib.claims.effect import DENSELY, Effect
from swatlib.claims.forest import forest
from swatlib.claims.show import findings
from swatlib.training import DENSE

TWICE = replace(TOYS, name="toys again")


def drawn(root: Path, effect: Effect, spread: float):
    """Draw a toy claim at two scales, from runs whose sparse seeds differ by ``spread``."""
    runs = [
        replace(BASE, **(DENSE | dict(one)), seed=seed)
        for one in (DENSELY, SWAT)
        for seed in range(3)
    ]
    write(root, lambda run: 90.0 - (5 + spread * run.seed) * bool(run.sparsity), runs)
    found = findings([toy_claim(effect, scales=(TOYS, TWICE))], records=root)
    _, ax = plt.subplots()
    forest(ax, found.values())
    return ax


def means(ax) -> list:
    return [line for line in ax.lines if len(line.get_xdata()) == 1 and line.get_marker() == "o"]


@pytest.mark.parametrize(("spread", "hollow"), [(0.0, False), (30.0, True)])
def test_an_effect_stands_at_its_mean_and_is_hollow_if_undecided(tmp_path, spread, hollow):
    ax = drawn(tmp_path, Effect("90 %", SWAT, DENSELY, "below", 1.0), spread)
    (mark,) = means(ax)
    assert mark.get_xdata()[0] == pytest.approx(-5 - spread)
    assert (mark.get_markerfacecolor() == "white") == hollow
    assert [label.get_text() for label in ax.get_yticklabels()] == ["90 %"]
    assert ax.get_legend_handles_labels()[1] == ["toys", "toys again"]
    plt.close(ax.figure)


def test_the_number_of_the_paper_is_a_diamond_in_the_middle_of_the_margin(tmp_path):
    ax = drawn(tmp_path, Effect("90 %", SWAT, DENSELY, -5.5, 1.0), 0.0)
    (paper,) = [line for line in ax.lines if line.get_marker() == "D"]
    assert paper.get_xdata()[0] == -5.5
    (margin,) = ax.patches
    assert (margin.get_x(), margin.get_width()) == (-6.5, 2.0)
    plt.close(ax.figure)


def test_nothing_to_draw_is_said(tmp_path):
    found = findings([toy_claim(Effect("90 %", SWAT, DENSELY, "below"))], records=tmp_path)
    _, ax = plt.subplots()
    with pytest.raises(ValueError, match="found must have an estimate in 'points', got none"):
        forest(ax, found.values())
    plt.close(ax.figure)

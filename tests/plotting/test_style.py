"""The interval against its formula, the drawings against what they put on the axes."""

import itertools
import math

import matplotlib as mpl

mpl.use("Agg")

import numpy as np
import pandas as pd
import pytest
from matplotlib import colors
from matplotlib import pyplot as plt

from swatlib import plotting
from swatlib.analysis.statistics import mean_interval


@pytest.fixture(autouse=True)
def _restore_style():
    with mpl.rc_context():
        plotting.use_style()
        yield
    plt.close("all")


def runs():
    rows = [
        {"method": method, "sparsity": s, "seed": seed, "accuracy": base + 0.01 * seed - 0.1 * s}
        for method, base in (("swat", 0.9), ("random", 0.5))
        for s in (0.5, 0.9)
        for seed in range(3)
    ]
    return pd.DataFrame(rows)


def test_interval_is_students_t():
    out = mean_interval(pd.DataFrame({"g": ["a"] * 3, "y": [1.0, 2.0, 6.0]}), "g", "y")
    # t(0.975, 2) = 4.302653 (any table); s = sqrt(7).
    half = 4.302653 * math.sqrt(7) / math.sqrt(3)
    row = out.iloc[0]
    assert row["mean"] == 3
    assert (row["low"], row["high"]) == pytest.approx((3 - half, 3 + half), rel=1e-6)
    assert row["n"] == 3


def test_one_run_has_no_interval_and_missing_values_are_left_out():
    frame = pd.DataFrame({"g": ["a", "b", "b"], "y": [1.0, 2.0, np.nan]})
    out = mean_interval(frame, "g", "y")
    assert list(out["n"]) == [1, 1]
    assert out[["low", "high"]].isna().all(axis=None)


def test_records_draw_one_marked_line_per_series_with_a_band():
    _, ax = plotting.figure()
    drawn = plotting.plot_records(ax, runs(), "sparsity", "accuracy", "method", ["swat", "random"])
    assert [line.get_label() for line in ax.lines] == ["swat", "random"]
    assert ax.lines[0].get_xydata()[:, 1] == pytest.approx([0.86, 0.82])
    assert len(ax.collections) == 2
    first, second = ax.lines
    assert first.get_marker() != second.get_marker()
    assert first.get_linestyle() != second.get_linestyle()
    assert len(drawn) == 4


def test_the_order_may_be_the_values_of_a_mapping():
    _, ax = plotting.figure()
    names = {"SWAT": "swat", "chance": "random"}
    plotting.plot_records(ax, runs(), "sparsity", "accuracy", "method", names.values())
    assert [line.get_label() for line in ax.lines] == ["swat", "random"]


def test_records_leave_the_names_of_the_axes_to_the_chapter():
    frame = pd.DataFrame({"s": [0.5, 0.9], "accuracy": [98.0, 97.0]})
    _, (named, unnamed) = plotting.figure(2)
    named.set(xlabel="sparsity")
    for ax in (named, unnamed):
        plotting.plot_records(ax, frame, "s", "accuracy")
    assert [ax.get_xlabel() for ax in (named, unnamed)] == ["sparsity", ""]
    assert not named.get_ylabel()


def differences():
    return pd.DataFrame(
        {
            "sparsity": ["50 %", "50 %", "90 %"],
            "rule": ["ERK", "momentum", "ERK"],
            "mean": [1.0, 2.0, -3.0],
            "low": [0.5, 0.0, -7.0],
            "high": [1.5, 4.0, 1.0],
            "diverged": [0, 0, 2],
        }
    )


def test_differences_lie_within_their_intervals_side_by_side():
    _, ax = plotting.figure()
    plotting.plot_differences(ax, differences(), "sparsity", "rule")
    assert [text.get_text() for text in ax.get_xticklabels()] == ["50 %", "90 %"]
    assert ax.get_legend_handles_labels()[1] == ["ERK", "momentum"]
    erk, momentum = (container.lines for container in ax.containers)
    assert erk[0].get_ydata() == pytest.approx([1.0, -3.0])
    (bars,) = erk[2]
    assert np.array(bars.get_segments())[:, :, 1] == pytest.approx(
        np.array([[0.5, 1.5], [-7.0, 1.0]])
    )
    assert erk[0].get_xdata()[0] < 0 < momentum[0].get_xdata()[0]


def test_a_series_without_rows_keeps_its_look():
    _, (all_, two) = plotting.figure(2)
    for ax, order in ((all_, ["uniform", "ERK", "momentum"]), (two, ["ERK", "momentum"])):
        plotting.plot_differences(ax, differences(), "sparsity", "rule", order)
    assert two.get_legend_handles_labels()[1] == all_.get_legend_handles_labels()[1]
    colours = [ax.containers[0].lines[0].get_color() for ax in (all_, two)]
    assert colours == [plotting.series_style("", 1)["color"], plotting.series_style("", 0)["color"]]


def test_a_hollow_marker_is_drawn_where_the_column_says_so():
    _, ax = plotting.figure()
    plotting.plot_differences(ax, differences(), "sparsity", "rule", hollow="diverged")
    white = [line for line in ax.lines if line.get_markerfacecolor() == "white"]
    drawn = [tuple(line.get_ydata()) for line in white if len(line.get_ydata())]
    assert drawn == [(-3.0,)]


def test_live_records_and_paper_look_different():
    _, ax = plotting.figure()
    plotting.plot_live(ax, [0, 1], [0, 1], "swat")
    plotting.plot_paper(ax, [0, 1], [1, 0])
    live, paper = ax.lines
    assert live.get_marker() == ""
    assert live.get_label() == "swat (live)"
    assert paper.get_linestyle() == "None"
    assert paper.get_markerfacecolor() == "none"


def test_a_method_keeps_its_style_and_series_differ_without_colour():
    assert plotting.series_style("SWAT-U", 3) == plotting.series_style("swat", 0)
    assert plotting.series_style("other", 1) != plotting.series_style("other", 2)
    looks = [plotting.series_style("x", i) for i in range(7)]
    assert len({look["marker"] for look in looks}) == len({str(k["linestyle"]) for k in looks}) == 7


def luminance(colour):
    def linear(c):
        return c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4

    r, g, b = (linear(c) for c in colors.to_rgb(colour))
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


# Brettel, Vienot and Mollon's dichromat simulation as a 3x3 matrix on linear RGB
# (Machado, Oliveira and Fernandes 2009, severity 1.0): protanopia and deuteranopia.
BLIND = {
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
}


@pytest.mark.parametrize("kind", BLIND)
def test_colours_stay_apart_for_colour_blind_readers(kind):
    seen = {n: np.array(BLIND[kind]) @ colors.to_rgb(c) for n, c in plotting.COLOURS.items()}
    for (a, x), (b, y) in itertools.combinations(seen.items(), 2):
        assert np.linalg.norm(x - y) > 0.1, f"{a} and {b} look alike"


def test_figures_are_opaque_and_light_and_colours_stand_out():
    figure, ax = plotting.figure()
    for face in (figure.get_facecolor(), ax.get_facecolor()):
        assert face[3] == 1
        assert luminance(face[:3]) > 0.9
    for name, colour in plotting.COLOURS.items():
        assert 1.05 / (luminance(colour) + 0.05) > 1.9, f"{name} is too pale"


def test_panels():
    _, axes = plotting.figure(columns=2, sharey=True)
    assert axes.shape == (2,)


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="column 'loss' is not in the frame"):
        mean_interval(runs(), "method", "loss")
    with pytest.raises(ValueError, match=r"confidence must be in \(0, 1\), got 95"):
        mean_interval(runs(), "method", "accuracy", 95)


def test_paper_values_without_a_label_are_not_in_the_legend():
    _, ax = plotting.figure()
    plotting.plot_paper(ax, [0, 1], [1, 0], "papers")
    plotting.plot_paper(ax, [2], [1], None)
    assert ax.get_legend_handles_labels()[1] == ["papers"]

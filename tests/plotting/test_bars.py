"""The stacked bar shows the numbers of the frame."""

import matplotlib as mpl
import pytest
from torch import nn

from swatlib.accounting import count, densities, trace
from swatlib.methods import swat
from swatlib.plotting.bars import stacked_bar

mpl.use("Agg")


def test_heights_are_the_counts() -> None:
    from matplotlib import pyplot as plt

    traced = trace(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3)), (1, 3, 8, 8))
    frame = count(traced, densities(traced, swat(0.5))).to_frame()
    figure, ax = plt.subplots()
    stacked_bar(ax, frame, unit=1.0)
    last = frame.iloc[1]
    assert ax.containers[0][1].get_height() == 3 * last["forward_dense"]
    assert ax.containers[3][1].get_y() + ax.containers[3][1].get_height() == pytest.approx(
        last["forward"] + last["input_grad"] + last["weight_grad"]
    )
    assert len(ax.containers[0]) == 2
    plt.close(figure)


def test_nothing_to_draw() -> None:
    traced = trace(nn.Conv2d(3, 4, 3), (1, 3, 8, 8))
    frame = count(traced).to_frame().assign(kind="norm")
    with pytest.raises(ValueError, match="convolution or linear"):
        stacked_bar(None, frame)

"""Both machines against DNNsim, the public simulator of Bit-Tactical's authors.

``data/dnnsim-cycles.csv`` holds the compute cycles of DNNsim (isakedo/DNNsim, commit 4748a60),
compiled and run as it is: architecture ``DaDianNao`` with ``tactical`` (`cycles`) and without
(`dense_cycles`), data flow ``WindowFirstOutS``, 16-bit values, buffers of 1 GB, dense inputs.
Its arrays are ``(filter, channel, x, y)`` and it walks a kernel column by column, so it was given
our masks with the last two axes exchanged. `keep` below makes the masks.

Three things in DNNsim are left out of the table:

- It aborts where its first tile has finished while another is more than h + 1 rows from the end.
- It computes one of two channel groups after the other, and looks up where the second one's sets
  end among those of the first. Only where both end alike, as in the row with two groups, is this
  a count; its memory model hangs even then, so that row was counted without it.
- A set without any weight and with no more rows than the look-ahead takes no cycle there, and one
  here; so does a layer of such sets.

``data/dnnsim-scnn-cycles.csv`` is its architecture ``SCNN`` in its default sizes. Its x is our row
here, for it deals both operands row by row then; exchanging x and y only renames the banks. Where
the stride is 2 and the padding odd, DNNsim deals activations by their padded place and weights by
their place plus the padding, so that phases meet that share no output. It then counts more cycles
than are needed; ours deals both alike.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from swatlib.simulator import Cartesian, Count, Layer, Tactical, parse_window
from swatlib.simulator.counts import total
from swatlib.simulator.mapping import forward

TABLE = pd.read_csv(Path(__file__).parents[2] / "data" / "dnnsim-cycles.csv")

SCNN = pd.read_csv(Path(__file__).parents[2] / "data" / "dnnsim-scnn-cycles.csv")


def keep(seed: int, density: int, shape: tuple[int, ...]) -> np.ndarray:
    """Keep about `density` % of the weights, by raw bits of PCG64: the same for every version."""
    high = np.random.PCG64(seed).random_raw(int(np.prod(shape))) >> np.uint64(32)
    return (high * np.uint64(100) >> np.uint64(32) < np.uint64(density)).reshape(shape)


def count(row: Any, policy: str) -> Count:
    kernel, stride, padding, image = (
        (int(row[name]),) * 2 for name in ("kernel", "stride", "padding", "image")
    )
    mask = keep(row.seed, row.density, (row.filters, row.channels // row.groups, *kernel))
    machine = Tactical(
        parse_window(row.window), row.lanes, row.rows, row.tiles, row.columns, policy
    )
    layer = Layer(
        "a",
        row.filters // row.groups,
        row.channels // row.groups,
        kernel,
        stride,
        padding,
        image=image,
    )
    # DNNsim's tiles never work on two channel groups at once: a group is a layer of its own.
    return total([machine.count([forward(layer, part)])[0] for part in np.split(mask, row.groups)])


@pytest.mark.parametrize("index", TABLE.index)
def test_cycles_equal_dnnsim(index: int) -> None:
    row = TABLE.loc[index]
    ours = count(row, "dnnsim")
    assert (ours.dense_cycles, ours.cycles) == (row.dense_cycles, row.cycles)


def test_the_other_policies_are_other_machines() -> None:
    for policy in ("least", "most"):
        rows = [r for _, r in TABLE.iterrows() if r.channels != 3]  # space to depth differs, too
        differ = [r.window for r in rows if count(r, policy).cycles != r.cycles]
        assert any(window.startswith("L") for window in differ)
        # On T<2,5> "most" is the same choice from places in the same order.
        assert ("T2,5" in differ) == (policy == "least")


def test_tiles_share_the_channel_groups_of_a_layer_here() -> None:
    row = TABLE[TABLE.groups == 2].iloc[0]
    mask = keep(row.seed, row.density, (row.filters, row.channels // 2, row.kernel, row.kernel))
    layer = Layer("a", row.filters, row.channels, (3, 3), (1, 1), (1, 1), 2, (row.image,) * 2)
    together = Tactical(parse_window(row.window), policy="dnnsim").count([forward(layer, mask)])[0]
    assert (row.filters, row.tiles) == (32, 4)  # one set a group: two of four tiles idle there
    assert 2 * together.cycles == row.cycles
    assert 2 * together.dense_cycles == row.dense_cycles


def test_a_set_of_nothing_takes_one_cycle_here_and_none_there() -> None:
    layer = Layer("a", 16, 32, image=(1, 1))
    nothing = np.zeros((16, 32, 1, 1), bool)
    machine = Tactical(parse_window("T2,5"), policy="dnnsim")
    assert machine.count([forward(layer, nothing)])[0].cycles == 1


@pytest.mark.parametrize("index", SCNN.index)
def test_scnn_cycles_equal_dnnsim(index: int) -> None:
    row = SCNN.loc[index]
    kernel, stride, padding, image = (
        (int(row[name]),) * 2 for name in ("kernel", "stride", "padding", "image")
    )
    layer = Layer("a", row.filters, row.channels, kernel, stride, padding, image=image)
    weight = keep(row.seed, row.density, layer.weight_shape)
    stream = keep(row.stream_seed, row.stream_density, layer.input_shape)
    ours = Cartesian().count([forward(layer, weight, stream)])[0]
    assert ours.dense_cycles == row.dense_cycles
    if row.stride > 1 and row.padding % 2:
        assert ours.cycles < row.cycles
    else:
        assert ours.cycles == row.cycles

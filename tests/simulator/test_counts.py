"""Counts add up, and say nothing where there is nothing."""

from math import isnan

import numpy as np

from swatlib.simulator.counts import Count, count_true, total


def test_counts_add_up() -> None:
    one = Count(10, 4, 2.0, 32, {"lanes": 1.0, "window": 1.0}, 100, 50, 30, 20)
    two = Count(6, 4, 4.0, 64, {"halo": 0.5}, 1, 2, 1, 1)
    both = total([one, two])
    assert both == one + two
    assert (both.dense_cycles, both.cycles, both.ideal_cycles, both.macs) == (16, 8, 6.0, 96)
    assert both.losses == {"lanes": 1.0, "window": 1.0, "halo": 0.5}
    assert (both.dram_bits, both.sram_bits) == (101, 52)
    assert (both.dram_read_bits, both.dram_written_bits) == (70, 31)
    assert (both.sram_read_bits, both.sram_written_bits) == (31, 21)
    assert (both.speedup, both.utilisation) == (2, 0.75)


def test_nothing_to_do_has_no_speed() -> None:
    assert total([]) == Count()
    assert isnan(Count().speedup)
    assert isnan(Count().utilisation)


def test_set_entries_are_a_python_integer() -> None:
    counted = count_true(np.array([[True, False], [True, True]]))
    assert (counted, type(counted)) == (3, int)

"""Steps are told by the weight: by its version, else by some of its entries."""

import torch

from swatlib.kernels.steps import LOOKED_AT, UNKNOWN, is_new_step, look


def test_at_most_so_many_entries_are_looked_at_all_over_a_weight() -> None:
    weight = torch.arange(1000.0)
    seen = look(weight)
    assert len(seen) == LOOKED_AT
    assert seen[0] == 0
    assert seen[-1] > 900
    assert look(torch.arange(3.0)).tolist() == [0, 1, 2]


def test_a_weight_that_has_changed_is_a_new_step() -> None:
    weight = torch.arange(10.0)
    version, entries = torch.full((), -1), look(weight).clone()
    assert is_new_step(weight, version, entries)
    assert not is_new_step(weight, version, entries)
    weight.add_(1)
    assert is_new_step(weight, version, entries)


def test_a_write_past_the_version_counter_is_seen() -> None:
    weight = torch.arange(10.0)
    version, entries = torch.full((), -1), look(weight).clone()
    is_new_step(weight, version, entries)
    weight.data[0] = 7  # leaves the counter of the weight where it is
    assert is_new_step(weight, version, entries)


def test_a_copy_goes_on_with_the_step_it_was_copied_in() -> None:
    weight = torch.arange(10.0)
    version, entries = torch.full((), UNKNOWN), look(weight).clone()
    assert not is_new_step(weight, version, entries)

"""Shapes of layers: multiply-accumulates by hand, and the networks they make up."""

import pytest

from swatlib.accounting.layer import Layer, Network

CONV = Layer("conv", "conv", (8, 3, 3, 3), (2, 3, 9, 9), (2, 8, 4, 4))
NORM = Layer("norm", "norm", (), (2, 8, 4, 4), (2, 8, 4, 4))
HEAD = Layer("head", "linear", (5, 128), (2, 128), (2, 5))
AGAIN = Layer("head@2", "linear", (5, 128), (2, 128), (2, 5), shares="head")


def test_counts_by_hand() -> None:
    assert CONV.weights == 8 * 27
    assert CONV.inputs == 2 * 3 * 81
    assert CONV.forward_macs == 2 * 8 * 16 * 27
    assert CONV.full_map_macs == 2 * 81 * 3 * 8 * 9
    assert HEAD.full_map_macs == HEAD.forward_macs == 2 * 5 * 128


def test_what_has_no_weight_of_its_own() -> None:
    assert NORM.weights == NORM.forward_macs == 0
    assert AGAIN.weights == 0
    assert AGAIN.forward_macs == HEAD.forward_macs


def test_a_network_knows_its_first_layer_and_its_batch() -> None:
    network = Network((NORM, CONV, HEAD, AGAIN))
    assert network.weighted == (CONV, HEAD, AGAIN)
    assert network.first is CONV
    assert network.batch == 2


def test_names_are_different() -> None:
    with pytest.raises(ValueError, match="layers must have different names, got conv twice"):
        Network((CONV, CONV))

"""The network and the images of the contract are the same every time, and leave no trace."""

import pytest
import torch

import swatlib
from swatlib.methods import Method
from swatlib.testing.network import DENSE, assert_same_weights, batch, made_sparse, network, train


def test_everything_is_the_same_every_time() -> None:
    state = torch.get_rng_state()
    assert_same_weights(network(), network(), "two networks")
    assert torch.equal(batch(3)[0], batch(3)[0])
    assert not torch.equal(batch(3)[0], batch(4)[0])
    assert not torch.equal(batch(3, rank=1)[0], batch(3)[0])
    assert torch.equal(torch.get_rng_state(), state)


def test_what_differs_is_named() -> None:
    other = network()
    with torch.no_grad():
        other[3].bias[0] += 1  # type: ignore[index, operator, union-attr]
    with pytest.raises(AssertionError, match=r"two networks: 3.bias differs by up to 1"):
        assert_same_weights(network(), other, "two networks")


def test_structured_selectors_get_the_layers_they_are_for() -> None:
    model = made_sparse(Method(swatlib.swat(0.5, structured="filter")))
    assert [name for name, _ in swatlib.sparse_layers(model)] == ["3", "6"]


def test_training_calls_the_hooks() -> None:
    model, other = network(), made_sparse(swatlib.method("swat", 0.9, masked_gradients=True))
    assert train(model, DENSE, range(3)) != train(other, swatlib.method("swat", 0.9), range(3))

"""Restoration's regime: its variants against loops, its data, and what its table says."""

import pandas as pd
import pytest
import torch

from swatlib.data import load
from swatlib.experiments.restoration import FIXED, RESTORED
from swatlib.experiments.restoration_regime import (
    OWN,
    VARIANTS,
    OtherColumns,
    RegimeRun,
    enlarged,
    gathered,
    restoration_regime,
    table,
)
from swatlib.kernels.convolution import Geometry
from swatlib.selectors.information_restoration import weight_gradient

SHAPE, GEOMETRY = torch.Size((4, 3, 3, 3)), Geometry((1, 1), (1, 1))


def by_hand(row: list[float], offset: int) -> list[float]:
    total = [0.0] * len(row)
    for place, value in enumerate(row):
        second = place >= offset and (place - offset) % 2 == 1
        total[place - 1 if second else place] += value
    return total


@pytest.mark.parametrize("offset", [0, 1])
@pytest.mark.parametrize("width", [1, 2, 3, 4, 5, 8])
def test_pairs_are_summed_at_their_first_pixel(width, offset):
    grad = torch.randn(2, 3, 2, width, dtype=torch.float64)
    rows = [by_hand(row.tolist(), offset) for row in grad.reshape(-1, width)]
    expected = torch.tensor(rows, dtype=torch.float64)
    assert torch.equal(gathered(grad, offset).reshape(-1, width), expected)
    assert torch.allclose(gathered(grad, offset).sum(-1), grad.sum(-1))


@pytest.fixture
def layer():
    x = torch.randn(2, 3, 6, 7, dtype=torch.float64)
    return torch.randn(2, 4, 6, 7, dtype=torch.float64), x


def test_doubling_is_twice_what_the_fixed_mask_leaves(layer):
    got = OtherColumns(way="doubled").weight_gradient(*layer, SHAPE, GEOMETRY)
    assert torch.allclose(got, 2 * weight_gradient(*layer, SHAPE, GEOMETRY, restore=False))


def test_pairs_down_are_pairs_of_the_transposed_images(layer):
    grad, x = layer
    got = OtherColumns(way="pairs down").weight_gradient(grad, x, SHAPE, GEOMETRY)
    turned = weight_gradient(grad.mT.contiguous(), x.mT.contiguous(), SHAPE, GEOMETRY)
    assert torch.allclose(got, turned.mT)


@pytest.mark.parametrize("way", ["direction drawn", "offset drawn"])
def test_what_is_drawn_takes_both_values(layer, way):
    torch.manual_seed(0)
    selector = OtherColumns(way=way)
    found = {
        tuple(selector.weight_gradient(*layer, SHAPE, GEOMETRY).flatten().tolist())
        for _ in range(20)
    }
    assert len(found) == 2
    own = weight_gradient(*layer, SHAPE, GEOMETRY).flatten()
    assert any(torch.allclose(torch.tensor(one, dtype=torch.float64), own) for one in found)


@pytest.mark.parametrize("way", VARIANTS)
def test_the_operands_multiply_to_the_weight_gradient(layer, way):
    grad, x = layer
    selector = OtherColumns(way=way)
    torch.manual_seed(1)
    g, columns = selector.operands(grad, x, SHAPE, GEOMETRY)
    torch.manual_seed(1)
    expected = selector.weight_gradient(grad, x, SHAPE, GEOMETRY)
    product = torch.einsum("nop,ngkp->ok", g.flatten(2), columns).reshape(SHAPE)
    assert torch.allclose(product, expected)


def test_images_are_enlarged_and_every_fifth_is_tested():
    small = load("patches")
    large = enlarged(small, 32)
    assert large.train_x.shape == (len(small.train_x), 3, 32, 32)
    assert len(large.test_x) == len(large.test_y) == -(-len(small.test_x) // 5)
    assert torch.equal(large.test_y, small.test_y[::5])
    # Bilinear: the mean of a picture stays, its neighbours come nearer.
    assert torch.allclose(large.train_x.mean((2, 3)), small.train_x.mean((2, 3)), atol=1e-4)
    assert torch.equal(enlarged(small, 16).train_x, small.train_x)


def test_the_table_compares_within_a_seed():
    layers = [
        {"images": "learnt", "layer": str(k), "choice": choice, "column cosine": cosine}
        for k, cosine in enumerate((0.2, 0.6, 0.9))
        for choice in (FIXED, RESTORED)
    ]
    runs = pd.DataFrame(
        {"pixels": 16, "columns": way, "seed": 1, "test_accuracy": accuracy, "layers": given}
        for way, accuracy, given in (
            ("dense", 50.0, layers),
            ("fixed", 47.0, None),
            ("restored", 49.0, None),
        )
    )
    assert table(runs).to_dict("records") == [
        {"pixels": 16, "seed": 1, "fixed": -3, "restored": -1, "gain": 2, "column cosine": 0.6}
    ]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [({"pixels": 48}, "pixels"), ({"columns": "half"}, "columns"), ({"seed": -1}, "seed")],
)
def test_a_run_that_cannot_be_is_refused(wrong, said):
    with pytest.raises(ValueError, match=said):
        RegimeRun(**wrong)


def test_only_the_weight_gradient_is_sparse():
    for run in restoration_regime():
        sparse = {
            name for name, chosen in vars(run.recipe).items() if "weight_grad" in name and chosen
        }
        assert sparse == (set() if run.columns == "dense" else {"weight_grad_activation"})
        assert run.training.pixels == min(run.pixels, OWN)

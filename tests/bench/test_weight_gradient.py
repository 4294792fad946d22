"""The benchmark of the weight gradient: the dense product it compares with, and its means."""

import pytest
import torch

from swatlib.bench import weight_gradient
from swatlib.bench.weight_gradient import LAYOUTS, dense_weight_gradient, faster
from swatlib.kernels.convolution import Geometry
from swatlib.kernels.fastest import current


def test_the_dense_product_is_that_of_autograd() -> None:
    x = torch.randn(2, 3, 8, 8, dtype=torch.float64)
    w = torch.randn(4, 3, 3, 3, dtype=torch.float64, requires_grad=True)
    y = torch.conv2d(x, w, None, 1, 1)
    grad = torch.randn_like(y)
    (wanted,) = torch.autograd.grad(y, w, grad)
    found = dense_weight_gradient(grad, x, w.detach(), Geometry(padding=(1, 1)))
    torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_gain_is_a_ratio_of_times(layout: str) -> None:
    times = {"dense": 3.0, "fast": 2.0}
    gain = faster(1, 3, 1, 4, 2, 2, LAYOUTS[layout], lambda functions, repeat: times)
    assert gain == 1.5


def test_main(monkeypatch: pytest.MonkeyPatch) -> None:
    gains = iter([2.0, 4.0, 8.0, 1.0, 1.0, 0.5])
    settings = []
    shapes = [(1, 1, 4, 2, 2), (1, 2, 4, 2, 2), (3, 1, 4, 2, 2)]
    monkeypatch.setattr(weight_gradient, "NETWORKS", {"small": (1, shapes)})
    monkeypatch.setattr(weight_gradient, "LAYOUTS", {"NCHW": torch.contiguous_format})
    monkeypatch.setattr(
        weight_gradient, "faster", lambda *_: (settings.append(current()), next(gains))[1]
    )
    rows = list(weight_gradient.main())
    first, _, _, pointwise, whole, slowest = rows[:6]
    assert (first.name, first.ratio) == ("1x1, stride 1, 4 pixels, 2 -> 2", 0.5)
    assert pointwise.name == "geometric mean of 2 1x1 layers"
    assert pointwise.ratio == pytest.approx(1 / 8**0.5)
    assert whole.ratio == pytest.approx(1 / 8)
    assert (slowest.name, slowest.ratio) == ("slowest layer", 0.5)
    assert settings == ["fast"] * 3 + ["auto"] * 3
    assert rows[-1].setting == f"{slowest.setting}, auto"
    assert (rows[-1].name, rows[-1].ratio) == ("slowest layer", 2)

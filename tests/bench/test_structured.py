"""What the benchmark of structured sparsity times is the same product, narrowed."""

from __future__ import annotations

import pytest
import torch

from swatlib.bench import structured
from swatlib.kernels.keep import keep
from swatlib.selectors.channels import TopChannels, used_inputs


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_narrowed_products_are_the_whole_ones(layout: torch.memory_format) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 8, 5, 5, generator=generator, dtype=torch.float64)
    x = x.contiguous(memory_format=layout).requires_grad_()
    w = torch.randn(6, 8, 3, 3, generator=generator, dtype=torch.float64)
    w = keep(w, TopChannels(0.7, "input").choose(w)).contiguous(memory_format=layout)
    used = used_inputs(w)
    assert len(used) == 3
    y = torch.conv2d(x, w, padding=1)
    grad = torch.randn(y.shape, generator=generator, dtype=torch.float64)
    (dx,) = torch.autograd.grad(y, x, grad)
    torch.testing.assert_close(structured.narrowed_forward(x, w, used), y)
    torch.testing.assert_close(structured.narrowed_input_grad(grad, x.detach(), w, used), dx)


def test_the_bound_of_a_step_with_a_whole_weight_gradient() -> None:
    assert structured.bound(0.0) == 1
    assert structured.bound(0.75) == 2


def test_gains_are_ratios() -> None:
    gains = structured.gains(4, 4, 0.5, batch=2, repeat=1)
    assert list(gains) == ["forward", "input gradient", "step"]
    assert all(value > 0 for value in gains.values())


def test_main(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(structured, "LAYERS", ((4, 4), (8, 2)))
    monkeypatch.setattr(structured, "SPARSITIES", (0.5,))
    monkeypatch.setattr(structured, "gains", lambda c, *_, **__: {"step": float(c)})
    rows = {row.name: row.ratio for row in structured.main()}
    assert rows["step, 4 channels, 4x4"] == 1 / 4
    assert rows["step, geometric mean"] == pytest.approx(1 / 32**0.5)
    assert rows["step, bound"] == 2 / 3

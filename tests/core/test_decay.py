"""SR-STE's decay in the gradient, by hand, in float64."""

import pytest
import torch

from swatlib.core.decay import DecayInGradient


def test_the_gradient_gains_the_decay_of_what_is_pruned() -> None:
    weight = torch.tensor([3.0, -0.5, 2.0, 0.0], dtype=torch.float64, requires_grad=True)
    mask = torch.tensor([True, False, True, False])
    upstream = torch.tensor([1.0, 2.0, 3.0, 4.0], dtype=torch.float64)
    out = DecayInGradient.apply(weight, mask, 0.1)
    assert torch.equal(out, weight)
    (gradient,) = torch.autograd.grad(out, weight, upstream)
    assert gradient.tolist() == pytest.approx([1.0, 2.0 + 0.1 * -0.5, 3.0, 4.0])


def test_a_threshold_serves_as_well_as_a_mask() -> None:
    weight = torch.tensor([3.0, -0.5], dtype=torch.float64, requires_grad=True)
    out = DecayInGradient.apply(weight, torch.tensor(1.0, dtype=torch.float64), 0.2)
    (gradient,) = torch.autograd.grad(out.sum(), weight)
    assert gradient.tolist() == pytest.approx([1.0, 1.0 - 0.1])

"""Zeros that ReLU leaves: measured, without a trace."""

import pytest
import torch
from accounting_models import TEXT, tiny
from torch import nn

from swatlib.accounting import natural_zeros


def test_natural_zeros_are_measured_and_change_nothing() -> None:
    torch.manual_seed(0)
    model = tiny()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    x = torch.randn(8, 3, 4, 4)
    zeros = natural_zeros(model, x)
    assert zeros["0"] == 0
    hidden = torch.relu(model[1](model[0](x)))
    model.load_state_dict(before)
    assert zeros["3"] == float((hidden == 0).float().mean())
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name]), name


def test_meta_tensors_have_no_zeros_to_measure() -> None:
    with pytest.raises(ValueError, match="x must hold entries"):
        natural_zeros(tiny().to("meta"), torch.empty(1, 3, 4, 4, device="meta"))
    with pytest.raises(ValueError, match=r"model cannot take x: .*channels"):
        natural_zeros(tiny(), torch.empty(1, 2, 4, 4))


def test_natural_zeros_leave_the_state_of_the_random_generator() -> None:
    model = nn.Sequential(nn.Linear(8, 8), nn.Dropout(), nn.ReLU(), nn.Linear(8, 4))
    before = torch.random.get_rng_state()
    zeros = natural_zeros(model, {"input": TEXT})
    assert torch.equal(torch.random.get_rng_state(), before)
    assert zeros["0"] == 0 < 0.4 < zeros["3"]

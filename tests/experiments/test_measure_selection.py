"""Small entries kept and large ones dropped."""

import torch

from swatlib.experiments.measure_selection import VARIANTS, _choice, _operands
from swatlib.models import build_network


def test_a_choice_by_hand() -> None:
    # Two channels of four entries; a quarter is kept: the two 9s, or one entry of each channel.
    tensor = torch.tensor([[9.0, 9.0, 8.0, 1.0], [2.0, 1.0, 1.0, 1.0]]).reshape(1, 2, 2, 2)
    free, channels = (_choice(tensor, 0.75, variant) for variant in ("NCHW", "HW"))
    assert (free["small"], free["dropped"]) == (0, 0)
    assert (channels["small"], channels["dropped"]) == (0.5, 0.5)
    assert channels["angle"] > free["angle"]
    assert free["choice"]
    assert channels["choice"]


def test_a_kernel_of_one_entry_leaves_no_choice() -> None:
    found = _choice(torch.randn(4, 3, 1, 1), 0.5, "HW")
    assert not found["choice"]
    assert found["dropped"] == found["angle"] == 0


def test_operands_are_those_of_saw() -> None:
    torch.manual_seed(0)
    model = build_network("small_resnet", classes=10, image=8, channels=1)
    found = _operands(model, torch.randn(4, 1, 8, 8))
    assert found[-1][0] == "fc"
    assert "conv1" not in [name for name, _, _ in found]
    assert all(x.shape[1] == w.shape[1] for _, w, x in found)
    assert VARIANTS == ("NCHW", "CHW", "HW")

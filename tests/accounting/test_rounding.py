"""What rounding up leaves of a sparsity, slice by slice."""

import pytest
import torch

from swatlib.accounting import trace
from swatlib.accounting.rounding import backward_work, granted
from swatlib.models import build_network
from swatlib.selectors import topk_mask


@pytest.mark.parametrize("over", ["NCHW", "CHW", "HW"])
@pytest.mark.parametrize("shape", [(6, 4, 3, 3), (5, 8, 1, 1), (10, 12)])
def test_granted_is_what_top_k_keeps(shape: tuple[int, ...], over: str) -> None:
    mask = topk_mask(torch.randn(shape), 0.9, over)
    assert granted(shape, 0.9, over) == pytest.approx(mask.double().mean().item())


def test_work_of_the_variants_on_the_small_network() -> None:
    network = trace(build_network("small_resnet", classes=10, image=8, channels=1), (128, 1, 8, 8))
    left = {over: 100 * backward_work(network, 0.98, over) for over in ("NCHW", "CHW", "HW")}
    # Counted by hand over the ten layers, as the chapter prints it.
    assert left == pytest.approx({"NCHW": 2.0, "CHW": 2.1, "HW": 10.7}, abs=0.05)


def test_a_network_of_one_layer_leaves_everything() -> None:
    assert backward_work(trace(torch.nn.Linear(4, 2), (3, 4)), 0.9) == 1.0


def test_unknown_slices_are_refused() -> None:
    network = trace(torch.nn.Linear(4, 2), (3, 4))
    with pytest.raises(ValueError, match="over must be"):
        backward_work(network, 0.9, "W")

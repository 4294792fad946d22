"""Convolutions: their backward products, and their unfolded input."""

from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from swatlib.core.products import convolution
from swatlib.kernels.convolution import Geometry, unfold


@pytest.mark.parametrize(("channels", "spared"), [(4, True), (15, True), (16, False)])
def test_a_strided_1x1_convolution_does_not_corrupt_the_heap(channels: int, spared: bool) -> None:
    # github.com/uxlfoundation/oneDNN/issues/6035: few channels, channels-last. A crash would take
    # the test run with it and comes by chance, so it is the memory format that is looked at.
    strides = []

    class SimilarityRun(TorchDispatchMode):
        def __torch_dispatch__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            if func is torch.ops.aten.convolution_backward.default:
                strides.append([t.stride() for t in args[1:3]])
            return func(*args, **(kwargs or {}))

    x = torch.randn(2, channels, 4, 4).to(memory_format=torch.channels_last).requires_grad_()
    w = torch.randn(8, channels, 1, 1).to(memory_format=torch.channels_last).requires_grad_()
    y = convolution(x, w, None, Geometry((2, 2)))
    with SimilarityRun():
        y.sum().backward()
    nchw = (16 * channels, 16, 4, 1), (channels, 1, 1, 1)
    last = x.stride(), w.stride()
    assert strides == [list(nchw if spared else last)]


def test_unfolded_inputs_times_weights_are_the_convolution() -> None:
    x = torch.randn(2, 4, 7, 6, dtype=torch.float64)
    w = torch.randn(6, 2, 3, 2, dtype=torch.float64)
    geometry = Geometry((2, 1), (1, 0), (1, 2), 2)
    columns = unfold(x, w.shape, geometry)
    y = torch.einsum("gok,ngkp->ngop", w.reshape(2, 3, -1), columns)
    wanted = torch.conv2d(x, w, None, *vars(geometry).values())
    torch.testing.assert_close(y.reshape(wanted.shape), wanted)


def test_a_geometry_is_two_of_each() -> None:
    with pytest.raises(ValueError, match="stride must hold 2 integers"):
        Geometry(stride=(1, 1, 1))

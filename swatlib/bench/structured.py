"""Measured time of convolutions without the unused input channels, against whole convolutions.

Selection "input" of structured SWAT empties the same input channels in every filter. Forward and
input gradient then need the other channels only, and are smaller dense convolutions. The weight
gradient stays whole, because SWAT updates every weight.
"""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from swatlib.bench.timing import Row, geometric_mean, seconds
from swatlib.kernels.keep import keep
from swatlib.selectors.channels import TopChannels, used_inputs

BATCH = 32
# channels (in and out) and pixels of the 3x3 convolutions of ResNet-18 on CIFAR
LAYERS = ((64, 32), (128, 16), (256, 8), (512, 4))
SPARSITIES = (0.5, 0.6, 0.7)


def main() -> Iterator[Row]:
    """Yield the time of narrowed products, gathering the channels included, over the whole ones."""
    for name, layout in (
        ("NCHW", torch.contiguous_format),
        ("channels last", torch.channels_last),
    ):
        for sparsity in SPARSITIES:
            setting = f"3x3 convolutions of ResNet-18, batch {BATCH}, {name}, {sparsity:.0%}"
            rows = []
            for channels, pixels in LAYERS:
                rows.append(gains(channels, pixels, sparsity, layout=layout))
                for what, gain in rows[-1].items():
                    where = f"{what}, {channels} channels, {pixels}x{pixels}"
                    yield Row(setting, where, 1 / gain, "whole")
            for what in rows[0]:
                mean = geometric_mean([row[what] for row in rows])
                yield Row(setting, f"{what}, geometric mean", 1 / mean, "whole")
            yield Row(setting, "step, bound", 1 / bound(sparsity), "whole")


def bound(sparsity: float) -> float:
    """Return how many times faster a step can become whose weight gradient stays whole."""
    return 3 / (2 * (1 - sparsity) + 1)


def gains(
    channels: int,
    pixels: int,
    sparsity: float,
    batch: int = BATCH,
    layout: torch.memory_format = torch.contiguous_format,
    repeat: int = 7,
) -> dict[str, float]:
    """Return how many times faster the narrowed products of a 3x3 convolution are.

    Parameters
    ----------
    channels, pixels, batch : int
        The layer maps (batch, channels, pixels, pixels) to the same shape.
    sparsity : float
        Fraction of input channels without a weight, in [0, 1).
    layout : torch.memory_format
        Of activations and weights.
    repeat : int
        Turns, as in :func:`swatlib.bench.timing.seconds`.

    Returns
    -------
    dict of str to float
        For ``"forward"``, ``"input gradient"``, and the ``"step"`` of three products.
    """
    x = torch.randn(batch, channels, pixels, pixels).contiguous(memory_format=layout)
    w = torch.randn(channels, channels, 3, 3).contiguous(memory_format=layout)
    grad = torch.randn_like(x)
    w = keep(w, TopChannels(sparsity, "input").choose(w))
    used = used_inputs(w)
    products: dict[str, Callable[[], object]] = {
        "forward": lambda: torch.conv2d(x, w, padding=1),
        "forward, narrowed": lambda: narrowed_forward(x, w, used),
        "input gradient": lambda: backward(grad, x, w, wanted="input"),
        "input gradient, narrowed": lambda: narrowed_input_grad(grad, x, w, used),
        "weight gradient": lambda: backward(grad, x, w, wanted="weight"),
    }
    taken = seconds(products, repeat=repeat)
    narrowed = {k: taken[f"{k}, narrowed"] for k in ("forward", "input gradient")}
    whole_step = sum(taken[k] for k in (*narrowed, "weight gradient"))
    step = sum(narrowed.values()) + taken["weight gradient"]
    return {k: taken[k] / time for k, time in narrowed.items()} | {"step": whole_step / step}


def narrowed_forward(x: Tensor, weight: Tensor, used: Tensor) -> Tensor:
    """Convolve (3x3, padding 1) with the used input channels only; gathers them first."""
    return torch.conv2d(x[:, used], weight[:, used], padding=1)


def narrowed_input_grad(grad: Tensor, x: Tensor, weight: Tensor, used: Tensor) -> Tensor:
    """Return dX, computed for the used input channels and zero for the others."""
    result = torch.zeros_like(x)
    result[:, used] = backward(grad, x[:, used], weight[:, used], wanted="input")
    return result


def backward(grad: Tensor, x: Tensor, weight: Tensor, wanted: str) -> Tensor:
    """Return dX (`wanted` "input") or dW ("weight") of a 3x3 convolution with padding 1."""
    dx, dw, _ = torch.ops.aten.convolution_backward(
        grad, x, weight, None, [1, 1], [1, 1], [1, 1], False, [0, 0], 1,
        [wanted == "input", wanted == "weight", False],
    )  # fmt: skip
    result: Tensor = dx if wanted == "input" else dw
    return result

"""The weight gradient from every other column (FST Eq. 10) against the dense one, layer by layer.

Every distinct convolution of ResNet-18 and ResNet-50 on 224 x 224 images, and of ResNet-18 on 32 x
32, both memory formats. What the fast form does with a shape follows the rules in
:mod:`swatlib.selectors.information_restoration`: cut out pixels for 1x1, a plain matrix product
where pixels are fewer than output channels, else the doubled stride. Layers of a fraction of a
millisecond gain nothing: there the cost of calling decides. "auto" is the way measured as fastest
for each layer, see :func:`swatlib.products`.
"""

from collections.abc import Callable, Iterator

import torch

from swatlib.bench.timing import Row, geometric_mean, seconds
from swatlib.kernels.convolution import Geometry
from swatlib.kernels.fastest import AUTO, FAST, products
from swatlib.selectors.information_restoration import weight_gradient

# kernel, stride, input pixels, input and output channels
STEM = [(7, 2, 224, 3, 64)]
RESNET18 = [
    *[(3, 1, p, c, c) for p, c in ((56, 64), (28, 128), (14, 256), (7, 512))],
    *[(3, 2, p, c, 2 * c) for p, c in ((56, 64), (28, 128), (14, 256))],
    *[(1, 2, p, c, 2 * c) for p, c in ((56, 64), (28, 128), (14, 256))],
]
RESNET50 = [
    (1, 1, 56, 64, 64),
    *[(1, 1, p, c, 4 * c) for p, c in ((56, 64), (28, 128), (14, 256), (7, 512))],
    *[(1, 1, p, 4 * c, c) for p, c in ((56, 64), (28, 128), (14, 256), (7, 512))],
    *[(1, 1, p, 2 * c, c) for p, c in ((56, 128), (28, 256), (14, 512))],
    *[(3, 2, p, c, c) for p, c in ((56, 128), (28, 256), (14, 512))],
    *[(1, 2, p, c, 2 * c) for p, c in ((56, 256), (28, 512), (14, 1024))],
]
RESNET18_CIFAR = [
    *[(3, 1, p, c, c) for p, c in ((32, 64), (16, 128), (8, 256), (4, 512))],
    *[(3, 2, p, c, 2 * c) for p, c in ((32, 64), (16, 128), (8, 256))],
    *[(1, 2, p, c, 2 * c) for p, c in ((32, 64), (16, 128), (8, 256))],
]
NETWORKS = {
    "ResNet-18 and ResNet-50, 224 x 224": (4, STEM + RESNET18 + RESNET50),
    "ResNet-18, 32 x 32": (64, RESNET18_CIFAR),
}
LAYOUTS = {"NCHW": torch.contiguous_format, "channels last": torch.channels_last}


def main() -> Iterator[Row]:
    """Yield the time of each layer over the dense one's, the geometric means and the worst."""
    for title, (batch, shapes) in NETWORKS.items():
        for layout, memory_format in LAYOUTS.items():
            for chosen in (FAST, AUTO):
                setting = f"weight gradient, {title}, batch {batch}, {layout}"
                if chosen != FAST:
                    setting += f", {chosen}"
                yield from _network(setting, batch, shapes, memory_format, chosen)


def _network(
    setting: str,
    batch: int,
    shapes: list[tuple[int, int, int, int, int]],
    memory_format: torch.memory_format,
    chosen: str,
) -> Iterator[Row]:
    gains: dict[int, list[float]] = {}
    for kernel, stride, pixels, inputs, outputs in shapes:
        with products(chosen):
            gain = faster(batch, kernel, stride, pixels, inputs, outputs, memory_format)
        gains.setdefault(kernel, []).append(gain)
        layer = f"{kernel}x{kernel}, stride {stride}, {pixels} pixels, {inputs} -> {outputs}"
        yield Row(setting, layer, 1 / gain, "dense")
    for kernel, values in sorted(gains.items()):
        what = f"geometric mean of {len(values)} {kernel}x{kernel} layers"
        yield Row(setting, what, 1 / geometric_mean(values), "dense")
    yield Row(setting, "slowest layer", 1 / min(map(min, gains.values())), "dense")


def faster(
    batch: int,
    kernel: int,
    stride: int,
    pixels: int,
    inputs: int,
    outputs: int,
    layout: torch.memory_format,
    measure: Callable[..., dict[str, float]] = seconds,
) -> float:
    """Return the dense weight gradient's time over that of the current setting."""
    geometry = Geometry((stride,) * 2, (kernel // 2,) * 2)
    x = torch.randn(batch, inputs, pixels, pixels).contiguous(memory_format=layout)
    w = torch.randn(outputs, inputs, kernel, kernel).contiguous(memory_format=layout)
    grad = torch.randn_like(torch.conv2d(x, w, None, geometry.stride, geometry.padding))
    taken = measure(
        {
            "dense": lambda: dense_weight_gradient(grad, x, w, geometry),
            "fast": lambda: weight_gradient(grad, x, w.shape, geometry),
        },
        repeat=7,
    )
    return taken["dense"] / taken["fast"]


def dense_weight_gradient(
    grad: torch.Tensor, x: torch.Tensor, w: torch.Tensor, geometry: Geometry
) -> torch.Tensor:
    """Return dW = G X^T as a dense backward pass computes it."""
    g = geometry
    return torch.ops.aten.convolution_backward(
        grad,
        x,
        w,
        None,
        g.stride,
        g.padding,
        g.dilation,
        False,
        [0, 0],
        g.groups,
        [False, True, False],
    )[1]

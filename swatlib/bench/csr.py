"""A product with sparse weights: dense, masked and dense, and in compressed sparse rows (CSR).

The forward product of a layer as a matrix product, Y = W X, with the shapes of layers of ResNet-18
on 32 x 32 and 224 x 224 images and of a transformer's feed-forward layer. The CSR matrix holds its
weights already, so its construction is not timed; a training step would have to pay for it too
whenever weights change. The obvious product applies a held mask in every call, as training does.

SciPy's product runs on one thread; with more, PyTorch's dense product has more cores than it.
"""

import warnings
from collections.abc import Callable, Iterator

import scipy.sparse
import torch

from swatlib.bench.timing import Row, ratios, seconds
from swatlib.selectors import topk_threshold

SHAPES = {
    "3x3 convolution, 64 channels, 32x32 pixels": (64, 576, 1024),
    "3x3 convolution, 512 channels, 4x4 pixels, batch 32": (512, 4608, 512),
    "1x1 convolution, 256 -> 512 channels, 28x28 pixels": (512, 256, 784),
    "linear, 512 -> 2048, 256 tokens": (2048, 512, 256),
    "linear, 4096 -> 4096, one vector": (4096, 4096, 1),
}
"""Outputs, inputs of a dot product, and columns of X: pixels times images, or tokens."""

SPARSITIES = (0.5, 0.8, 0.9, 0.95, 0.98, 0.99)
REPEAT = 9


def main() -> Iterator[Row]:
    """Yield the time of each product over the dense one's."""
    for title, shape in SHAPES.items():
        for sparsity in SPARSITIES:
            setting = f"{title}, {sparsity:.0%}"
            yield from ratios(setting, seconds(products(*shape, sparsity), REPEAT), "dense")


def products(
    outputs: int, inputs: int, columns: int, sparsity: float
) -> dict[str, Callable[[], object]]:
    """Return the products by name; each function returns W X, the largest entries of W kept.

    Parameters
    ----------
    outputs, inputs, columns : int
        W is (outputs, inputs), X is (inputs, columns), both float32.
    sparsity : float
        Fraction of entries of W that are zero.
    """
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(outputs, inputs, generator=generator)
    x = torch.randn(inputs, columns, generator=generator)
    mask = weight.abs() >= topk_threshold(weight, sparsity)
    kept = weight * mask
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
        rows = kept.to_sparse_csr()
    matrix, columns_of_x = scipy.sparse.csr_array(kept.numpy()), x.numpy()
    return {
        "dense": lambda: kept @ x,
        "masked, then dense": lambda: (weight * mask) @ x,
        "torch.sparse CSR": lambda: rows @ x,
        "SciPy CSR": lambda: matrix @ columns_of_x,
    }

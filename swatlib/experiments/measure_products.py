"""What 2:4 units make of a product: its time and its error beside those of the dense product.

FST multiplies three times in a layer, and each product has an operand that is 2:4 along what is
summed (FST Fig. 3). A product here is that operand (outputs, inner) times a dense one (rows,
inner), as ``torch.nn.functional.linear`` multiplies. A convolution is its im2col product: the
unfolding is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from math import prod
from typing import Any

import torch
from torch.nn import functional as F

from swatlib import checks
from swatlib.accounting.layer import Network
from swatlib.checked import checked, checked_fields
from swatlib.clock import times
from swatlib.experiments.clock import compared, device_of
from swatlib.kernels.keep import keep
from swatlib.kernels.nm import nm_mask
from swatlib.kernels.semi_structured import available, converted

DTYPES = {"float16": torch.float16, "bfloat16": torch.bfloat16}
"""What 2:4 units multiply, by the names that records have."""


@dataclass(frozen=True)
class ProductTiming:
    """The time of one product by 2:4 units, and of what has to come before it.

    Parameters
    ----------
    device : str
        As :func:`swatlib.machine.device` names it.
    where : str
        The network, and what of it has this shape first: layer and product.
    rows, inner, outputs : int
        ``rows`` x ``inner`` times ``inner`` x ``outputs``; the last two are the sparse operand's.
    dtype : str
        One of :data:`DTYPES`.
    turns, calls : int
        As :func:`~swatlib.clock.times` takes them.
    """

    device: str
    where: str
    rows: int
    inner: int
    outputs: int
    dtype: str = "bfloat16"
    turns: int = 9
    calls: int = 10

    def __post_init__(self) -> None:
        checked_fields(
            self,
            device=checks.text,
            where=checks.text,
            rows=checks.count,
            inner=checks.count,
            outputs=checks.count,
            dtype=partial(checks.one_of, allowed=tuple(DTYPES)),
            turns=partial(checks.count, least=2),
            calls=checks.count,
        )

    @torch.no_grad()
    def compute(self) -> dict[str, Any]:
        """Measure; a sitting calls this.

        Returns
        -------
        dict
            As :func:`~swatlib.experiments.clock.compared` for the sparse product. ``units``:
            whether 2:4 units took it, else both products are dense. ``choose`` and ``convert``:
            the time to choose and apply the mask, and to bring the operand into their form, over
            that of the dense product. ``error``: of the sparse product to the dense one of the
            same masked operand, as lengths.

        Raises
        ------
        ValueError
            If this machine's device is another.
        """
        device, dtype = device_of(self.device), DTYPES[self.dtype]
        generator = torch.Generator().manual_seed(0)
        x = torch.randn(self.rows, self.inner, generator=generator).to(device, dtype)
        whole = torch.randn(self.outputs, self.inner, generator=generator).to(device, dtype)
        masked = keep(whole, nm_mask(whole))
        sparse = converted(masked)
        functions = {
            "dense": lambda: F.linear(x, whole),
            "sparse": lambda: F.linear(x, sparse),
            "choose": lambda: keep(whole, nm_mask(whole)),
            "convert": lambda: converted(masked),
        }
        taken = times(functions, device, self.turns, self.calls)
        right = F.linear(x, masked).float()
        error = (F.linear(x, sparse).float() - right).norm() / right.norm()
        return compared(taken, "sparse", to="dense") | {
            "units": available(device, dtype, (self.outputs, self.inner)),
            "choose": compared(taken, "choose", to="dense")["ratio"],
            "convert": compared(taken, "convert", to="dense")["ratio"],
            "error": float(error),
        }


@checked(images=checks.count)
def products(network: Network, images: int) -> Iterator[tuple[str, tuple[int, int, int]]]:
    """Yield FST's three products of every layer, as name and (rows, inner, outputs).

    The sparse operands are W in the forward product, W^T in the input gradient and X^T in the
    weight gradient; the sums run over inputs, outputs, and places of all images.

    Parameters
    ----------
    network : Network
        Shapes for one image; layers in groups of channels are left out.
    images : int
        In a batch.
    """
    for layer in network.weighted:
        outputs, inputs = layer.weight[0], prod(layer.weight[1:])
        if layer.kind == "conv" and layer.input[1] != layer.weight[1]:
            continue
        places = images * prod(layer.output) // outputs
        yield f"{layer.name} forward", (places, inputs, outputs)
        if layer.input_grad:
            yield f"{layer.name} input_grad", (places, outputs, inputs)
        yield f"{layer.name} weight_grad", (outputs, places, inputs)

"""How near fixed columns come to a convolution's weight gradient (FST section 5.3).

Input and output gradient of every convolution are taken from one dense training step. Errors that
travel down through the gradient of the input are another matter and not counted.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.grad import conv2d_weight

from swatlib.checked import checked
from swatlib.kernels.convolution import Geometry, unfold
from swatlib.selectors import NM, UnfoldedNM
from swatlib.selectors.information_restoration import weight_gradient

FIXED, DOUBLED, RESTORED = "fixed columns", "fixed columns, doubled", "restored (Eq. 10)"
MAGNITUDE_X, MAGNITUDE_G = "2:4 of X^T by magnitude", "2:4 of G by magnitude"


class Operands(NamedTuple):
    """What a convolution's weight gradient is made of."""

    shape: torch.Size
    """Of the weight."""
    geometry: Geometry
    x: Tensor
    """The input, with the padding that the layer itself does not do."""
    grad: Tensor
    """The output gradient G."""


@checked
def operands(model: nn.Module, x: Tensor, y: Tensor) -> dict[str, Operands]:
    """Return the operands of every convolution in one dense training step, in the order of calls.

    Batch normalisation takes the batch's statistics, as in training; nothing is dropped at random.
    The model stays as it is.
    """
    model = copy.deepcopy(model).eval()
    model.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    found: dict[str, Operands] = {}

    def watch(name: str) -> Callable[[Any, tuple[Tensor], Tensor], None]:
        def hook(layer: Any, inputs: tuple[Tensor], output: Tensor) -> None:
            given = inputs[0].detach()
            # Some packages pad in a module of the layer, as TensorFlow does, and not evenly.
            given = layer.static_padding(given) if hasattr(layer, "static_padding") else given
            geometry = Geometry(
                tuple(layer.stride), tuple(layer.padding), tuple(layer.dilation), layer.groups
            )
            seen = Operands(layer.weight.shape, geometry, given, output.detach())
            found[name] = seen
            output.register_hook(
                lambda grad: found.update({name: seen._replace(grad=grad.contiguous())})
            )

        return hook

    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(watch(name))
        elif isinstance(module, nn.BatchNorm2d):
            module.train()
    functional.cross_entropy(model(x), y).backward()
    return found


@checked
def exact(seen: Operands) -> Tensor:
    """Return the dense weight gradient."""
    g = seen.geometry
    return conv2d_weight(seen.x, seen.shape, seen.grad, g.stride, g.padding, g.dilation, g.groups)


def _fixed(seen: Operands) -> Tensor:
    return weight_gradient(seen.grad, seen.x, seen.shape, seen.geometry, restore=False)


def _magnitude_g(seen: Operands) -> Tensor:
    pixels = NM(over="HW")
    return exact(seen._replace(grad=pixels.operand(seen.grad, pixels.choose(seen.grad))))


CHOICES: dict[str, Callable[[Operands], Tensor]] = {
    FIXED: _fixed,
    DOUBLED: lambda seen: 2 * _fixed(seen),
    RESTORED: lambda seen: weight_gradient(seen.grad, seen.x, seen.shape, seen.geometry),
    MAGNITUDE_X: lambda seen: UnfoldedNM().weight_gradient(
        seen.grad, seen.x, seen.shape, seen.geometry
    ),
    MAGNITUDE_G: _magnitude_g,
}
"""What stands for the dense weight gradient, by the name a reader is told."""


@checked
def relative_error(estimate: Tensor, truth: Tensor) -> float:
    """Return the length of the error over the length of the exact gradient."""
    return ((estimate - truth).norm() / truth.norm()).item()


@checked
def pair_cosine(x: Tensor, shape: torch.Size, geometry: Geometry, width: int) -> float:
    """Return the cosine between the pruned columns of im2col(X) and those that stand in for them.

    Parameters
    ----------
    x : Tensor, shape (N, Cin, H, W)
    shape : torch.Size
        Of the weight.
    geometry : Geometry
    width : int
        Of the output.
    """
    patches = unfold(x, shape, geometry)
    patches = patches.reshape(*patches.shape[:-1], -1, width)
    first, second = patches[..., :-1:2], patches[..., 1::2]
    return ((first * second).sum() / (first.square().sum() * second.square().sum()).sqrt()).item()


@checked
def compare(
    found: dict[str, Operands], choices: Sequence[str] = tuple(CHOICES)
) -> list[dict[str, Any]]:
    """Compare each choice with the exact weight gradient.

    Parameters
    ----------
    found : dict
        As :func:`operands` returns it.
    choices : sequence of str
        Of :data:`CHOICES`.

    Returns
    -------
    list of dict
        A row per layer and choice: ``layer``, ``choice``, ``error`` relative to the exact
        gradient's length, ``cosine`` between the two, and ``column cosine``, see
        :func:`pair_cosine`.
    """
    rows = []
    for name, seen in found.items():
        truth = exact(seen)
        between = pair_cosine(seen.x, seen.shape, seen.geometry, seen.grad.shape[-1])
        for choice in choices:
            estimate = CHOICES[choice](seen)
            cosine = functional.cosine_similarity(estimate.flatten(), truth.flatten(), dim=0)
            rows.append(
                {
                    "layer": name,
                    "choice": choice,
                    "column cosine": between,
                    "error": relative_error(estimate, truth),
                    "cosine": cosine.item(),
                }
            )
    return rows

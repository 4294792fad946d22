"""Narrower networks: the same layers with fewer channels, for a given number of parameters.

"Small-dense" is the baseline that a sparse network has to beat: a dense one with as many parameters
(Evci et al. 2020, section 4). Layers that had equally many outputs have equally many afterwards, so
that shortcuts still fit. The numbers are near one fraction of what they were, each rounded so
that the parameters come out within 1 %.
"""

from collections.abc import Iterator, Mapping
from itertools import combinations, product
from typing import Any

from torch import Tensor, nn

from swatlib import checks
from swatlib.checked import checked
from swatlib.core.selector import kept_count

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
CLOSE = 0.01
"""How far the number of parameters may be from the wanted one, as a fraction of it."""


def used_layers(model: nn.Module, x: Tensor) -> list[nn.Conv2d | nn.Linear]:
    """Return the convolutions and linear layers of a model in the order of their use."""
    found: list[nn.Conv2d | nn.Linear] = []
    kinds = [m for m in model.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    handles = [m.register_forward_pre_hook(lambda m, _: found.append(m)) for m in kinds]
    try:
        model(x)
    finally:
        for handle in handles:
            handle.remove()
    return list(dict.fromkeys(found))


@checked(x=None, sparsity=checks.sparsity)
def sparse_parameters(model: nn.Module, x: Tensor, sparsity: float) -> int:
    """Return how many parameters a sparse model has that are not zero.

    Every convolution and linear layer but the first has the sparsity; biases and norms are dense.
    """
    pruned = [layer.weight.numel() for layer in used_layers(model, x)[1:]]
    return _parameters(model) - sum(n - kept_count(n, sparsity) for n in pruned)


@checked(x=None)
def narrow_(model: nn.Module, x: Tensor, widths: Mapping[int, int]) -> nn.Module:
    """Give the layers of a model on the meta device other numbers of channels, in place.

    Parameters
    ----------
    model : nn.Module
        On the meta device, made of convolutions, linear layers and batch norms.
    x : Tensor
        An input of the model, on the meta device.
    widths : mapping of int to int
        From a number of outputs to the new one. The outputs of the last layer stay.

    Examples
    --------
    >>> import torch
    >>> from swatlib.models.narrow import narrow_
    >>> with torch.device("meta"):
    ...     model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Linear(8, 2))
    >>> narrow_(model, torch.empty(1, 4, device="meta"), {8: 3})
    Sequential(
      (0): Linear(in_features=4, out_features=3, bias=True)
      (1): Linear(in_features=3, out_features=2, bias=True)
    )
    """
    layers = used_layers(model, x)[:-1]
    sizes: dict[nn.Module, int] = {}
    for layer in layers:
        sizes[layer] = widths.get(len(layer.weight), len(layer.weight))
    return _fit_(model, x, sizes)


def _fit_(model: nn.Module, x: Tensor, outputs: Mapping[nn.Module, int]) -> nn.Module:
    """Give layers so many outputs, and all layers the inputs that then come to them."""

    def fit(layer: Any, args: tuple[Tensor, ...]) -> None:
        if isinstance(layer, NORMS):
            layer.num_features = args[0].shape[1]
            _resize(layer, layer.num_features)
            return
        n = outputs.get(layer, len(layer.weight))
        if isinstance(layer, nn.Linear):
            layer.in_features, layer.out_features = args[0].shape[-1], n
            _resize(layer, n, layer.in_features)
        else:
            layer.in_channels, layer.out_channels = args[0].shape[1], n
            _resize(layer, n, layer.in_channels // layer.groups, *layer.kernel_size)

    kinds = (nn.Conv2d, nn.Linear, *NORMS)
    handles = [m.register_forward_pre_hook(fit) for m in model.modules() if isinstance(m, kinds)]
    try:
        model(x)
    finally:
        for handle in handles:
            handle.remove()
    return model


def _resize(layer: nn.Module, outputs: int, *rest: int) -> None:
    for name, parameter in layer._parameters.items():
        if parameter is not None:
            shape = (outputs, *rest) if name == "weight" else (outputs,)
            layer._parameters[name] = nn.Parameter(parameter.new_empty(shape))
    for name, buffer in layer._buffers.items():
        if buffer is not None and buffer.ndim:
            layer._buffers[name] = buffer.new_empty(outputs)


def _parameters(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


@checked(x=None, wanted=checks.count)
def narrow_to_(model: nn.Module, x: Tensor, wanted: int) -> nn.Module:
    """Narrow a model on the meta device until it has so many parameters, within 1 %, in place.

    Parameters
    ----------
    model : nn.Module
        As in :func:`narrow_`.
    x : Tensor
        An input of the model, on the meta device.
    wanted : int
        Parameters, at most as many as there are.

    Raises
    ------
    ValueError
        If no numbers of channels come so close.
    """
    groups = {layer: len(layer.weight) for layer in used_layers(model, x)[:-1]}
    before = sorted(set(groups.values()))
    counted: dict[tuple[int, ...], int] = {}

    def become(widths: Mapping[int, int]) -> None:
        _fit_(model, x, {layer: widths[n] for layer, n in groups.items()})

    def parameters(widths: Mapping[int, int]) -> int:
        key = tuple(widths.values())
        if key not in counted:
            become(widths)
            counted[key] = _parameters(model)
        return counted[key]

    def error(widths: Mapping[int, int]) -> int:
        return abs(parameters(widths) - wanted)

    low, high = 0.0, 1.0
    for _ in range(14):
        middle = (low + high) / 2
        many = parameters(_scaled(before, middle)) > wanted
        low, high = (low, middle) if many else (middle, high)
    chosen = min((_scaled(before, f) for f in (low, high)), key=error)
    moved = 1
    while error(chosen) > CLOSE * wanted / 2 and moved <= len(before):
        better = min(_neighbours(chosen, moved), key=error, default=chosen)
        chosen, moved = (better, 1) if error(better) < error(chosen) else (chosen, moved + 1)
    become(chosen)
    if error(chosen) > CLOSE * wanted:
        raise ValueError(
            f"wanted must be a number of parameters that fewer channels can give within 1 %; "
            f"got {wanted}, the nearest is {_parameters(model)}"
        )
    return model


def _scaled(before: list[int], fraction: float) -> dict[int, int]:
    return {n: max(1, round(fraction * n)) for n in before}


def _neighbours(widths: dict[int, int], moved: int) -> Iterator[dict[int, int]]:
    """Yield the widths with so many of them larger or smaller by one or two."""
    for chosen in combinations(widths, moved):
        for steps in product((-1, 1, -2, 2), repeat=moved):
            changed = {n: widths[n] + step for n, step in zip(chosen, steps, strict=True)}
            if min(changed.values()) > 0:
                yield widths | changed


@checked
def initialised(model: nn.Module) -> nn.Module:
    """Return a model from the meta device on the CPU, initialised as its layers are by default."""
    model = model.to_empty(device="cpu")
    for module in model.modules():
        reset = getattr(module, "reset_parameters", None)
        if reset is not None:
            reset()
    return model

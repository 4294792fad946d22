"""Which entries of a layer's operands are not zero.

Masks come from a live model (`swatlib.simulator.live`), from a file a user brings, or are
generated from a sparsity and a seed.
"""

from __future__ import annotations

import math
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from swatlib import checks
from swatlib.checked import checked
from swatlib.core.operands import OPERANDS, PRODUCTS, PerOperand
from swatlib.core.selector import kept_count
from swatlib.files import whole
from swatlib.simulator.geometry import Layer

MASK = partial(checks.array, kinds="b")

RELU_DENSITY = 0.5
"""Share of non-zeros behind a ReLU: half, if what enters it is as often negative as positive."""


@dataclass(frozen=True, init=False)
class Masks(PerOperand[np.ndarray | None]):
    """Non-zeros of the six operands of one layer's training step, boolean arrays.

    Parameters
    ----------
    forward_weight : numpy.ndarray
        W, ``(filters, channels / groups, kh, kw)``.
    weight_grad_activation : numpy.ndarray
        X of the weight gradient, ``(batch, channels, height, width)``.
    columns : numpy.ndarray, optional
        The unfolded X of the weight gradient, ``(batch, groups, channels / groups kh kw, oh ow)``.
        Unfolding copies a pixel several times. This mask is needed if a method keeps some of the
        copies and drops others; otherwise the mask of X determines it.
    **others : numpy.ndarray, optional
        ``input_grad_weight``, as the forward one if not given; ``forward_activation``,
        ``input_grad_gradient``, ``weight_grad_gradient``, dense if not given.
    """

    columns: np.ndarray | None = None

    def __init__(
        self,
        forward_weight: np.ndarray,
        weight_grad_activation: np.ndarray,
        columns: np.ndarray | None = None,
        **others: np.ndarray | None,
    ) -> None:
        if unknown := sorted(others.keys() - {operand.name for operand in OPERANDS}):
            now = FORMER.get(unknown[0])
            hint = (
                f"it is called {now}" if now else f"those are {', '.join(o.name for o in OPERANDS)}"
            )
            raise TypeError(f"Masks have no {unknown[0]!r}: {hint}")
        given = others | {
            "forward_weight": forward_weight,
            "weight_grad_activation": weight_grad_activation,
        }
        for operand in OPERANDS:
            needed = operand.name in ("forward_weight", "weight_grad_activation")
            check = MASK if needed else checks.optional(MASK)
            object.__setattr__(self, operand.name, check(operand.name, given.get(operand.name)))
        object.__setattr__(self, "columns", checks.optional(MASK)("columns", columns))

    @checked
    def stationary(self, product: str) -> np.ndarray:
        """The operand that stays in the machine."""
        product = checks.one_of("product", product, PRODUCTS)
        chosen = self.forward_weight
        if product == "weight_grad":
            chosen = self.weight_grad_activation if self.columns is None else self.columns
        elif product == "input_grad" and self.input_grad_weight is not None:
            chosen = self.input_grad_weight
        assert chosen is not None
        return chosen

    @checked
    def stream(self, product: str) -> np.ndarray | None:
        """The operand that flows past it, None if it is dense."""
        product = checks.one_of("product", product, PRODUCTS)
        if product == "forward":
            return self.forward_activation
        return self.input_grad_gradient if product == "input_grad" else self.weight_grad_gradient


FORMER = {
    "weight": "forward_weight",
    "inputs": "weight_grad_activation",
    "weight_backward": "input_grad_weight",
    "activation": "forward_activation",
}
"""Names that `Masks` refuses, each with the operand that the error says to use."""


@checked
def dense_masks(layer: Layer) -> Masks:
    """Masks of a layer in which nothing is zero."""
    return Masks(np.ones(layer.weight_shape, bool), np.ones(layer.input_shape, bool))


@checked(sparsity=checks.sparsity)
def generate(
    layers: Sequence[Layer],
    sparsity: float,
    activation_sparsity: float | None = None,
    activations: str = "dense",
    first_layer_dense: bool = True,
    seed: int = 0,
) -> list[Masks]:
    """Random masks with SWAT-U's sparsity: as if Top-K chose among independent noise.

    Each layer keeps ``ceil((1 - s) n)`` weights, and as many of its activations in the weight
    gradient; the output gradient is dense.

    Parameters
    ----------
    layers : sequence of Layer
        The network.
    sparsity : float
        Of the weights, in [0, 1).
    activation_sparsity : float, optional
        Of the activations in the weight gradient; as `sparsity` if not given.
    activations : str
        ``"dense"``, or ``"relu"``: half of each input but the image's is zero, and Top-K keeps
        survivors of the rest.
    first_layer_dense : bool
        SWAT-U leaves the first layer dense (section 3.3.2).
    seed : int
        Every layer draws from its own stream, so one layer's masks do not depend on the others.
    """
    if activation_sparsity is None:
        activation_sparsity = sparsity
    activation_sparsity = checks.sparsity("activation_sparsity", activation_sparsity)
    activations = checks.one_of("activations", activations, ("dense", "relu"))
    first_layer_dense = checks.flag("first_layer_dense", first_layer_dense)
    seed = checks.at_least_0("seed", seed)
    made: list[Masks] = []
    # `layer.first` holds for every layer that sees the image; only the one used first stays dense.
    first = next((layer.module for layer in layers if layer.first), None)
    weights: dict[str, np.ndarray] = {}
    for i, layer in enumerate(layers):
        rng = np.random.default_rng([seed, i])
        dense = first_layer_dense and layer.module == first
        weight = random_mask(rng, layer.weight_shape, 0.0 if dense else sparsity)
        kept = 0.0 if dense else activation_sparsity
        activation = None
        if activations == "relu" and not layer.first:
            activation = random_mask(rng, layer.input_shape, 1 - RELU_DENSITY)
        inputs = random_mask(rng, layer.input_shape, kept, activation)
        weight = weights.setdefault(layer.module, weight)  # one weight, however often it is used
        made.append(Masks(weight, inputs, forward_activation=activation))
    return made


@checked(sparsity=checks.sparsity)
def random_mask(
    rng: np.random.Generator,
    shape: tuple[int, ...],
    sparsity: float,
    among: np.ndarray | None = None,
) -> np.ndarray:
    """Keep ``ceil((1 - sparsity) n)`` entries chosen at random.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of randomness.
    shape : tuple of int
        Shape of the mask.
    sparsity : float
        Share of zeros, in [0, 1).
    among : numpy.ndarray, optional
        Only entries set here may survive; if they are too few, all of them do.
    """
    n = math.prod(shape)
    keep = kept_count(n, sparsity)
    candidates = np.arange(n) if among is None else np.flatnonzero(among)
    mask = np.zeros(n, bool)
    if keep >= len(candidates):
        mask[candidates] = True
    else:
        noise = rng.random(len(candidates), dtype=np.float32)
        mask[candidates[np.argpartition(noise, keep)[:keep]]] = True
    return mask.reshape(shape)


@checked
def save_masks(path: str | Path, layers: Sequence[Layer], masks: Sequence[Masks]) -> None:
    """Write masks in the layout that `load_masks` reads, atomically.

    Parameters
    ----------
    path : str or pathlib.Path
        An ``.npz`` file.
    layers, masks : sequence
        The network and its masks; W of the forward product and X of the weight gradient are kept.

    Raises
    ------
    ValueError
        For a choice among the columns of the unfolded X, for which the layout has no place.
    """
    if len(layers) != len(masks):
        raise ValueError(f"masks must be one for each of {len(layers)} layers, got {len(masks)}")
    arrays: dict[str, np.ndarray] = {}
    for layer, mask in zip(layers, masks, strict=True):
        if mask.columns is not None:
            raise ValueError(f"layer {layer.name!r}: a mask of unfolded columns cannot be written")
        arrays[layer.name] = mask.stationary("forward")
        arrays[f"{layer.name}.input"] = mask.stationary("weight_grad")
    target = Path(path)
    if not target.parent.is_dir():
        raise FileNotFoundError(f"path must be in a folder that is there, got {path}")
    with whole(target) as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]


@checked
def load_masks(path: str | Path, layers: Sequence[Layer]) -> list[Masks]:
    """Read masks a user brings, one array per layer.

    Parameters
    ----------
    path : str or pathlib.Path
        An ``.npz`` file. The array ``NAME`` is the weight mask of layer NAME, of shape
        ``(filters, channels / groups, kh, kw)``, or ``(features, inputs)`` for a linear layer.
        The optional array ``NAME.input`` is the activation mask of its weight gradient, of shape
        ``(batch, channels, height, width)``, or ``(batch, inputs)``; without it X is dense.
        Any numeric type: what is not zero is kept. Object arrays are refused.
    layers : sequence of Layer
        The network.

    Raises
    ------
    ValueError
        If the file cannot be read, or an array is missing, belongs to no layer or has a wrong
        shape, naming the layer.
    """
    try:
        # Given a path, np.load leaves the file open if it is no archive.
        with open(path, "rb") as stream, np.load(stream, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError, AttributeError, zipfile.BadZipFile) as error:
        raise ValueError(f"masks file {str(path)!r} is not a readable .npz file") from error
    known = {layer.name for layer in layers}
    for name in arrays:
        if name.removesuffix(".input") not in known and name not in known:
            raise ValueError(f"masks file has an array {name!r}, which is no layer of the network")
    masks = []
    for layer in layers:
        if layer.name not in arrays:
            raise ValueError(f"layer {layer.name!r} has no array in the masks file")
        weight = _fitted(arrays[layer.name], layer.weight_shape, layer.name, "weight")
        inputs = np.ones(layer.input_shape, bool)
        if (given := arrays.get(f"{layer.name}.input")) is not None:
            inputs = _fitted(given, layer.input_shape, layer.name, "input")
        masks.append(Masks(weight, inputs))
    return masks


def _fitted(array: np.ndarray, shape: tuple[int, ...], name: str, what: str) -> np.ndarray:
    flat = shape[:2] if shape[2:] == (1, 1) else None
    if array.shape not in (shape, flat):
        raise ValueError(
            f"layer {name!r}: the {what} mask must have shape {shape}, got {array.shape}"
        )
    if array.dtype.kind not in "biuf":
        raise ValueError(f"layer {name!r}: the {what} mask must be numeric, got {array.dtype}")
    return (array != 0).reshape(shape)

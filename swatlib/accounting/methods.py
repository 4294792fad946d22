"""The methods whose cost follows from shapes and one sparsity, by name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from swatlib import checks
from swatlib.accounting.density import Densities, spread
from swatlib.accounting.layer import Layer, Network
from swatlib.checked import checked, checked_fields

WEIGHT_TWICE = ("forward_weight", "input_grad_weight")


@checked
def is_downsampling(layer: Layer) -> bool:
    """Say whether a layer is the 1x1 convolution on the shortcut of a residual block."""
    return any(part in ("downsample", "shortcut") for part in layer.name.split("."))


@dataclass(frozen=True)
class Method:
    """Which operands a method sparsifies and how it spreads the sparsity.

    Parameters
    ----------
    weight, activation, gradient : tuple of str
        Slots that take the sparsity of the weights, activations and output gradients.
    allocation : str
        ``"uniform"`` or ``"erk"``.
    first_layer_dense : bool
        With uniform allocation.
    keep_dense : callable, optional
        Other layers that stay dense.
    dense_operand : callable, optional
        Operands that stay dense, as in :func:`~swatlib.accounting.density.spread`.
    only : float, optional
        The one sparsity that the method has.
    """

    weight: tuple[str, ...] = ()
    activation: tuple[str, ...] = ()
    gradient: tuple[str, ...] = ()
    allocation: str = "uniform"
    first_layer_dense: bool = True
    keep_dense: Callable[[Layer], bool] | None = None
    dense_operand: Callable[[str, Layer], bool] | None = None
    only: float | None = None

    def __post_init__(self) -> None:
        checked_fields(self, allocation=partial(checks.one_of, allowed=("uniform", "erk")))


def _pixels(slot: str, layer: Layer) -> bool:
    # FST prunes X of the weight gradient along its pixels, which linear layers do not have.
    return slot == "weight_grad_activation" and layer.kind == "linear"


_SWAT_X = ("weight_grad_activation",)
METHODS = {
    "dense": Method(only=0.0),
    "swat": Method(WEIGHT_TWICE, _SWAT_X),
    "swat-u": Method(WEIGHT_TWICE, _SWAT_X),
    "swat-erk": Method(WEIGHT_TWICE, _SWAT_X, allocation="erk"),
    "saw": Method(("input_grad_weight",), _SWAT_X),
    "meprop": Method(gradient=("input_grad_gradient", "weight_grad_gradient")),
    # The row of SWAT's Table 3 is RigL with a uniform distribution (Evci et al. 2020, Table 2).
    "rigl": Method(WEIGHT_TWICE),
    "rigl-erk": Method(WEIGHT_TWICE, allocation="erk"),
    # "SET and DSR do not sparsify downsampling layers" (SWAT, section 4.2). Its inference column
    # fits when the first layer, on the other hand, is sparse.
    "set": Method(WEIGHT_TWICE, first_layer_dense=False, keep_dense=is_downsampling),
    # Forward only, and all three products, at 50 % (FST, Table 3); every layer takes part.
    "sr-ste": Method(("forward_weight",), first_layer_dense=False, only=0.5),
    "fst": Method(WEIGHT_TWICE, _SWAT_X, first_layer_dense=False, dense_operand=_pixels, only=0.5),
}
"""Methods by the name the command line gives them."""

TRAINED = {
    "swat-m": "the momentum of each layer",
    "dsr": "which weights survive its global threshold",
    "snfs": "the momentum of each layer",
    "dst": "the thresholds it learns",
}
"""Methods whose layer densities are known only after training, and what they depend on."""


@checked(sparsity=checks.sparsity)
def method_densities(
    name: str,
    network: Network,
    sparsity: float,
    activation_sparsity: float | None = None,
    natural_zeros: Mapping[str, float] | None = None,
) -> Densities:
    """Say how dense a named method makes each operand of each layer.

    Parameters
    ----------
    name : str
        One of :data:`METHODS`.
    network : Network
        From :func:`~swatlib.accounting.trace.trace`.
    sparsity : float
        Of the weights (of the gradients for meProp), in [0, 1).
    activation_sparsity : float, optional
        Of the activations, in [0, 1); as `sparsity` if not given.
    natural_zeros : mapping, optional
        Zeros that ReLU leaves, as in :func:`~swatlib.accounting.density.spread`.

    Returns
    -------
    Densities
        One per layer of ``network.weighted``.

    Raises
    ------
    ValueError
        For an unknown method, one whose densities depend on training, or a sparsity out of range
        or not the one that the method has.
    """
    if name in TRAINED:
        raise ValueError(
            f"method {name} spreads its sparsity by {TRAINED[name]}, known only after training: "
            "measure the density of each layer and give densities() that allocation"
        )
    if name not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, got {name!r}")
    sparsity = checks.sparsity("sparsity", sparsity)
    if activation_sparsity is None:
        activation_sparsity = sparsity
    activation_sparsity = checks.sparsity("act-sparsity", activation_sparsity)
    method = METHODS[name]
    if method.only is not None:
        for argument, value in (("sparsity", sparsity), ("act-sparsity", activation_sparsity)):
            if value != method.only:
                raise ValueError(
                    f"{argument} of method {name} must be {method.only:g}, got {value}"
                )
    sparsities = dict.fromkeys((*method.weight, *method.gradient), sparsity)
    sparsities |= dict.fromkeys(method.activation, activation_sparsity)
    return spread(
        network,
        sparsities,
        method.allocation,
        method.first_layer_dense,
        natural_zeros,
        method.keep_dense,
        method.dense_operand,
    )

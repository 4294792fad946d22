"""The shape of one use of a layer, and of all uses in a network."""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from math import prod

from swatlib.checked import checked_fields


@dataclass(frozen=True)
class Layer:
    """One use of a convolution, linear or batch-norm layer, or what is multiplied elsewhere.

    Parameters
    ----------
    name : str
        As in ``named_modules``; a second use of the same layer is called ``name@2``, and what a
        module multiplies outside convolutions and linear layers ``name (other)``.
    kind : str
        ``"conv"``, ``"linear"``, ``"norm"`` or ``"other"``.
    weight : tuple of int
        (Cout, Cin/groups, kh, kw), (out, in), or () for the two last kinds.
    input, output : tuple of int
        Shapes with the batch first; () for the last kind.
    shares : str
        Name of the earlier use whose weights these are, if any; they are counted there.
    input_grad, weight_grad : bool
        Whether a training step needs the product: an image has no gradient, nor has a frozen
        weight, or a layer that the output does not depend on.
    passed_over : str
        Why :func:`swatlib.sparsify_` leaves the layer dense, "frozen" or the name of its class;
        "" where it does not.
    macs : tuple of int
        Multiply-accumulates of the three products, for the last kind.
    """

    name: str
    kind: str
    weight: tuple[int, ...]
    input: tuple[int, ...]
    output: tuple[int, ...]
    shares: str = ""
    input_grad: bool = True
    weight_grad: bool = True
    passed_over: str = ""
    macs: tuple[int, int, int] = (0, 0, 0)

    def __post_init__(self) -> None:
        checked_fields(self)

    @property
    def weights(self) -> int:
        """Number of weights; 0 for a second use, and where there is no weight."""
        return 0 if self.shares or not self.weight else prod(self.weight)

    @property
    def inputs(self) -> int:
        """Number of input elements of the whole batch."""
        return prod(self.input) if self.input else 0

    @property
    def forward_macs(self) -> int:
        """Multiply-accumulates of Y = W * X, padding included: each output meets each tap."""
        return prod(self.output) * prod(self.weight[1:]) if self.weight else self.macs[0]

    @property
    def full_map_macs(self) -> int:
        """Multiply-accumulates of dX computed as a stride-1 convolution over the input-sized map.

        Cin Hin Win Cout kh kw / groups for each sample: the gradient, spread out with zeros to the
        size of the input, meets every tap, zeros included. It is stride^2 times the forward count.
        """
        if self.kind != "conv":
            return self.forward_macs
        return self.inputs * self.weight[0] * prod(self.weight[1:]) // self.input[1]


@dataclass(frozen=True)
class Network:
    """The layers of a network for one input, in the order of their use.

    Parameters
    ----------
    layers : tuple of Layer
        Convolutions, linear layers and batch norms; then, dense in every method, what is multiplied
        elsewhere, as in attention.
    """

    layers: tuple[Layer, ...]

    @cached_property
    def weighted(self) -> tuple[Layer, ...]:
        """The convolutions and linear layers only."""
        return tuple(layer for layer in self.layers if layer.weight)

    @cached_property
    def first(self) -> Layer:
        """The layer that counts as first for :func:`swatlib.sparsify_`.

        It is the first one of a class that can be made sparse, frozen or not. If there is none, it
        is the first convolution or linear layer.
        """
        ours = (x for x in self.weighted if x.passed_over in ("", "frozen"))
        return next(ours, self.weighted[0])

    @cached_property
    def last(self) -> Layer:
        """The layer that counts as the classifier: the last one that is used for the first time."""
        own = [layer for layer in self.weighted if not layer.shares]
        return next((x for x in reversed(own) if x.passed_over in ("", "frozen")), own[-1])

    @property
    def batch(self) -> int:
        """Samples in the input that was traced."""
        return self.weighted[0].input[0]

    def __post_init__(self) -> None:
        checked_fields(self)
        names = Counter(layer.name for layer in self.layers)
        if twice := [name for name, times in names.items() if times > 1]:
            raise ValueError(f"layers must have different names, got {', '.join(twice)} twice")

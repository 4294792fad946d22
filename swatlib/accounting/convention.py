"""Conventions: what is counted, and how. The papers' own choice is one named value among others."""

from dataclasses import dataclass
from functools import partial

from swatlib import checks
from swatlib.checked import checked_fields


@dataclass(frozen=True)
class Convention:
    """How products and activations are counted.

    Multiply-accumulates count, one each; batch norm, biases, pooling and the Top-K itself do not.

    Parameters
    ----------
    input_grad : str
        ``"full_map"``: dX as a stride-1 convolution over the input-sized map, stride^2 times the
        forward count. ``"exact"``: only the products with a real gradient, the forward count.
    first_input_grad : bool
        Count dX of the layers whose weights are trained and whose inputs are not, the first layer
        above all, though training never needs it.
    norm_inputs : bool
        Batch-norm inputs are activations that are saved, and saved dense.
    linear_inputs : bool
        Inputs of linear layers are activations that are saved.
    nominal : bool
        An activation sparsity that all sparse layers share holds for the image too, though the
        first layer is dense.
    updates : bool
        Of dW count only the entries of weights that a step moves; else all of it.
    others : bool
        Count what is multiplied outside convolutions and linear layers, as attention's products.
    """

    input_grad: str = "exact"
    first_input_grad: bool = False
    norm_inputs: bool = True
    linear_inputs: bool = True
    nominal: bool = False
    others: bool = True
    updates: bool = True

    def __post_init__(self) -> None:
        checked_fields(self, input_grad=partial(checks.one_of, allowed=("full_map", "exact")))


PAPER = Convention(
    "full_map",
    first_input_grad=True,
    linear_inputs=False,
    nominal=True,
    others=False,
    updates=False,
)
"""What SWAT's Tables 2 to 5 count, found by fitting their cells; the papers do not print it."""

EXACT = Convention()
"""The products that a training step needs: what `torch.utils.flop_counter` counts, halved.

Two counts differ from that counter's. It multiplies the weight gradient of a grouped convolution by
the number of groups; here it counts once. It does not see fused attention on a CPU; here all of its
products count.
"""

CONVENTIONS = {"paper": PAPER, "exact": EXACT}
"""The named conventions."""

"""Conventions: what is counted, and how. The papers' own choice is one named value among others."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Convention:
    """How products and activations are counted.

    Only multiply-accumulates of convolutions and linear layers count, one each; batch norm,
    biases, pooling and the Top-K itself do not.

    Parameters
    ----------
    input_grad : str
        ``"full_map"``: dX as a stride-1 convolution over the input-sized map, stride^2 times the
        forward count. ``"exact"``: only the products with a real gradient, the forward count.
    first_input_grad : bool
        Count dX of the first layer, which training never needs.
    norm_inputs : bool
        Batch-norm inputs are activations that are saved, and saved dense.
    linear_inputs : bool
        Inputs of linear layers are activations that are saved.
    nominal : bool
        An activation sparsity that all sparse layers share holds for the image too, though the
        first layer is dense.
    """

    input_grad: str = "exact"
    first_input_grad: bool = False
    norm_inputs: bool = True
    linear_inputs: bool = True
    nominal: bool = False

    def __post_init__(self) -> None:
        if self.input_grad not in ("full_map", "exact"):
            raise ValueError(f"input_grad must be 'full_map' or 'exact', got {self.input_grad!r}")


PAPER = Convention("full_map", first_input_grad=True, linear_inputs=False, nominal=True)
"""What SWAT's Tables 2 to 5 count, found by fitting their cells; the papers do not print it."""

EXACT = Convention()
"""The products that a training step needs: what `torch.utils.flop_counter` counts, halved."""

CONVENTIONS = {"paper": PAPER, "exact": EXACT}
"""The named conventions."""

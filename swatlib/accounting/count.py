"""Counting: multiply-accumulates, elements and bytes of a training step, dense and sparse."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from swatlib.accounting.convention import EXACT, Convention
from swatlib.accounting.density import Density
from swatlib.accounting.layer import Layer, Network
from swatlib.checked import checked, checked_fields
from swatlib.core.operands import PRODUCTS


@dataclass(frozen=True)
class Count:
    """What one training step costs, layer by layer, against the dense step.

    Parameters
    ----------
    network : Network
        Shapes, from :func:`~swatlib.accounting.trace.trace`.
    densities : tuple of Density
        One per convolution or linear layer.
    convention : Convention
        What counts.
    """

    network: Network
    densities: tuple[Density, ...]
    convention: Convention = EXACT

    def __post_init__(self) -> None:
        checked_fields(self)
        if len(self.densities) != len(self.network.weighted):
            raise ValueError(
                f"densities must have one entry per layer ({len(self.network.weighted)}), "
                f"got {len(self.densities)}"
            )

    def _rows(self) -> Iterator[tuple[Layer, Density]]:
        given = iter(self.densities)
        for layer in self.network.layers:
            yield layer, next(given) if layer.weight else Density()

    def _dense_macs(self, layer: Layer) -> dict[str, int]:
        if layer.kind == "other":
            macs = layer.macs if self.convention.others else (0, 0, 0)
            return dict(zip(PRODUCTS, macs, strict=True))
        full = self.convention.input_grad == "full_map"
        needed = layer.input_grad or (self.convention.first_input_grad and layer.weight_grad)
        input_grad = layer.full_map_macs if full else layer.forward_macs
        return {
            "forward": layer.forward_macs,
            "input_grad": input_grad if needed else 0,
            "weight_grad": layer.forward_macs if layer.weight_grad else 0,
        }

    def _saved_density(self, layer: Layer, density: Density) -> float:
        """Density of the input that is saved for the weight gradient."""
        if self.convention.nominal and layer is self.network.first:
            pairs = zip(self.network.weighted, self.densities, strict=True)
            rest = {
                given.weight_grad_activation
                for other, given in pairs
                if other is not layer and not other.passed_over
            }
            if len(rest) == 1:
                return rest.pop()
        return density.weight_grad_activation

    def _is_saved(self, layer: Layer) -> bool:
        if layer.kind == "norm":
            return self.convention.norm_inputs
        if not layer.weight_grad:
            return False
        return layer.kind == "conv" or self.convention.linear_inputs

    @checked
    def to_frame(self, itemsize: int = 4, index_bits: float = 0.0) -> pd.DataFrame:
        """Return one row per layer, for the whole batch that was traced.

        Parameters
        ----------
        itemsize : int
            Bytes of a value: 4 for float32, 2 for float16.
        index_bits : float
            Bits spent per element of a sparse tensor on saying which are kept: 1 for a bitmap, 0 to
            count values only, as the papers do.

        Returns
        -------
        DataFrame
            ``layer``, ``kind``; multiply-accumulates ``forward``, ``input_grad``, ``weight_grad``
            (what remains) and the same with ``_dense``; ``weights`` and ``active_weights``;
            ``activations`` (elements of the input saved for backward) and ``kept_activations``;
            ``weight_bytes``, ``activation_bytes`` and the same with ``_dense``.
        """
        rows = []
        for layer, density in self._rows():
            dense = self._dense_macs(layer)
            row: dict[str, object] = {"layer": layer.name, "kind": layer.kind}
            for product in PRODUCTS:
                row[f"{product}_dense"] = dense[product]
                row[product] = dense[product] * density.product(product)
            if self.convention.updates:
                row["weight_grad"] = dense["weight_grad"] * density.weight_grad * density.updated
            saved = layer.inputs if self._is_saved(layer) else 0
            kept = self._saved_density(layer, density)
            values = {
                "weight": (layer.weights, density.forward_weight),
                "activation": (saved, kept),
            }
            row |= {
                "weights": layer.weights,
                "active_weights": layer.weights * density.forward_weight,
                "activations": saved,
                "kept_activations": saved * kept,
            }
            for name, (elements, fraction) in values.items():
                index = elements * index_bits / 8 if fraction < 1 else 0.0
                row[f"{name}_bytes_dense"] = elements * itemsize
                row[f"{name}_bytes"] = min(
                    elements * itemsize, elements * fraction * itemsize + index
                )
            rows.append(row)
        return pd.DataFrame(rows)

    @cached_property
    def _frame(self) -> pd.DataFrame:
        return self.to_frame()

    def totals(self) -> pd.Series:
        """Return the sums of the numeric columns of :meth:`to_frame`, in float32 bytes."""
        return self._frame.drop(columns=["layer", "kind"]).sum()

    @property
    def inference_flops_reduction(self) -> float:
        """Percent of the forward multiply-accumulates that are saved."""
        total = self.totals()
        return _saved(total["forward"], total["forward_dense"])

    @property
    def train_flops_reduction(self) -> float:
        """Percent of a training step's multiply-accumulates that are saved."""
        total = self.totals()
        dense = sum(total[f"{product}_dense"] for product in PRODUCTS)
        return _saved(sum(total[product] for product in PRODUCTS), dense)

    @property
    def activation_reduction(self) -> float:
        """Percent of the saved activation elements that are zero."""
        total = self.totals()
        return _saved(total["kept_activations"], total["activations"])

    @property
    def model_compression(self) -> float:
        """Weights over active weights."""
        total = self.totals()
        return float(total["weights"] / total["active_weights"])

    @property
    def weight_sparsity(self) -> float:
        """Percent of the weights that are zero in the forward pass."""
        total = self.totals()
        return _saved(total["active_weights"], total["weights"])

    @property
    def activation_sparsity(self) -> float:
        """Percent of zeros among the saved inputs of convolutions (and counted linear layers)."""
        frame = self._frame
        total = frame[frame["kind"] != "norm"][["kept_activations", "activations"]].sum()
        return _saved(total["kept_activations"], total["activations"])

    def summary(self) -> dict[str, float]:
        """Return the six figures of the papers' tables by name."""
        names = (
            "train_flops_reduction",
            "inference_flops_reduction",
            "activation_reduction",
            "model_compression",
            "weight_sparsity",
            "activation_sparsity",
        )
        return {name: getattr(self, name) for name in names}


@checked
def count(
    network: Network, densities: Sequence[Density] | None = None, convention: Convention = EXACT
) -> Count:
    """Count a training step of a traced network.

    Parameters
    ----------
    network : Network
        From :func:`~swatlib.accounting.trace.trace`.
    densities : sequence of Density, optional
        From :func:`~swatlib.accounting.density.densities`; dense if not given.
    convention : Convention
        :data:`~swatlib.accounting.convention.EXACT` or
        :data:`~swatlib.accounting.convention.PAPER` or one's own.

    Returns
    -------
    Count

    Raises
    ------
    ValueError
        If the number of densities is not the number of convolutions and linear layers.
    """
    if densities is None:
        densities = [Density()] * len(network.weighted)
    return Count(network, tuple(densities), convention)


def _saved(remaining: float, dense: float) -> float:
    return 100.0 * (1.0 - float(remaining) / float(dense)) if dense else 0.0

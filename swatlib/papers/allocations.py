"""Where ERK and uniform sparsity put the weights and the work of the papers' networks."""

from __future__ import annotations

import pandas as pd

from swatlib.accounting.convention import PAPER, Convention
from swatlib.accounting.count import Count, count
from swatlib.accounting.methods import method_densities
from swatlib.checked import checked
from swatlib.papers.swat_tables import shapes

RULES = {"uniform": "swat-u", "ERK": "swat-erk"}
"""Our names of the methods of SWAT whose allocation follows from shapes."""


@checked
def allocated(
    rule: str, name: str, sparsity: float, image: int, classes: int, convention: Convention = PAPER
) -> Count:
    """Count a training step of SWAT under a rule of :data:`RULES`.

    Parameters
    ----------
    rule : str
        "uniform", with the first layer dense, or "ERK".
    name, image, classes
        As for :func:`swatlib.models.build_network`.
    sparsity : float
        Of the weights, in [0, 1).
    convention : Convention
        What counts.
    """
    network = shapes(name, image, classes)
    return count(network, method_densities(RULES[rule], network, sparsity), convention)


@checked
def layers(name: str, sparsity: float, image: int, classes: int) -> pd.DataFrame:
    """Return ERK's sparsity of every layer beside the layer's size and work.

    Returns
    -------
    DataFrame
        ``layer``, ``weights``, ``macs`` of the forward product for one image, ``sparsity``,
        ``remaining`` (the MACs that ERK leaves of the forward product), and ``first_stage``,
        whether the layer computes at the resolution of the second layer or at a finer one.
    """
    network = shapes(name, image, classes)
    found = method_densities(RULES["ERK"], network, sparsity)
    second = network.weighted[1].output[2:]
    rows = []
    for layer, density in zip(network.weighted, found, strict=True):
        rows.append(
            {
                "layer": layer.name,
                "weights": layer.weights,
                "macs": layer.forward_macs,
                "sparsity": 1 - density.forward_weight,
                "remaining": layer.forward_macs * density.forward_weight,
                "first_stage": layer.kind == "conv" and layer.output[2:] >= second,
            }
        )
    return pd.DataFrame(rows)


@checked
def lead_of_uniform(name: str, sparsity: float, image: int, classes: int) -> dict[str, float]:
    """Return how many percent more of the operations uniform saves than ERK.

    Returns
    -------
    dict
        ``training`` and ``inference``: points of the dense operations, above zero where uniform
        needs less work at the same weight sparsity.
    """
    uniform, erk = (allocated(rule, name, sparsity, image, classes) for rule in RULES)
    return {
        "training": uniform.train_flops_reduction - erk.train_flops_reduction,
        "inference": uniform.inference_flops_reduction - erk.inference_flops_reduction,
    }

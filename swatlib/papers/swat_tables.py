"""SWAT's Tables 2 to 5, cell by cell: what the counter gives beside what the paper prints."""

from functools import cache

import pandas as pd
import torch

from swatlib.accounting.convention import PAPER, Convention
from swatlib.accounting.count import Count, count
from swatlib.accounting.layer import Network
from swatlib.accounting.methods import method_densities, named
from swatlib.accounting.trace import trace
from swatlib.checked import checked
from swatlib.models import build_network
from swatlib.papers import paper_table
from swatlib.papers.natural_zeros import NETWORKS as MEASURED
from swatlib.papers.natural_zeros import recorded_zeros

CIFAR = (32, 10)
IMAGENET = (224, 1000)
DATA = {
    "swat-table-2": CIFAR,
    "swat-table-3": IMAGENET,
    "swat-table-4": CIFAR,
    "swat-table-5": IMAGENET,
}
"""Image size and classes of each table."""

NETWORKS = {
    "VGG-16": "vgg16",
    "WRN-16-8": "wrn16_8",
    "DenseNet-121": "densenet121",
    "ResNet-18": "resnet18",
    "ResNet-50": "resnet50",
    "WRN-50-2": "wrn50_2",
}
"""Our names of the networks in the tables."""

NAMES = {
    "SWAT-U": "swat-u",
    "SWAT-ERK": "swat-erk",
    "SWAT-U structured": "swat-u",
    "RigL": "rigl",
    "SET": "set",
}
"""Our names of the methods whose densities follow from shapes."""

FLOPS = ("train_flops_reduction", "inference_flops_reduction")
SWAT_COLUMNS = (
    "weight_sparsity",
    "activation_sparsity",
    *FLOPS,
    "activation_reduction",
    "model_compression",
)


@checked
@cache
def shapes(name: str, image: int, classes: int) -> Network:
    """Trace one of our networks for one image of a size; the result is kept."""
    with torch.device("meta"):
        model = build_network(name, classes=classes, image=image)
    return trace(model, (1, 3, image, image))


@checked
def row_count(
    table: str, printed_network: str, method: str, level: str, convention: Convention = PAPER
) -> Count:
    """Count the training step that a row of a table is about.

    Parameters
    ----------
    table : str
        One of :data:`DATA`.
    printed_network, method, level : str
        As :func:`swatlib.papers.paper_table` gives them; a method of :data:`NAMES`.
    convention : Convention
        What counts.

    Returns
    -------
    Count
        For SWAT-ERK with the recorded natural zeros of ReLU, which its activation columns need.
    """
    name = NETWORKS[printed_network]
    traced = shapes(name, *DATA[table])
    zeros = recorded_zeros(name) if method == "SWAT-ERK" and name in MEASURED else None
    found = method_densities(NAMES[method], traced, float(level) / 100, natural_zeros=zeros)
    return count(traced, found, convention)


@checked
def compare_tables(convention: Convention = PAPER) -> pd.DataFrame:
    """Set every cell that shapes determine beside the paper's.

    Parameters
    ----------
    convention : Convention
        What counts; the paper's by default.

    Returns
    -------
    DataFrame
        ``table``, ``network``, ``method``, ``level``, ``quantity``, ``ours``, ``paper`` and
        ``difference`` (ours less the paper's): percentages, and a factor for
        ``model_compression``. SWAT-U and SWAT-ERK and the structured rows have all columns; SET and
        RigL those that do not depend on the zeros of their trained networks.
    """
    rows = []
    for table in DATA:
        printed = paper_table(table)
        printed = printed[printed["method"].isin(NAMES) & printed["number"].notna()]
        for (where, method, level), cells in printed.groupby(
            ["network", "method", "level"], sort=False
        ):
            result = row_count(table, where, method, level, convention)
            swat = named(NAMES[method], 0.5).recipe.weight_grad_activation is not None
            wanted = SWAT_COLUMNS if swat else ("inference_flops_reduction", "model_compression")
            for cell in cells.itertuples():
                if cell.quantity in wanted:
                    ours = getattr(result, cell.quantity)
                    rows.append(
                        {
                            "table": table,
                            "network": where,
                            "method": method,
                            "level": level,
                            "quantity": cell.quantity,
                            "ours": ours,
                            "paper": cell.number,
                            "difference": ours - cell.number,
                        }
                    )
    return pd.DataFrame(rows)

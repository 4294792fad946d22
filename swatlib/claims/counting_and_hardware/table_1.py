"""Claims about which method is sparse in which product."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial

import pandas as pd

from swatlib.accounting import EXACT, count, method_densities
from swatlib.accounting.projection import additions
from swatlib.checked import checked
from swatlib.claims.claim import Claim
from swatlib.claims.quantity import MissingRecords, Quantity, cells, close, fact
from swatlib.core.operands import PRODUCTS
from swatlib.core.recipe import Recipe
from swatlib.methods import METHODS, method, swat
from swatlib.methods import recipe as recipe_of
from swatlib.papers import paper_table
from swatlib.papers.swat_tables import shapes
from swatlib.selectors import NM, FixedColumns, TopChannels, Transposable, UnfoldedNM

CHAPTER = "4-counting-and-hardware/02-table-1"

TITLES = {
    "forward": "sparse forward pass",
    "input_grad": "sparse input gradient",
    "weight_grad": "sparse weight gradient",
}
"""The columns of Table 1, by product."""


@checked
def sparse_products(recipe: Recipe) -> dict[str, bool]:
    """Say for each product whether it carries zeros that the method makes, in an operand or in Y.

    A method that does not compute all of Y leaves as much of G out of both backward products.
    """
    outputs = recipe.output is not None
    return {p: outputs or any(s is not None for s in recipe.of(p)) for p in PRODUCTS}


def implemented() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the methods of Table 1 that are in the table of methods, and those that are not."""
    names = tuple(dict.fromkeys(paper_table("swat-table-1")["method"]))
    have = tuple(name for name in names if name.lower() in METHODS)
    return have, tuple(name for name in names if name not in have)


@checked
def table_1(names: Iterable[str]) -> pd.DataFrame:
    """Derive rows of Table 1 from the methods themselves.

    Parameters
    ----------
    names : iterable of str
        As the table prints them, each the name of a method too.

    Returns
    -------
    DataFrame
        ``method``, ``product``, ``ours`` and ``paper`` (whether it is sparse), and ``printed``.
    """
    printed = paper_table("swat-table-1").set_index(["method", "quantity"])["value"]
    rows = []
    for name in names:
        derived = sparse_products(method(name.lower(), 0.8).recipe)
        for product, ours in derived.items():
            word = str(printed[name, TITLES[product]])
            rows.append((name, product, ours, word.startswith("Yes"), word))
    return pd.DataFrame(rows, columns=["method", "product", "ours", "paper", "printed"])


def _table_1(wanted: Callable[[], tuple[str, ...]]) -> tuple[Quantity, ...]:
    found = table_1(wanted())
    return (cells("", found["ours"] == found["paper"], f"all {len(found)} cells"),)


def _table_1_others() -> tuple[Quantity, ...]:
    have, lacking = implemented()
    if lacking:
        raise MissingRecords(f"{', '.join(lacking)} as methods of the library")
    return _table_1(lambda: have)


def _dw_stays() -> tuple[Quantity, ...]:
    traced = shapes("resnet50", 224, 1000)
    # As the paper counts: the gradient of every weight, not only of those that are updated.
    whole = replace(EXACT, updates=False)
    found = []
    for name in ("set", "rigl", "sr-ste"):
        sparsity = 0.5 if name == "sr-ste" else 0.8
        total = count(traced, method_densities(name, traced, sparsity), whole).totals()
        ratio = float(total["weight_grad"] / total["weight_grad_dense"])
        found.append(close(f"{name} at {100 * sparsity:.0f} %", ratio, 1.0, 0.0, "of dense"))
    return tuple(found)


LINEAR_SELECTION = 5.43
"""Comparisons an element that selection in linear time needs at most (Blum et al. 1973); one more
compares it with the threshold."""


@checked
def selection_work(network: str, batch: int = 1) -> dict[str, float]:
    """Return what SWAT and DSG spend on finding what to keep, over the dense forward product.

    SWAT selects among all weights, once a step, and all activations. DSG adds up projections of
    activations, and now and then of weights, and multiplies what it has projected; the search among
    the results is left out, so that its number is a lower bound.

    Parameters
    ----------
    network : str
        On ImageNet.
    batch : int
        Images in a step.

    Returns
    -------
    dict of str to float
        Operations over dense multiply-accumulates, by method; "products" is the part of DSG's that
        is multiplied.
    """
    traced = shapes(network, 224, 1000)
    outputs = method("dsg", 0.5).recipe.output
    assert outputs is not None
    dense = sum(layer.forward_macs for layer in traced.weighted)
    selected = sum(layer.weights / batch + layer.inputs for layer in traced.weighted)
    masked = [x for x in traced.weighted if x is not traced.first and x is not traced.last]
    products = sum(layer.forward_macs * outputs.search(layer.weight) for layer in masked)
    added = sum(additions(layer, batch) for layer in masked) / batch
    return {
        "SWAT": (LINEAR_SELECTION + 1) * selected / dense,
        "DSG": (products + added) / dense,
        "products": products / dense,
    }


def _cheaper_than_dsg() -> tuple[Quantity, ...]:
    found = []
    for label, name in (("ResNet-18", "resnet18"), ("VGG-16", "vgg16")):
        work = selection_work(name)
        ratio = work["SWAT"] / work["DSG"]
        found.append(fact(f"{label}, SWAT over DSG", ratio, "less", ratio < 1, unit="x"))
    return tuple(found)


@checked
def structured_products(recipe: Recipe) -> int:
    """Return how many of the three products have an operand that is sparse in a pattern.

    A pattern is whole channels, or two of every four neighbours.
    """
    patterns = (TopChannels, NM, UnfoldedNM, Transposable, FixedColumns)
    return sum(
        any(isinstance(selector, patterns) for selector in recipe.of(product))
        for product in PRODUCTS
    )


def _first_fully_sparse() -> tuple[Quantity, ...]:
    fst = recipe_of("fst", 0.5)
    earlier = swat(0.5, structured="filter")
    every = sum(sparse_products(earlier).values())
    patterned = structured_products(earlier)
    return (
        fact(
            "FST's products with a pattern",
            structured_products(fst),
            "3",
            structured_products(fst) == len(PRODUCTS),
            unit="of 3",
        ),
        fact(
            "structured SWAT's sparse products",
            every,
            "fewer than 3 before FST",
            every < len(PRODUCTS),
            patterned < len(PRODUCTS),
            f"of 3, {patterned} with a pattern",
        ),
    )


CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="n-t1-products",
        paper="N",
        place="Table 1, products of the methods that the library has",
        statement="meProp, DSG, SET, DSR, SNFS, RigL and SWAT make exactly those products sparse "
        "that Table 1 says.",
        says="meProp no, yes, yes; DSG and SWAT yes, yes, yes; the others yes, yes, no",
        kind="exact",
        chapter=CHAPTER,
        needs="The methods of the table that the library has.",
        decision=partial(_table_1, lambda: implemented()[0]),
        limits="Seven of the table's eight methods; network pruning is a claim of its own.",
    ),
    Claim(
        id="n-t1-products-others",
        paper="N",
        place="Table 1, products of network pruning",
        statement="Network pruning makes exactly those products sparse that Table 1 says.",
        says="yes, yes, no",
        kind="exact",
        chapter=CHAPTER,
        needs="The methods themselves in the library, so that a row is read off and not typed.",
        decision=_table_1_others,
        weakness="RigL's authors count its weight gradient as sparse on all steps that do not "
        "update the mask.",
    ),
    Claim(
        id="n-weight-pruning-leaves-dw",
        paper="N",
        place="Section 2",
        statement="With the weights alone sparse, the weight gradient costs as much as dense.",
        says="not reduced",
        kind="exact",
        chapter=CHAPTER,
        needs="The count of methods that mask weights only.",
        decision=_dw_stays,
        limits="All positions of the gradient are counted. If only those of active weights are, "
        "it shrinks with the weights.",
    ),
    Claim(
        id="i-topk-cheaper-than-dsg",
        paper="I",
        place="Section 1",
        statement="SWAT's Top-K costs fewer operations than DSG's search in a random projection.",
        says="less expensive (no number)",
        kind="exact",
        chapter=CHAPTER,
        needs="The count of both on two networks, one image in a step.",
        decision=_cheaper_than_dsg,
        limits="DSG's projection has the length that its authors' bound gives for a tolerance of "
        "0.5; its additions count as operations, its own search among the results is left out.",
    ),
    Claim(
        id="f-first-fully-sparse",
        paper="F",
        place="Abstract; Section 1",
        statement="FST is the first method with structured sparsity in all three products.",
        says="the first, to the authors' knowledge",
        kind="exact",
        chapter=CHAPTER,
        needs="All methods of earlier date, with their patterns: literature, not a count.",
        decision=_first_fully_sparse,
        limits="Only the library's methods are compared.",
        weakness="SWAT's Table 1 (2020) has it sparse in all three products, weights in "
        "channels; FST's authors do not cite it. PruneTrain (2019), which they cite, removes "
        "whole channels during training.",
    ),
)

"""``swatlib account``: what a training step of a network costs, dense and sparse."""

import json
from math import ceil
from typing import Annotated, Any

import torch
import typer

from swatlib import checks
from swatlib.accounting import (
    CONVENTIONS,
    TRAINED,
    Count,
    count,
    counted,
    method_densities,
    trace,
)
from swatlib.methods import NO_SPARSITY
from swatlib.models import NAMES, build_network

LABELS = {
    "train_flops_reduction": "training FLOPs saved",
    "inference_flops_reduction": "inference FLOPs saved",
    "activation_reduction": "saved activations that are zero",
    "model_compression": "model compression",
    "weight_sparsity": "weight sparsity",
    "activation_sparsity": "activation sparsity",
}


def account(
    name: Annotated[str, typer.Argument(metavar="NETWORK", help=f"One of {', '.join(NAMES)}.")],
    image: Annotated[int, typer.Option(help="Pixels along a side of the image.")] = 32,
    classes: Annotated[int, typer.Option(help="Number of classes.")] = 10,
    channels: Annotated[int, typer.Option(help="Channels of the image.")] = 3,
    method: Annotated[str, typer.Option(help=f"One of {', '.join(counted())}.")] = "swat-u",
    sparsity: Annotated[
        float | None, typer.Option(help="Of the weights (of the gradients for meprop), in [0, 1).")
    ] = None,
    act_sparsity: Annotated[
        float | None, typer.Option(help="Of the activations, if not the same, in [0, 1).")
    ] = None,
    structured: Annotated[
        bool, typer.Option("--structured", help="Prune channels of each filter, by L1 norm.")
    ] = False,
    natural_zeros: Annotated[
        float, typer.Option(help="Fraction of zeros ReLU leaves in every input but the image.")
    ] = 0.0,
    convention: Annotated[
        str, typer.Option(help="What counts: paper (SWAT's Tables 2-5) or exact.")
    ] = "paper",
    batch: Annotated[int, typer.Option(help="Samples in the batch.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Count the multiply-accumulates, activations and weights of a training step.

    Nothing is computed or allocated: only shapes are traced. Reductions are percentages of the
    dense step, compression is a factor.
    """
    result = _count(
        name, image, classes, channels, method, sparsity, act_sparsity, structured,
        natural_zeros, convention, batch,
    )  # fmt: skip
    layers = _layers(result, sparsity if structured else None)
    settings = {
        "network": name,
        "image": image,
        "classes": classes,
        "batch": batch,
        "method": method,
        "structured": structured,
        "convention": convention,
    }
    if as_json:
        typer.echo(json.dumps(settings | result.summary() | {"layers": layers}, indent=1))
        return
    kind = "structured " if structured else ""
    typer.echo(f"{name}, {image} pixels, {kind}{method}, {convention} convention")
    for key, value in result.summary().items():
        unit = "x" if key == "model_compression" else "%"
        typer.echo(f"  {LABELS[key]:32}{value:8.2f} {unit}")
    frame = result.to_frame()
    frame = frame[frame["kind"] != "norm"]
    typer.echo("\nmillions of multiply-accumulates (dense), thousands of elements")
    table = frame[["layer"]].copy()
    for product in ("forward", "input_grad", "weight_grad"):
        table[product.replace("_", " ")] = (frame[product] / 1e6).round(2)
        table[f"({product.replace('_', ' ')})"] = (frame[f"{product}_dense"] / 1e6).round(2)
    table["weights"] = (frame["active_weights"] / 1e3).round(1)
    table["activations"] = (frame["kept_activations"] / 1e3).round(1)
    typer.echo(table.to_string(index=False))


def _count(
    name: str,
    image: int,
    classes: int,
    channels: int,
    method: str,
    sparsity: float | None,
    act_sparsity: float | None,
    structured: bool,
    natural_zeros: float,
    convention: str,
    batch: int,
) -> Count:
    convention = checks.one_of("convention", convention, CONVENTIONS)
    batch = checks.count("batch", batch)
    natural_zeros = checks.sparsity("natural-zeros", natural_zeros)
    if method not in TRAINED:  # of those, method_densities says what is missing
        method = checks.one_of("method", method, counted())
    if sparsity is None and method not in NO_SPARSITY and method in counted():
        raise ValueError(f"sparsity is needed for method {method}: give --sparsity in [0, 1)")
    if structured and method not in ("swat", "swat-u", "swat-erk"):
        raise ValueError(f"structured needs method swat-u or swat-erk, got {method}")
    with torch.device("meta"):
        model = build_network(name, classes=classes, image=image, channels=channels)
    shapes = trace(model, (batch, channels, image, image))
    zeros = {layer.name: natural_zeros for layer in shapes.weighted[1:]} if natural_zeros else None
    found = method_densities(method, shapes, sparsity or 0.0, act_sparsity, zeros)
    return count(shapes, found, CONVENTIONS[convention])


def _layers(result: Count, structured: float | None) -> list[dict[str, Any]]:
    shapes = {layer.name: layer for layer in result.network.layers}
    rows = result.to_frame().to_dict("records")
    for row in rows:
        layer = shapes[row["layer"]]
        row["weight_shape"] = list(layer.weight)
        row["input_shape"] = list(layer.input)
        row["output_shape"] = list(layer.output)
        if structured is not None and layer.kind == "conv":
            density = row["active_weights"] / layer.weights if layer.weights else 1.0
            row["channels"] = layer.weight[1]
            row["kept_channels"] = ceil(round(density * layer.weight[1], 6))
    return rows

"""Claims about why training sparsely pays."""

from __future__ import annotations

from functools import cache

import torch

from swatlib import accounting
from swatlib.checked import checked
from swatlib.claims.claim import Claim
from swatlib.claims.quantity import Quantity, close, fact
from swatlib.methods import swat
from swatlib.models import build_network
from swatlib.papers import paper_number

CHAPTER = "1-foundations/01-why-train-sparsely"

_NETWORKS = {"resnet18": "ResNet-18", "resnet50": "ResNet-50"}

_PRODUCTS = ("forward", "input_grad", "weight_grad")


@checked
def imagenet_shapes(network: str, batch: int = 1) -> accounting.Network:
    """Return the layer shapes of a network on 224 x 224 ImageNet pictures."""
    return _shapes(network, batch)


@cache
def _shapes(network: str, batch: int) -> accounting.Network:
    with torch.device("meta"):
        model = build_network(network, classes=1000, image=224)
    return accounting.trace(model, (batch, 3, 224, 224))


@checked
def product_macs(network: str) -> tuple[float, float, float]:
    """Return the dense multiply-accumulates of forward, input gradient and weight gradient."""
    total = accounting.count(imagenet_shapes(network)).totals()
    forward, inputs, weights = (float(total[f"{name}_dense"]) for name in _PRODUCTS)
    return forward, inputs, weights


def both_passes() -> tuple[Quantity, ...]:
    """Return what sparsifying one pass can reach at most, and both passes at 90 %."""
    found = []
    for network, label in _NETWORKS.items():
        forward, inputs, weights = product_macs(network)
        dense = forward + inputs + weights
        # What is left of a step whose forward, or backward, pass costs nothing.
        ceilings = {"forward": dense / (inputs + weights), "backward": dense / forward}
        shapes = imagenet_shapes(network)
        step = accounting.count(shapes, accounting.densities(shapes, swat(0.9))).totals()
        both = dense / float(sum(step[name] for name in _PRODUCTS))
        found += [
            fact(
                f"limit of the {name} pass alone, {label}",
                limit,
                "limited",
                limit < both / 2,
                limit < both,
                "times",
            )
            for name, limit in ceilings.items()
        ]
        found.append(
            fact(
                f"both at 90 %, {label}",
                both,
                "needed",
                both > max(ceilings.values()),
                unit="times",
            )
        )
    return tuple(found)


def srste_backward_share() -> tuple[Quantity, ...]:
    """Return the backward share of ResNet-18's operations with a 2:4 forward pass."""
    stated = paper_number("fst-text", "backward_macs_share_up_to", item="Figure 2")
    layers = accounting.count(imagenet_shapes("resnet18")).to_frame()
    layers = layers[layers["kind"].isin(["conv", "linear"])]
    forward, inputs, weights = (layers[f"{name}_dense"].to_numpy() for name in _PRODUCTS)
    backward = inputs + weights
    shares = 100 * backward / (forward / 2 + backward)
    whole = 100 * backward.sum() / (forward.sum() / 2 + backward.sum())
    return (
        close("largest of a layer", float(shares.max()), stated, 1.0, "%"),
        close("whole network", float(whole), stated, 1.0, "%"),
        fact("first layer", float(shares[0]), f"up to {stated:g}", shares[0] <= stated, unit="%"),
    )


CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="n-amdahl-both-passes",
        paper="N",
        place="Section 1",
        statement="Sparsifying only the forward or only the backward pass limits the speed-up far "
        "below that of sparsifying both.",
        says="both passes are needed (no number)",
        kind="exact",
        chapter=CHAPTER,
        needs="The operations of ResNet-18 and ResNet-50 with one pass or both sparsified.",
        decision=both_passes,
    ),
    Claim(
        id="f-srste-backward-80",
        paper="F",
        place="Section 1, Figure 2",
        statement="With a 2:4 forward and a dense backward pass, up to 80 % of the operations are "
        "in the backward pass.",
        says="up to 80 %",
        kind="exact",
        chapter=CHAPTER,
        needs="The operations of ResNet-18 at 224 x 224, layer by layer, with the forward product "
        "halved.",
        decision=srste_backward_share,
    ),
)

"""What FST's chapters share: the lines of its ablation, its strategies, what it prints."""

from dataclasses import replace

from swatlib.claims.effect import DENSELY, way
from swatlib.claims.scales import FULL, SMALL_CIFAR, SMALL_DIGITS
from swatlib.papers import paper_table

LINE = {
    1: DENSELY,
    2: way("sr-ste", 0.5),
    3: way("fst-weights", 0.5),
    4: way("fst-unrestored", 0.5),
    5: way("fst", 0.5),
}
"""The five lines of FST's Table 5."""

WG, WX, GG, GX = (way(name, 0.5) for name in ("wg", "wx", "gg", "gx"))
"""The four strategies of FST's Eq. 4."""

DIGITS = replace(
    SMALL_DIGITS,
    experiments=(
        *SMALL_DIGITS.experiments,
        "mask-changes-digits",
        "transposable-digits",
        "saliency-forward-dense-digits",
    ),
)

STRATEGIES = (FULL, SMALL_CIFAR)
"""Where the four strategies are tried."""

RESNETS = {"resnet18": "ResNet-18", "resnet50": "ResNet-50"}


def gap(name: str, first: str, second: str, network: str = "ResNet-18") -> str:
    """Return how two accuracies of a table of FST differ, in words."""
    rows = paper_table(name)
    rows = rows[(rows["quantity"] == "accuracy") & (rows["network"] == network)]
    labels = rows["method"] + rows["level"].where(rows["method"] == "FST", "")
    by = dict(zip(rows["level"] if name == "fst-table-5" else labels, rows["number"], strict=True))
    return f"{by[first] - by[second]:+.1f} points ({by[first]} against {by[second]})"


def gaps(first: str, second: str) -> str:
    """Return how two rows of Table 3 differ on either network, in words."""
    both = (f"{gap('fst-table-3', first, second, n)} on {n}" for n in RESNETS.values())
    return ", ".join(both)


IMAGENET = "A small network on CIFAR-10 stands for ResNet-18 and -50 on ImageNet."

CEILING = " On digits the dense network is near its ceiling."

ONE_RUN = "The paper has one run each, without spread."

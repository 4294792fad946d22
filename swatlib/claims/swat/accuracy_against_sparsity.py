"""Claims about the accuracy that SWAT ends at, by sparsity."""

from __future__ import annotations

from swatlib.claims.claim import Claim, Trained
from swatlib.claims.effect import DENSELY, Effect, Way, against_dense, way
from swatlib.claims.scales import (
    FAMILIES_DIGITS,
    FULL,
    HUNDRED,
    SMALL,
)
from swatlib.claims.swat import accuracy_iclr
from swatlib.claims.swat.printed import printed_change

CHAPTER = "3-swat/07-accuracy-against-sparsity"


def _of(one: Way, network: str) -> Way:
    return {**one, "network": network}


def _table_3(network: str, level: str) -> float:
    return printed_change("swat-table-3", network, "SWAT-U", level)


CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="n-t2-u-accuracy",
        paper="N",
        place="Table 2",
        statement="At 90 % SWAT-U loses nothing on wide and on densely connected networks, and "
        "more than a point on VGG-16.",
        says=", ".join(
            f"{network} {printed_change('swat-table-2', network, 'SWAT-U', '90'):+.2f}"
            for network in ("VGG-16", "WRN-16-8", "DenseNet-121")
        )
        + " points",
        kind="training",
        chapter=CHAPTER,
        needs="SWAT-U at 90 % minus dense on a plain, a residual and a densely connected network, "
        "full-size photographs, five seeds.",
        decision=Trained(
            tuple(
                Effect(
                    name,
                    _of(way("swat", 0.9), network),
                    _of(DENSELY, network),
                    printed_change("swat-table-2", theirs, "SWAT-U", "90"),
                )
                for name, network, theirs in (
                    ("plain", "small_vgg", "VGG-16"),
                    ("residual", "small_resnet", "WRN-16-8"),
                    ("densely connected", "small_densenet", "DenseNet-121"),
                )
            ),
            (FULL, *SMALL),
        ),
        limits="Small networks of each family, of a fortieth to a hundredth of the weights.",
        weakness="Changes of 0.03 and 0.02 points are within the spread of the paper's own runs "
        "(0.11 and 0.06); the dense runs have no spread.",
    ),
    Claim(
        id="n-t3-u-accuracy",
        paper="N",
        place="Table 3; Abstract and Section 4.4",
        statement="On ImageNet SWAT-U loses little at 80 % and several points at 90 %.",
        says=", ".join(f"{level} %: {_table_3('ResNet-50', level):+.1f}" for level in ("80", "90"))
        + " points",
        kind="training",
        chapter=CHAPTER,
        needs="SWAT-U at 80 and 90 % minus dense on a hundred classes, three seeds.",
        decision=Trained(
            tuple(
                Effect(
                    f"{level} %",
                    way("swat", float(level) / 100),
                    DENSELY,
                    _table_3("ResNet-50", level),
                )
                for level in ("80", "90")
            ),
            (HUNDRED,),
        ),
        limits="100 classes of Tiny ImageNet at 32x32 for ImageNet.",
        weakness="The abstract calls the loss at 80 % 1.63 points, the table 1.6.",
    ),
    Claim(
        id="n-t3-wrn-accuracy",
        paper="N",
        place="Table 3",
        statement="A network of twice the width loses about as much at 80 % and less at 90 %.",
        says=", ".join(
            f"{level} %: {_table_3('WRN-50-2', level):+.1f} against "
            f"{_table_3('ResNet-50', level):+.1f}"
            for level in ("80", "90")
        )
        + " points",
        kind="training",
        chapter=CHAPTER,
        needs="Dense and SWAT-U at 80 and 90 % on a hundred classes at two widths, three seeds.",
    ),
    Claim(
        id="n-negligible-impact",
        paper="N",
        place="Section 5; I Section 6",
        statement="SWAT as a whole has a negligible effect on the accuracy that training ends at.",
        says="negligible (its own tables range from +0.5 to -4.7 points)",
        kind="training",
        chapter=CHAPTER,
        needs="SWAT-U at 50, 70, 80 and 90 % minus dense.",
        decision=Trained(
            against_dense("swat", (0.5, 0.7, 0.8, 0.9), "level"),
            (FULL, HUNDRED, FAMILIES_DIGITS),
        ),
        weakness="The paper's own Table 3 loses 4.7 points at 90 %.",
    ),
    *accuracy_iclr.CLAIMS,
)

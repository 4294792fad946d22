"""Claims about the geometry of sparsification: how far Top-K turns a vector."""

from __future__ import annotations

import math
from functools import partial
from itertools import product

import numpy as np
import pandas as pd
import torch
from scipy import stats

from swatlib.analysis.angles import (
    angle_between,
    energy_to_angle,
    expected_components,
    expected_energy,
    gaussian_energy,
    sparsification_angle,
    topk_angle,
)
from swatlib.claims.claim import Claim, Trained
from swatlib.claims.effect import Effect, way
from swatlib.claims.foundations.drawn_vectors import (
    COMPONENT_ANGLES,
    angle_spread,
    components_by_dimension,
    gaussian_angle,
    simulated_angles,
)
from swatlib.claims.measured import measured
from swatlib.claims.quantity import Quantity, close, fact
from swatlib.claims.scales import FULL, SMALL_CIFAR, SMALL_DIGITS, SMALL_PATCHES
from swatlib.papers import paper_number

CHAPTER = "1-foundations/03-geometry"


def direction_preserved() -> tuple[Quantity, ...]:
    """Return the angle at 70 % for three shapes of distribution and for ReLU's output."""
    shapes = {
        "Gaussian": stats.norm(),
        "Laplace": stats.laplace(),
        "uniform": stats.uniform(-1, 2),
    }
    angles = {name: expected_energy(shape, 0.7) for name, shape in shapes.items()}
    # Half of the entries are zeros already: of the others a fraction 2 s - 1 is dropped.
    angles["Gaussian after a ReLU"] = float(gaussian_energy(2 * 0.7 - 1))
    chance = float(energy_to_angle(1 - 0.7))  # a random mask keeps 1 - s of the energy
    found = []
    for name, energy in angles.items():
        ours = float(energy_to_angle(energy))
        found.append(fact(name, ours, "limited", ours < 35, ours < chance, "degrees"))
    return tuple(found)


_MOST_ENTRIES = 12


def topk_turns_least() -> tuple[Quantity, ...]:
    """Try every mask of short vectors, and compare the angle with the ratio of the norms."""
    generator = torch.Generator().manual_seed(1)
    tried, beaten = 0, 0
    for entries in range(2, _MOST_ENTRIES + 1):
        masks = torch.tensor(list(product((0.0, 1.0), repeat=entries)), dtype=torch.float64)
        # Small integers, so that ties are frequent, and as many vectors without any tie.
        whole = torch.randint(-4, 5, (20, entries), generator=generator).double()
        drawn = torch.randn(20, entries, generator=generator, dtype=torch.float64)
        vectors = torch.cat([whole[(whole != 0).any(1)], drawn])
        energy = (vectors**2 @ masks.T) / (vectors**2).sum(1, keepdim=True)
        for kept in range(1, entries):
            best = energy[:, masks.sum(1) == kept].amax(1).clamp(max=1)
            ours = topk_angle(vectors, 1 - kept / entries, dim=1)
            # The angle of nearly parallel vectors is known to the root of a rounding error.
            beaten += int((ours - energy_to_angle(best) > 1e-6).sum())
            tried += len(vectors)
    long = torch.randn(100, 1_000, generator=generator, dtype=torch.float64)
    mask = long.abs() >= long.abs().topk(100, dim=1).values[:, -1:]
    apart = np.abs(sparsification_angle(long, mask, dim=1) - angle_between(long, long * mask, 1))
    return (
        fact(f"vectors, of {tried:,}, that another mask turns less", beaten, "none", beaten == 0),
        fact(
            "largest difference from the arc cosine of the norms' ratio",
            float(apart.max()),
            "none",
            bool(apart.max() < 1e-6),
            unit="degrees",
        ),
    )


def random_vectors() -> tuple[Quantity, ...]:
    """Return the mean angle of two random vectors and its standard deviation."""
    between = simulated_angles().between
    return (
        close(
            "mean",
            float(between.mean()),
            paper_number("iclr-text", "angle", item="Figure 9a", level=""),
            0.5,
            "degrees",
        ),
        fact(
            "standard deviation",
            float(between.std()),
            "a peak",
            bool(between.std() < 2),
            unit="degrees",
        ),
    )


def _gaussian_angle(level: str, item: str, within: float) -> tuple[Quantity, ...]:
    sparsity, paper = float(level) / 100, paper_number("iclr-text", "angle", item=item, level=level)
    simulated = float(simulated_angles().topk[sparsity].mean())
    return (
        close("long vectors", gaussian_angle(sparsity), paper, within, "degrees"),
        close("1,000 entries", simulated, paper, within, "degrees"),
    )


angle_at_90 = partial(_gaussian_angle, "90", "Figure 9a", 1.0)

angle_at_80 = partial(_gaussian_angle, "80", "Figure 9a", 0.5)

angle_at_70 = partial(_gaussian_angle, "70", "section 4.1", 1.0)


def binarised() -> tuple[Quantity, ...]:
    """Return the angle between a Gaussian vector and its signs."""
    paper = paper_number("iclr-text", "angle", item="section 4.1", level="")
    x = torch.randn(1_000, 1_000, generator=torch.Generator().manual_seed(5))
    exact = math.degrees(math.acos(math.sqrt(2 / math.pi)))
    drawn = float(angle_between(x, x.sign(), dim=1).mean())
    return (
        close("long vectors", exact, paper, 0.5, "degrees"),
        close("1,000 entries", drawn, paper, 0.5, "degrees"),
    )


def angle_concentrates() -> tuple[Quantity, ...]:
    """Return the exponent with which the angle's spread falls with the dimension."""
    wide = angle_spread()
    found = []
    for sparsity, rows in wide[wide["dimension"] >= 30].groupby("sparsity"):
        slope = float(np.polyfit(np.log(rows["dimension"]), np.log(rows["std"]), 1)[0])
        name = f"exponent at {float(sparsity):.0%}"
        found.append(fact(name, slope, "narrows", abs(slope + 0.5) <= 0.1, slope < -0.1))
    return tuple(found)


def components_needed() -> tuple[Quantity, ...]:
    """Return the share of entries needed for 20, 30 and 40 degrees."""
    found = []
    for angle in COMPONENT_ANGLES:
        ours = 100 * expected_components(stats.norm(), float(angle))
        paper = paper_number("iclr-text", "components_needed", item="Figure 9b", level=str(angle))
        found.append(close(f"{angle} degrees", ours, paper, 1.0, "%"))
    return tuple(found)


def components_spread() -> tuple[Quantity, ...]:
    """Return the largest standard deviation of the needed share, by dimension from 100 on."""
    bound = paper_number("iclr-text", "variance_at_most", item="Figure 9c", level="")
    needed = components_by_dimension()
    largest = needed[needed["dimension"] >= 100].groupby("dimension")["std"].max()
    return tuple(
        fact(
            f"{entries:,} entries",
            std,
            f"below {bound:g}",
            std < bound,
            std < 1.5 * bound,
            "points",
        )
        for entries, std in largest.items()
    )


def layers_below_bound() -> tuple[Quantity, ...]:
    """Return the largest angle of any layer at any epoch, first layers apart."""
    bound = paper_number("iclr-text", "angle_at_most", item="Figure 9e", level="70")
    chance = float(energy_to_angle(1 - 0.7))
    runs = pd.DataFrame(measured("angles")["runs"])
    largest = pd.concat([runs[["start"]], pd.DataFrame(runs["largest"].tolist())], axis=1)
    by_start = largest.groupby("start").max()
    ours = {
        "weights, Gaussian start": by_start.loc["Gaussian", "inner_weight"],
        "weights, uniform start": by_start.loc["uniform", "inner_weight"],
        "activations": largest["inner_activation"].max(),
        "first layer's weights": largest["first_weight"].max(),
        "the image": largest["first_activation"].max(),
    }
    return tuple(
        fact(name, float(angle), f"below {bound:g}", angle < bound, angle < chance, "degrees")
        for name, angle in ours.items()
    )


_UNTESTED = "The paper puts the angles beside the accuracies and tests no relation of the two."

CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="i-direction-preserved",
        paper="I",
        place="Abstract; Sections 1 and 4.1",
        statement="Top-K hardly changes the direction of a vector of many entries: at 70 % it "
        "turns by less than 35 degrees, whatever the shape of the distribution.",
        says="limited impact (no number)",
        kind="exact",
        chapter=CHAPTER,
        needs="The angle at 70 % for Gaussian, Laplace and uniform entries and after a ReLU.",
        decision=direction_preserved,
    ),
    Claim(
        id="i-lemma-topk-minimises",
        paper="I",
        place="Appendix B, Lemma B.1 and Equation 6; Section 4.1",
        statement="Of all ways to keep K entries, Top-K turns the vector least.",
        says="the least of all",
        kind="exact",
        chapter=CHAPTER,
        needs="A proof, and every mask of vectors of up to 12 entries.",
        decision=topk_turns_least,
        weakness="Section 4.1 says that the cosine is smallest; it is largest. The lemma is right.",
    ),
    Claim(
        id="i-random-90",
        paper="I",
        place="Section 4.1, Figure 9a",
        statement="Two random vectors of 1,000 entries stand at about 90 degrees.",
        says="90 degrees",
        kind="exact",
        chapter=CHAPTER,
        needs="10,000 pairs of vectors.",
        decision=random_vectors,
    ),
    Claim(
        id="i-angle-90-48",
        paper="I",
        place="Section 4.1, Figure 9a",
        statement="Top-K at 90 % turns a Gaussian vector of 1,000 entries by about 48 degrees.",
        says="48 degrees",
        kind="exact",
        chapter=CHAPTER,
        needs="The closed form, and 10,000 vectors.",
        decision=angle_at_90,
    ),
    Claim(
        id="i-angle-80-36",
        paper="I",
        place="Section 4.1, Figure 9a",
        statement="At 80 % it turns by 36.4 degrees.",
        says="36.4 degrees",
        kind="exact",
        chapter=CHAPTER,
        needs="The closed form, and 10,000 vectors.",
        decision=angle_at_80,
    ),
    Claim(
        id="i-angle-concentrates",
        paper="I",
        place="Section 4.1, Figures 9a and 9d",
        statement="The angle is nearly the same for all vectors once they have many entries: its "
        "spread falls with the root of their number.",
        says="against low-dimensional intuition (no number)",
        kind="exact",
        chapter=CHAPTER,
        needs="The spread of the angle from 30 to 10,000 entries at 50, 80 and 90 %.",
        decision=angle_concentrates,
    ),
    Claim(
        id="i-components-43-29-18",
        paper="I",
        place="Section 4.1, Figure 9b",
        statement="To turn by no more than 20, 30 and 40 degrees, a Gaussian vector needs 43, 29 "
        "and 18 % of its entries.",
        says="43, 29 and 18 %",
        kind="exact",
        chapter=CHAPTER,
        needs="The closed form for long vectors.",
        decision=components_needed,
        weakness="The paper does not say for which dimension; vectors of about 60 entries, or the "
        "worst of a thousand long ones, need what it states.",
    ),
    Claim(
        id="i-components-variance",
        paper="I",
        place="Section 4.1, Figure 9c",
        statement="From vector to vector the share of entries needed varies by less than 3 points.",
        says="a variance below 3 %",
        kind="exact",
        chapter=CHAPTER,
        needs="1,000 vectors of 100 to 10,000 entries.",
        decision=components_spread,
        weakness="Read as the variance of a fraction, 3 % would be a standard deviation of 17 "
        "points; we read a standard deviation in points.",
    ),
    Claim(
        id="i-70-within-30",
        paper="I",
        place="Section 4.1",
        statement="Top-K at 70 % turns a Gaussian vector by about 30 degrees.",
        says="30 degrees",
        kind="exact",
        chapter=CHAPTER,
        needs="The closed form, and 10,000 vectors.",
        decision=angle_at_70,
        weakness="It is Figure 9b read the other way: 29 % of the entries for 30 degrees.",
    ),
    Claim(
        id="i-layers-below-36",
        paper="I",
        place="Section 4.1, Figure 9e",
        statement="While a network trains, Top-K at 70 % turns the weights and the activations of "
        "every layer by less than 36 degrees.",
        says="less than 36 degrees, all layers",
        kind="measurement",
        chapter=CHAPTER,
        needs="ResNet-18 on CIFAR-10 or CIFAR-100, dense and with SWAT at 70 %, five seeds, angles "
        "of every layer after every epoch.",
        decision=layers_below_bound,
        limits="a small residual network on digits for ResNet-18 on CIFAR-100",
        weakness="The paper does not say how its weights start, which decides the first epochs.",
        trained="digits: SWAT at 70 % and dense, weights that start Gaussian or uniform, 6 epochs "
        "of 15 steps (dense 98 %), 5 seeds",
    ),
    Claim(
        id="i-binarised-37",
        paper="I",
        place="Section 4.1, of Anderson and Berg",
        statement="A random vector and the vector of its signs stand at about 37 degrees.",
        says="37 degrees",
        kind="exact",
        chapter=CHAPTER,
        needs="The closed form, and 1,000 vectors.",
        decision=binarised,
    ),
    Claim(
        id="i-angle-explains",
        paper="I",
        place="Section 4; Section 1, last contribution",
        statement="The direction that is kept explains which sparsification is harmless: what "
        "turns further costs more accuracy, and what turns less costs no more.",
        says="some evidence (no test)",
        kind="training",
        chapter=CHAPTER,
        needs="Rank correlation of angle and loss of accuracy over Top-K, random and constrained "
        "choices of weights, activations and gradients at 50 to 95 %, angles measured in the runs.",
        decision=Trained(
            (
                Effect(
                    "random minus Top-K (turns further), 90 %",
                    way("saw", 0.9, random=True),
                    way("saw", 0.9),
                    "below",
                    1.5,
                ),
                Effect(
                    "gradients minus weights and activations (turn less), 90 %",
                    way("backward-gradient", 0.9),
                    way("saw", 0.9),
                    "not below",
                    1.5,
                ),
            ),
            (FULL, SMALL_CIFAR, SMALL_PATCHES, SMALL_DIGITS),
        ),
        limits="two consequences of the claim, at 90 % in the backward pass, for the whole "
        "correlation",
        weakness=_UNTESTED,
    ),
)

"""Claims of the ICLR submission about memory: reads of weights and saved activations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from swatlib.accounting import EXACT, PAPER, count, method_densities
from swatlib.accounting.convention import Convention
from swatlib.checked import checked
from swatlib.claims.claim import Claim
from swatlib.claims.measured import measured
from swatlib.claims.quantity import Quantity, close, fact
from swatlib.papers import paper_number
from swatlib.papers.swat_tables import DATA, IMAGENET, shapes

CHAPTER = "3-swat/08-memory"

FIGURE_8 = ("resnet18", "resnet50", "vgg16", "densenet121")
"""Networks that stand for those of the submission's Figure 8, on images of 224 x 224 pixels."""

LEVELS = ("50", "70", "80")
"""Sparsities at which the submission's Figure 8 is put in words, in percent."""

GB = 1e9


@checked
def figure_8(name: str, sparsity: float, convention: Convention = PAPER) -> float:
    """Return how many times fewer activations SWAT saves for backward, counted in elements."""
    traced = shapes(name, *IMAGENET)
    found = count(traced, method_densities("swat-u", traced, sparsity), convention)
    return 1 / (1 - found.activation_reduction / 100)


@checked
def parameter_reads(name: str, sparsity: float, index: str = "none") -> float:
    """Return how many times fewer weights a backward pass reads, in bytes of float32.

    Parameters
    ----------
    name : str
        A network.
    sparsity : float
        Of SWAT.
    index : str
        What says where the kept values stand: "none", "bitmap" (a bit for each weight), or "16 bit"
        (two bytes for each kept one).
    """
    itemsize = 4.0
    traced = shapes(name, *IMAGENET)
    dense = sparse = 0.0
    densities = method_densities("swat-u", traced, sparsity)
    for layer, density in zip(traced.weighted, densities, strict=True):
        if not layer.input_grad:
            continue  # nothing reads the first layer's weights in the backward pass
        d = density.input_grad_weight
        where = {"none": 0.0, "bitmap": 1 / 8, "16 bit": 2 * d}[index] if d < 1 else 0.0
        dense += layer.weights * itemsize
        sparse += layer.weights * (d * itemsize + where)
    return dense / sparse


def _held(network: str = "resnet18") -> dict[float, float]:
    found = measured("saved-memory")
    return dict(zip(found["levels"], found[network]["compressed"], strict=True))


@checked
def counted_saving(sparsity: float) -> float:
    """Return the percentage of saved elements that ResNet-18's row of Table 4 counts as masked."""
    traced = shapes("resnet18", *DATA["swat-table-4"])
    found = count(traced, method_densities("swat-u", traced, sparsity), PAPER)
    return found.activation_reduction


def beside_count(levels: tuple[float, ...]) -> tuple[Quantity, ...]:
    """Compare the bytes that a live step holds with the count of the paper's tables."""
    held = _held()
    return tuple(
        close(f"bytes saved at {s:.0%}", held[s], counted_saving(s), 5.0, "%") for s in levels
    )


def _tens_of_gigabytes() -> tuple[Quantity, ...]:
    frame = count(shapes("resnet50", *IMAGENET), convention=EXACT).to_frame()
    macs = frame["forward_dense"].sum() / 1e9
    batch = 256
    held = (batch * frame["activation_bytes_dense"].sum() + frame["weight_bytes_dense"].sum()) / GB
    return (
        fact("multiply-accumulates of an image", float(macs), "billions", macs >= 1, unit="1e9"),
        fact(f"at a batch of {batch}", float(held), "tens of GB", held >= 10, held >= 5, "GB"),
    )


def _farthest(
    quantity: str, ours: Callable[[str, float], float], within: float, relative: bool
) -> tuple[Quantity, ...]:
    """Compare, at each sparsity, the network that is farthest from the paper's number."""
    found = []
    for level in LEVELS:
        paper = paper_number("iclr-text", quantity, level=level)
        each = [ours(name, float(level) / 100) for name in FIGURE_8]
        farthest = max(each, key=lambda one: abs(one - paper))
        name = f"farthest of {len(each)} networks at {level} %"
        # To three digits: the paper gives two.
        found.append(close(name, round(farthest, 3), paper, within, "times", relative))
    return tuple(found)


def _batch_norm_limits() -> tuple[Quantity, ...]:
    almost = 1 - 1e-6
    caps = [figure_8(name, almost) for name in FIGURE_8]
    without = replace(PAPER, norm_inputs=False)
    least = min(figure_8(name, 0.99, without) for name in FIGURE_8)
    return (
        fact("lowest cap", min(caps), "between 1.6 and 2.3", 1.6 <= min(caps) <= 2.3, unit="times"),
        fact(
            "highest cap", max(caps), "between 1.6 and 2.3", 1.6 <= max(caps) <= 2.3, unit="times"
        ),
        fact("at 99 % without batch norm's inputs", least, "no cap", least > 50, unit="times"),
    )


def _linear_share() -> tuple[Quantity, ...]:
    shares = []
    for name in FIGURE_8:
        saved = count(shapes(name, *IMAGENET), convention=EXACT).to_frame()
        kinds = saved.groupby("kind")["activations"].sum()
        shares.append(100 * float(kinds["linear"] / kinds.sum()))
    return (fact("largest share", max(shares), "negligible, below 1 %", max(shares) < 1, unit="%"),)


def _meprop_keeps_all() -> tuple[Quantity, ...]:
    traced = shapes("resnet18", *IMAGENET)
    found = []
    for name, saves in (("meprop", False), ("swat-u", True)):
        densities = method_densities(name, traced, 0.8)
        rest = count(traced, densities, PAPER).activation_reduction
        weights = 100 * (1 - sum(d.input_grad_weight for d in densities) / len(densities))
        for what, value in (("activations saved", rest), ("weights saved", weights)):
            found.append(
                fact(
                    f"{name}, {what}",
                    round(value, 9),
                    "more than 0" if saves else "0",
                    value > 1 if saves else abs(value) < 1e-9,
                    unit="%",
                )
            )
    return tuple(found)


CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="i-cnn-memory-tens-gb",
        paper="I",
        place="Section 1",
        statement="Training ResNet-50 takes billions of operations and tens of gigabytes for "
        "weights and activations.",
        says="billions; tens of gigabytes",
        kind="exact",
        chapter=CHAPTER,
        needs="The count on ResNet-50 at 224 x 224 pixels, batch 256, float32.",
        decision=_tens_of_gigabytes,
        weakness="The batch is not stated. A single image takes less than a tenth of a gigabyte.",
    ),
    Claim(
        id="i-parameter-access",
        paper="I",
        place="Section 3.3, Figure 8a; Abstract (50 to 80 %)",
        statement="The backward pass reads 2, 3.3 and 5 times fewer weights at 50, 70 and 80 %.",
        says="2x, 3.3x, 5x",
        kind="exact",
        chapter=CHAPTER,
        needs="Values of weights that the input gradients read, four networks.",
        decision=partial(_farthest, "parameter_access_factor", parameter_reads, 0.03, True),
        weakness="Where the kept weights stand is not counted. With a bit for each weight the "
        "factors are 1.9, 3.0 and 4.3.",
    ),
    Claim(
        id="i-activation-13-15-17",
        paper="I",
        place="Section 3.3, Figure 8b; Abstract (23 to 37 %); Section 6",
        statement="Saved activations shrink around 1.3, 1.5 and 1.7 times at 50, 70 and 80 %.",
        says="1.3x, 1.5x, 1.7x",
        kind="exact",
        chapter=CHAPTER,
        needs="Elements saved, dense over sparse, four networks at 224 x 224 pixels.",
        decision=partial(_farthest, "activation_factor", figure_8, 0.05, False),
        weakness="1.7 times is 41 % less, and the abstract says at most 37 %.",
    ),
    Claim(
        id="i-bn-limits-activation",
        paper="I",
        place="Section 3.3",
        statement="The dense inputs of batch norm limit the compression of activations.",
        says="a limit (no number)",
        kind="exact",
        chapter=CHAPTER,
        needs="The compression as the sparsity goes to 1, with batch norm's inputs and without.",
        decision=_batch_norm_limits,
    ),
    Claim(
        id="i-linear-activation-negligible",
        paper="I",
        place="Section 3.3",
        statement="The saved inputs of linear layers are a negligible part of all that is saved.",
        says="negligible (no number)",
        kind="exact",
        chapter=CHAPTER,
        needs="Their share of the saved elements, four networks.",
        decision=_linear_share,
    ),
    Claim(
        id="i-meprop-no-memory-benefit",
        paper="I",
        place="Section 2.2",
        statement="meProp's backward pass needs all weights and activations, SWAT's does not.",
        says="meProp saves nothing, SWAT does",
        kind="exact",
        chapter=CHAPTER,
        needs="The operands that the backward pass of each method needs, at 80 %.",
        decision=_meprop_keeps_all,
    ),
    Claim(
        id="i-only-topk-saved",
        paper="I",
        place="Section 2.2",
        statement="Saving only the Top-K activations lowers the memory that is held by their "
        "share.",
        says="lower by the masked share",
        kind="measurement",
        chapter=CHAPTER,
        needs="Bytes held between forward and backward, compressed SWAT against dense.",
        decision=partial(beside_count, (0.5, 0.7, 0.8, 0.9)),
        limits="ResNet-18 on images of 32 x 32 pixels, batch 4, against the count of the paper's "
        "tables within 5 points.",
        weakness="Only with a ReLU that keeps bits; with an ordinary one nearly nothing is "
        "saved, and masks alone save nothing.",
    ),
)

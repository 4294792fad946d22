"""Claims about the memory SWAT saves and the network it leaves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial

import pandas as pd
import torch

from swatlib.accounting import EXACT, PAPER, count, method_densities
from swatlib.accounting.convention import Convention
from swatlib.checked import checked
from swatlib.claims.claim import Claim
from swatlib.claims.measured import measured
from swatlib.claims.quantity import Quantity, cells, close, fact
from swatlib.methods import swat
from swatlib.models import build_network
from swatlib.papers import paper_table, paper_wide
from swatlib.papers.swat_tables import DATA, IMAGENET, NETWORKS, shapes
from swatlib.storage.pruned import prune_
from swatlib.surgery.sparsify import densify_, sparsify_
from swatlib.training.step import training_step

MEMORY = "3-swat/08-memory"
PRUNED = "3-swat/09-pruned-for-free"

FIGURE_8 = ("resnet18", "resnet50", "vgg16", "densenet121")
"""Networks that stand for those of the submission's Figure 8, on images of 224 x 224 pixels."""

LEVELS = ("50", "70", "80")
"""Sparsities at which the submission's Figure 8 is put in words, in percent."""

GB = 1e9


@checked
@cache
def saved_share(network: str, image: int, classes: int) -> float:
    """Return the convolutions' share of the elements saved for backward, as SWAT's tables count.

    Inputs of convolutions and of batch norms are counted, those of linear layers are not.
    """
    frame = count(shapes(network, image, classes), convention=PAPER).to_frame()
    saved = frame.groupby("kind")["activations"].sum()
    return float(saved["conv"] / saved.sum())


@checked
def activation_cells(table: str) -> pd.DataFrame:
    """Set a table's activation reductions beside its activation sparsities times the counted share.

    Parameters
    ----------
    table : str
        A key of :data:`swatlib.papers.swat_tables.DATA`.

    Returns
    -------
    DataFrame
        ``network``, ``method``, ``level``, ``ours``, ``paper`` and ``difference``, in percent and
        points.
    """
    rows = paper_wide(table)
    rows = rows[rows["activation_reduction"].notna()]
    shares = [saved_share(NETWORKS[name], *DATA[table]) for name in rows["network"]]
    found = rows[["network", "method", "level"]].assign(
        ours=rows["activation_sparsity"] * shares, paper=rows["activation_reduction"]
    )
    return found.assign(difference=found["ours"] - found["paper"]).reset_index(drop=True)


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


def _iclr(quantity: str, level: str) -> float:
    text = paper_table("iclr-text")
    found = text[(text["quantity"] == quantity) & (text["level"] == level)]["number"]
    return float(found.iloc[0])


def _swat(quantity: str) -> float:
    text = paper_table("swat-text")
    return float(text[text["quantity"] == quantity]["number"].iloc[0])


def _table_cells(table: str, within: float) -> tuple[Quantity, ...]:
    found = activation_cells(table)
    # Differences of numbers printed to a tenth: what is smaller than a hundredth decides nothing.
    off = found["difference"].abs().round(2)
    return (cells(f"cells within {within:g} points", off <= within, "every cell"),)


def _compressible() -> tuple[Quantity, ...]:
    found = measured("zero-compression")
    return tuple(
        close(
            f"compressed over raw bytes at {float(level):.0%}",
            found[level]["swat"]["share"],
            1 - float(level),
            0.05,
        )
        for level in ("0.8", "0.9")
    )


def _held(network: str = "resnet18") -> dict[float, float]:
    found = measured("saved-memory")
    return dict(zip(found["levels"], found[network]["compressed"], strict=True))


@checked
def counted_saving(sparsity: float) -> float:
    """Return the percentage of saved elements that ResNet-18's row of Table 4 counts as masked."""
    traced = shapes("resnet18", *DATA["swat-table-4"])
    found = count(traced, method_densities("swat-u", traced, sparsity), PAPER)
    return found.activation_reduction


def _beside_count(levels: tuple[float, ...]) -> tuple[Quantity, ...]:
    held = _held()
    return tuple(
        close(f"bytes saved at {s:.0%}", held[s], counted_saving(s), 5.0, "%") for s in levels
    )


def _activation_memory() -> tuple[Quantity, ...]:
    ours = pd.concat([activation_cells(table)["ours"] for table in DATA])
    return (
        close(
            "lowest row of Tables 2 to 5, counted",
            float(ours.min()),
            _swat("activation_reduction_low"),
            1.0,
            "%",
        ),
        close(
            "highest row of Tables 2 to 5, counted",
            float(ours.max()),
            _swat("activation_reduction_high"),
            1.0,
            "%",
        ),
        *_beside_count((0.5, 0.9)),
    )


def _weight_memory() -> tuple[Quantity, ...]:
    low, high = (_swat(f"weight_reduction_{end}") for end in ("low", "high"))
    reads = [100 * (1 - 1 / parameter_reads("resnet50", level / 100)) for level in (low, high)]
    # The optimizer updates every weight: weights, gradients and momentum are there in full.
    held = measured("peak-memory")["weights"]
    kept = 100 * (1 - held["compressed"] / held["dense"])
    return (
        close(f"fewer values read at {low:.0f} %", reads[0], low, 1.0, "%"),
        close(f"fewer values read at {high:.0f} %", reads[1], high, 1.0, "%"),
        fact(
            f"fewer bytes held at {high:.0f} %",
            kept,
            f"{low:g} to {high:g} %",
            low - 1 <= kept <= high + 1,
            kept > 0,
            "%",
        ),
    )


def _bigger_models() -> tuple[Quantity, ...]:
    found = measured("peak-memory")
    peak = 100 * (found["ratio"]["compressed"] - 1)
    return (
        fact("peak memory at 90 %", peak, "at least 10 % less", peak <= -10, peak < 0, "%"),
        fact(
            "widest network that fits, dense 32",
            found["widest"],
            "wider",
            found["widest"] > 32,
            unit="channels",
        ),
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
        paper = _iclr(quantity, level)
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


@checked
def pruned_outputs(name: str, sparsity: float, steps: int = 2) -> bool:
    """Train a small network by SWAT for a few steps, prune it, and compare its outputs to the bit.

    Parameters
    ----------
    name : str
        One of the small networks.
    sparsity : float
    steps : int
        Whatever the weights are, the outputs have to stay; a few steps move them from their start.

    Returns
    -------
    bool
        Whether all outputs are identical, sparse and pruned, and pruned and made dense again.
    """
    torch.manual_seed(0)
    model = sparsify_(build_network(name, image=8, width=8), swat(sparsity))
    x, y = torch.randn(32, 3, 8, 8), torch.randint(0, 10, (32,))
    step = training_step(model, x, y)
    for _ in range(steps):
        step()
    model.eval()
    with torch.no_grad():
        before = model(x)
        pruned = prune_(model)(x)
        return torch.equal(before, pruned) and torch.equal(before, densify_(model)(x))


def _pruned() -> tuple[Quantity, ...]:
    same = [
        *(pruned_outputs("small_resnet", sparsity) for sparsity in (0.5, 0.7, 0.8, 0.9)),
        *(pruned_outputs(name, 0.9) for name in ("small_vgg", "small_densenet")),
    ]
    return (cells("networks with identical outputs, pruned", same, "no loss"),)


def _exact(
    decision: Callable[[], tuple[Quantity, ...]],
    name: str,
    paper: str,
    place: str,
    statement: str,
    says: str,
    needs: str,
    *,
    limits: str = "",
    weakness: str = "",
    kind: str = "exact",
    chapter: str = MEMORY,
) -> Claim:
    return Claim(
        id=name,
        paper=paper,
        place=place,
        statement=statement,
        says=says,
        kind=kind,
        chapter=chapter,
        needs=needs,
        decision=decision,
        limits=limits,
        weakness=weakness,
    )


_measured = partial(_exact, kind="measurement")

_ROUNDED = (
    "The activation sparsities of SWAT-M are printed as whole percents, which alone moves a cell "
    "by up to a quarter of a point."
)

CLAIMS: tuple[Claim, ...] = (
    _exact(
        partial(_table_cells, "swat-table-2", 0.2),
        "n-t2-act-reduction",
        "N",
        "Table 2, Act column",
        "The activation reductions of Table 2 are the activation sparsities times the "
        "convolutions' share of the saved elements.",
        "25.0 to 49.0 %, nine rows",
        "The share of saved elements from shapes, nine rows.",
        weakness="The three rows of DenseNet-121 come out with the share at 224 x 224 pixels, "
        "although the table is about CIFAR-10. " + _ROUNDED,
    ),
    _measured(
        _compressible,
        "n-act-compressible",
        "N",
        "Section 4.2",
        "Masked activations shrink under zero-value compression in proportion to the masked share.",
        "1 minus the masked share remains",
        "Saved inputs of one SWAT step, compressed as values and a bit an entry, at 80 and 90 %.",
        limits="ResNet-18 with fresh weights on photographs of 32 x 32 pixels. The kept share is "
        "Top-K's whatever the weights; the bits add 3 % of the raw size.",
        weakness="Inputs that nothing masks have the zeros of ReLU, and shrink as well.",
    ),
    _exact(
        partial(_table_cells, "swat-table-3", 0.2),
        "n-t3-act-reduction",
        "N",
        "Table 3, Act column",
        "The activation reductions of Table 3 are the activation sparsities times the "
        "convolutions' share of the saved elements.",
        "23.7 to 44.0 %, eight rows",
        "The share of saved elements from shapes, eight rows.",
        weakness="No share gives all cells of WRN-50-2 in Tables 3 and 5. " + _ROUNDED,
    ),
    _exact(
        _activation_memory,
        "n-abs-act-memory",
        "N",
        "Abstract",
        "SWAT cuts the memory of saved activations by 23 to 50 %.",
        "23 to 50 %",
        "The count over all rows of Tables 2 to 5, and bytes held by a live network.",
        limits="Bytes are those of ResNet-18 on images of 32 x 32 pixels, saved as values and "
        "bits.",
        weakness="The paper counts elements and leaves out where the kept ones stand.",
    ),
    _exact(
        _weight_memory,
        "n-abs-weight-memory",
        "N",
        "Abstract; I Abstract (50 to 80 %)",
        "SWAT cuts the memory of weights in the backward pass by 50 to 90 %.",
        "50 to 90 %",
        "Weights that a backward pass reads, and bytes that a training step holds for them.",
        limits="Values read are counted on ResNet-50. Bytes held are the weights, gradients and "
        "momentum of a live step.",
        weakness="Section 3.3 of the submission speaks of reads of memory, the abstracts of its "
        "size. Table 2 has rows with 95 %.",
    ),
    _exact(
        partial(_table_cells, "swat-table-4", 0.15),
        "n-t4-act-reduction",
        "N",
        "Table 4, Act column",
        "The activation reductions of structured SWAT on CIFAR-10 are the activation sparsities "
        "times the convolutions' share of the saved elements.",
        "25.0 to 36.4 %, six rows",
        "The share of saved elements from shapes, six rows.",
    ),
    _exact(
        partial(_table_cells, "swat-table-5", 0.25),
        "n-t5-act-reduction",
        "N",
        "Table 5, Act column",
        "The activation reductions of structured SWAT on ImageNet are the activation sparsities "
        "times the convolutions' share of the saved elements.",
        "24.5 to 34.3 %, six rows",
        "The share of saved elements from shapes, six rows.",
        weakness="No share gives all cells of WRN-50-2 in Tables 3 and 5.",
    ),
    _measured(
        _bigger_models,
        "n-bigger-models",
        "N",
        "Section 6",
        "The memory that SWAT frees lets a larger model be trained in the same memory.",
        "bigger models (no number)",
        "Peak memory of a training step, SWAT compressed over dense, and the widest network at "
        "equal peak memory.",
        limits="A small residual network, 64 images of 32 x 32 pixels, 90 %. Weights and momentum "
        "are counted; what an operation needs inside for a moment is not.",
    ),
    _exact(
        _tens_of_gigabytes,
        "i-cnn-memory-tens-gb",
        "I",
        "Section 1",
        "Training ResNet-50 takes billions of operations and tens of gigabytes for weights and "
        "activations.",
        "billions; tens of gigabytes",
        "The count on ResNet-50 at 224 x 224 pixels, batch 256, float32.",
        weakness="The batch is not stated. A single image takes less than a tenth of a gigabyte.",
    ),
    _exact(
        partial(_farthest, "parameter_access_factor", parameter_reads, 0.03, True),
        "i-parameter-access",
        "I",
        "Section 3.3, Figure 8a; Abstract (50 to 80 %)",
        "The backward pass reads 2, 3.3 and 5 times fewer weights at 50, 70 and 80 %.",
        "2x, 3.3x, 5x",
        "Values of weights that the input gradients read, four networks.",
        weakness="Where the kept weights stand is not counted. With a bit for each weight the "
        "factors are 1.9, 3.0 and 4.3.",
    ),
    _exact(
        partial(_farthest, "activation_factor", figure_8, 0.05, False),
        "i-activation-13-15-17",
        "I",
        "Section 3.3, Figure 8b; Abstract (23 to 37 %); Section 6",
        "Saved activations shrink around 1.3, 1.5 and 1.7 times at 50, 70 and 80 %.",
        "1.3x, 1.5x, 1.7x",
        "Elements saved, dense over sparse, four networks at 224 x 224 pixels.",
        weakness="1.7 times is 41 % less, and the abstract says at most 37 %.",
    ),
    _exact(
        _batch_norm_limits,
        "i-bn-limits-activation",
        "I",
        "Section 3.3",
        "The dense inputs of batch norm limit the compression of activations.",
        "a limit (no number)",
        "The compression as the sparsity goes to 1, with batch norm's inputs and without.",
    ),
    _exact(
        _linear_share,
        "i-linear-activation-negligible",
        "I",
        "Section 3.3",
        "The saved inputs of linear layers are a negligible part of all that is saved.",
        "negligible (no number)",
        "Their share of the saved elements, four networks.",
    ),
    _exact(
        _meprop_keeps_all,
        "i-meprop-no-memory-benefit",
        "I",
        "Section 2.2",
        "meProp's backward pass needs all weights and activations, SWAT's does not.",
        "meProp saves nothing, SWAT does",
        "The operands that the backward pass of each method needs, at 80 %.",
    ),
    _measured(
        partial(_beside_count, (0.5, 0.7, 0.8, 0.9)),
        "i-only-topk-saved",
        "I",
        "Section 2.2",
        "Saving only the Top-K activations lowers the memory that is held by their share.",
        "lower by the masked share",
        "Bytes held between forward and backward, compressed SWAT against dense.",
        limits="ResNet-18 on images of 32 x 32 pixels, batch 4, against the count of the paper's "
        "tables within 5 points.",
        weakness="Only with a ReLU that keeps bits; with an ordinary one nearly nothing is saved, "
        "and masks alone save nothing.",
    ),
    _exact(
        _pruned,
        "i-pruned-for-free",
        "I",
        "Section 1, third contribution; Section 3.3",
        "A network trained by SWAT can be pruned to the sparsity of its training without loss.",
        "no loss",
        "Outputs before and after pruning at 50, 70, 80 and 90 %, to the bit.",
        chapter=PRUNED,
        limits="Small networks of three families after two steps. Zeros where the forward product "
        "has zeros change no operand, whatever the weights, so more training decides nothing.",
    ),
)

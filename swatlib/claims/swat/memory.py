"""Claims about the memory that SWAT saves."""

from __future__ import annotations

from functools import cache, partial

import pandas as pd

from swatlib.accounting import PAPER, count
from swatlib.checked import checked
from swatlib.claims.claim import Claim
from swatlib.claims.measured import measured
from swatlib.claims.quantity import Quantity, cells, close, fact
from swatlib.claims.swat import memory_iclr
from swatlib.claims.swat.memory_iclr import beside_count, parameter_reads
from swatlib.papers import paper_number, paper_wide
from swatlib.papers.swat_tables import DATA, NETWORKS, shapes

CHAPTER = "3-swat/08-memory"


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


def _activation_memory() -> tuple[Quantity, ...]:
    ours = pd.concat([activation_cells(table)["ours"] for table in DATA])
    return (
        close(
            "lowest row of Tables 2 to 5, counted",
            float(ours.min()),
            paper_number("swat-text", "activation_reduction_low"),
            1.0,
            "%",
        ),
        close(
            "highest row of Tables 2 to 5, counted",
            float(ours.max()),
            paper_number("swat-text", "activation_reduction_high"),
            1.0,
            "%",
        ),
        *beside_count((0.5, 0.9)),
    )


def _weight_memory() -> tuple[Quantity, ...]:
    low, high = (paper_number("swat-text", f"weight_reduction_{end}") for end in ("low", "high"))
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


_ROUNDED = (
    "The activation sparsities of SWAT-M are printed as whole percents, which alone moves a cell "
    "by up to a quarter of a point."
)

CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="n-t2-act-reduction",
        paper="N",
        place="Table 2, Act column",
        statement="The activation reductions of Table 2 are the activation sparsities times the "
        "convolutions' share of the saved elements.",
        says="25.0 to 49.0 %, nine rows",
        kind="exact",
        chapter=CHAPTER,
        needs="The share of saved elements from shapes, nine rows.",
        decision=partial(_table_cells, "swat-table-2", 0.2),
        weakness="The three rows of DenseNet-121 come out with the share at 224 x 224 pixels, "
        "although the table is about CIFAR-10. " + _ROUNDED,
    ),
    Claim(
        id="n-act-compressible",
        paper="N",
        place="Section 4.2",
        statement="Masked activations shrink under zero-value compression in proportion to the "
        "masked share.",
        says="1 minus the masked share remains",
        kind="measurement",
        chapter=CHAPTER,
        needs="Saved inputs of one SWAT step, compressed as values and a bit an entry, at 80 and "
        "90 %.",
        decision=_compressible,
        limits="ResNet-18 with fresh weights on photographs of 32 x 32 pixels. The kept share is "
        "Top-K's whatever the weights; the bits add 3 % of the raw size.",
        weakness="Inputs that nothing masks have the zeros of ReLU, and shrink as well.",
    ),
    Claim(
        id="n-t3-act-reduction",
        paper="N",
        place="Table 3, Act column",
        statement="The activation reductions of Table 3 are the activation sparsities times the "
        "convolutions' share of the saved elements.",
        says="23.7 to 44.0 %, eight rows",
        kind="exact",
        chapter=CHAPTER,
        needs="The share of saved elements from shapes, eight rows.",
        decision=partial(_table_cells, "swat-table-3", 0.2),
        weakness="No share gives all cells of WRN-50-2 in Tables 3 and 5. " + _ROUNDED,
    ),
    Claim(
        id="n-abs-act-memory",
        paper="N",
        place="Abstract",
        statement="SWAT cuts the memory of saved activations by 23 to 50 %.",
        says="23 to 50 %",
        kind="exact",
        chapter=CHAPTER,
        needs="The count over all rows of Tables 2 to 5, and bytes held by a live network.",
        decision=_activation_memory,
        limits="Bytes are those of ResNet-18 on images of 32 x 32 pixels, saved as values and "
        "bits.",
        weakness="The paper counts elements and leaves out where the kept ones stand.",
    ),
    Claim(
        id="n-abs-weight-memory",
        paper="N",
        place="Abstract; I Abstract (50 to 80 %)",
        statement="SWAT cuts the memory of weights in the backward pass by 50 to 90 %.",
        says="50 to 90 %",
        kind="exact",
        chapter=CHAPTER,
        needs="Weights that a backward pass reads, and bytes that a training step holds for them.",
        decision=_weight_memory,
        limits="Values read are counted on ResNet-50. Bytes held are the weights, gradients and "
        "momentum of a live step.",
        weakness="Section 3.3 of the submission speaks of reads of memory, the abstracts of its "
        "size. Table 2 has rows with 95 %.",
    ),
    Claim(
        id="n-t4-act-reduction",
        paper="N",
        place="Table 4, Act column",
        statement="The activation reductions of structured SWAT on CIFAR-10 are the activation "
        "sparsities times the convolutions' share of the saved elements.",
        says="25.0 to 36.4 %, six rows",
        kind="exact",
        chapter=CHAPTER,
        needs="The share of saved elements from shapes, six rows.",
        decision=partial(_table_cells, "swat-table-4", 0.15),
    ),
    Claim(
        id="n-t5-act-reduction",
        paper="N",
        place="Table 5, Act column",
        statement="The activation reductions of structured SWAT on ImageNet are the activation "
        "sparsities times the convolutions' share of the saved elements.",
        says="24.5 to 34.3 %, six rows",
        kind="exact",
        chapter=CHAPTER,
        needs="The share of saved elements from shapes, six rows.",
        decision=partial(_table_cells, "swat-table-5", 0.25),
        weakness="No share gives all cells of WRN-50-2 in Tables 3 and 5.",
    ),
    Claim(
        id="n-bigger-models",
        paper="N",
        place="Section 6",
        statement="The memory that SWAT frees lets a larger model be trained in the same memory.",
        says="bigger models (no number)",
        kind="measurement",
        chapter=CHAPTER,
        needs="Peak memory of a training step, SWAT compressed over dense, and the widest "
        "network at equal peak memory.",
        decision=_bigger_models,
        limits="A small residual network, 64 images of 32 x 32 pixels, 90 %. Weights and "
        "momentum are counted; what an operation needs inside for a moment is not.",
    ),
    *memory_iclr.CLAIMS,
)

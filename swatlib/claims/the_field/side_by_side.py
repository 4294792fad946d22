"""Claims about SWAT and FST among the other methods.

DST finds its own sparsity. Where a claim compares methods at one sparsity, DST is left out and the
claim's limits say so.
"""

from functools import partial

from swatlib.claims.claim import Claim, Trained
from swatlib.claims.effect import Effect, Way, against_dense, way
from swatlib.claims.judge import RECORDS
from swatlib.claims.quantity import MissingRecords, Quantity, fact
from swatlib.claims.scales import FULL, SMALL_DIGITS, SMALL_PATCHES, spelled
from swatlib.experiments.field import COMPARED
from swatlib.papers import paper_table
from swatlib.records import Record, iterate_records

CHAPTER = "6-the-field/02-side-by-side"
_SMALL = "small networks and 32x32 photographs for ResNet-50 on ImageNet"
_NO_DST = f"{_SMALL}; DST, which finds its own sparsity, is left out"


def _watched(one: Way, swat: bool) -> Way:
    """Return a way as the experiments of the field have it: the methods side by side watched."""
    compared = (one["method"], one["options"]) in COMPARED.values() and one["sparsity"] >= 0.8
    if not compared or (one["method"] == "swat" and not swat):
        return one
    return {**one, "observe": "active-weights"}


FIELD_FULL = spelled(FULL, FULL.name, partial(_watched, swat=False), ("photographs-field",))
FIELD_PATCHES = spelled(
    SMALL_PATCHES,
    SMALL_PATCHES.name,
    partial(_watched, swat=True),
    ("field-patches", "field-mild-patches"),
)
FIELD_DIGITS = spelled(
    SMALL_DIGITS, SMALL_DIGITS.name, partial(_watched, swat=True), ("field-digits",)
)
SCALES = (FIELD_FULL, FIELD_PATCHES, FIELD_DIGITS)


def _at(name: str, sparsity: float) -> Way:
    method, options = COMPARED[name]
    return way(method, sparsity, **options)


def _over(sparsity: float, *others: str) -> tuple[Effect, ...]:
    """Return SWAT-U minus each of the others at a sparsity, expected above."""
    return tuple(
        Effect(f"over {other}", _at("SWAT-U", sparsity), _at(other, sparsity), "above")
        for other in others
    )


def _order(sparsity: float) -> tuple[Effect, ...]:
    """Return SNFS over the others, and the others over SET, at a sparsity."""
    percent = f"{100 * sparsity:.0f} %"
    snfs, dsr, rigl, last = (_at(name, sparsity) for name in ("SNFS", "DSR", "RigL", "SET"))
    return (
        Effect(f"{percent}, SNFS over DSR and RigL", snfs, (dsr, rigl), "above"),
        Effect(f"{percent}, SNFS, DSR and RigL over SET", (snfs, dsr, rigl), last, "above"),
    )


def _comparable(sparsity: float) -> Effect:
    others = ("SET", "RigL", "SNFS", "DSR", "DPF")
    return Effect(
        f"{100 * sparsity:.0f} %",
        _at("SWAT-U", sparsity),
        tuple(_at(name, sparsity) for name in others),
        "level",
    )


def removed_early() -> tuple[Quantity, ...]:
    """Return how many weights DST has removed after 5 of 90 parts of its runs, in percent.

    Raises
    ------
    MissingRecords
        If no run of DST is there.
    """
    early: dict[str, list[float]] = {}
    for name in ("field-patches", "field-digits"):
        folder = RECORDS / name
        if not folder.is_dir():
            raise MissingRecords(f"the runs of DST: `swatlib sweep {name}`")
        for one in iterate_records(folder):
            if one.specification["method"] == "dst":
                early.setdefault(name.removeprefix("field-"), []).append(_removed(one, 5 / 90))
    return tuple(
        fact(
            name,
            sum(shares) / len(shares),
            "more than 70 %",
            holds=min(shares) > 70,
            direction=min(shares) > 50,
            unit="%",
        )
        for name, shares in early.items()
    )


def _removed(one: Record, fraction: float) -> float:
    observed = one.metrics["observed"]
    batches = -(-one.metrics["train_images"] // one.specification["batch_size"])
    wanted = fraction * batches * one.specification["epochs"]
    seen = [
        d for step, d in zip(observed["steps"], observed["density"], strict=True) if step <= wanted
    ]
    return 100 * (1 - seen[-1]) if seen else 0.0


def dst_against_rigl() -> tuple[Quantity, ...]:
    """Return by how much DST saves more training operations than RigL, by the paper's Table 3."""
    rows = paper_table("swat-table-3")
    rows = rows[rows["quantity"] == "train_flops_reduction"]
    saved = {(row.method, round(float(row.level), -1)): row.number for row in rows.itertuples()}
    found = []
    for level in (80.0, 90.0):
        lead = saved["DST", level] - saved["RigL", level]
        found.append(
            fact(f"{level:.0f} %", lead, "DST saves more", lead > 0, unit="points of operations")
        )
    return tuple(found)


CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="n-t2-m-beats-snfs-dst",
        paper="N",
        place="Section 4.2, Table 2",
        statement="At 95 % sparsity SWAT-M is more accurate than SNFS.",
        says="VGG-16 +0.10, WRN-16-8 +0.59 points",
        kind="training",
        chapter=CHAPTER,
        needs="SWAT-M and SNFS at 95 % under one recipe on CIFAR-10, about twelve seeds for "
        "the paper's 0.33.",
        limits=_NO_DST,
        weakness="The dense runs it is compared with differ between the methods (93.30, 93.41 and "
        "93.75 % on VGG-16).",
        decision=Trained(
            (
                Effect(
                    "over SNFS",
                    way("swat", 0.95, allocation="momentum"),
                    _at("SNFS", 0.95),
                    "above",
                    0.33,
                ),
            ),
            SCALES,
        ),
    ),
    Claim(
        id="n-t2-m-beats-dst",
        paper="N",
        place="Section 4.2, Table 2",
        statement="At about 95 % sparsity SWAT-M is more accurate than DST.",
        says="VGG-16 +0.39, WRN-16-8 +0.24 points",
        kind="training",
        chapter=CHAPTER,
        needs="DST with a penalty that makes it 95 % sparse, beside SWAT-M, on CIFAR-10.",
        limits=_SMALL,
    ),
    Claim(
        id="n-t2-u-beats-on-wrn",
        paper="N",
        place="Section 4.2, Table 2",
        statement="On a wide residual network SWAT-U at 90 % is more accurate than SNFS and DST "
        "at 95 %.",
        says="+0.75 and +0.40 points",
        kind="training",
        chapter=CHAPTER,
        needs="SWAT-U, SNFS and DST at 90 and at 95 % on a wide residual network, about six seeds.",
        limits=_SMALL,
        weakness="It compares 90 % with 95 % sparsity.",
    ),
    Claim(
        id="n-t3-u-highest",
        paper="N",
        place="Section 4.2, Table 3",
        statement="At 80 % SWAT-U is more accurate than SET, DSR, SNFS and RigL.",
        says="75.2 % against 73.4, 74.1, 74.9 and 74.6",
        kind="training",
        chapter=CHAPTER,
        needs="SWAT-U, SET, DSR, SNFS and RigL at 80 % under one recipe, three seeds on 100 "
        "classes and five on CIFAR-10, at equal weights and at equal operations.",
        limits=_NO_DST,
        weakness="RigL's number is quoted from its paper, the others were trained again; the "
        "paper's own SWAT-ERK reaches 76.0 %.",
        decision=Trained(_over(0.8, "SET", "DSR", "SNFS", "RigL"), SCALES),
    ),
    Claim(
        id="n-t3-u-beats-dst",
        paper="N",
        place="Section 4.2, Table 3",
        statement="At 80 % SWAT-U is more accurate than DST.",
        says="75.2 % against 74.0",
        kind="training",
        chapter=CHAPTER,
        needs="DST with a penalty that makes it 80 % sparse, beside SWAT-U, on 100 classes.",
        limits=_SMALL,
    ),
    Claim(
        id="n-t3-other-methods-accuracy",
        paper="N",
        place="Table 3",
        statement="At 80 and 90 % SNFS leads DSR and RigL, and SET comes last of the four.",
        says="80 %: 73.4 to 74.9; 90 %: 71.3 to 72.9",
        kind="training",
        chapter=CHAPTER,
        needs="SET, DSR, SNFS, RigL and DST, each with its own growth schedule, at 80 and 90 % on"
        " 100 classes.",
        limits=_NO_DST,
        decision=Trained((*_order(0.8), *_order(0.9)), SCALES),
    ),
    Claim(
        id="n-dst-less-than-rigl",
        paper="N",
        place="Section 4.2, Table 3",
        statement="DST trains with fewer operations than RigL at the same sparsity.",
        says="fewer",
        kind="exact",
        chapter=CHAPTER,
        needs="The paper's own Table 3.",
        decision=dst_against_rigl,
        weakness="Table 3 has DST save less than RigL at 80 %.",
    ),
    Claim(
        id="n-dst-discards-70-in-5",
        paper="N",
        place="Section 4.2",
        statement="DST has removed most of its weights after the first epochs.",
        says="more than 70 % after 5 of 90 epochs",
        kind="measurement",
        chapter=CHAPTER,
        needs="DST at 80 and 90 % on 100 classes, its sparsity watched.",
        limits=_SMALL,
        decision=removed_early,
        trained="digits and photograph patches, penalties that make DST 60 to 95 % sparse",
    ),
    Claim(
        id="n-fig6-best-tradeoff",
        paper="N",
        place="Section 4.2, Figure 6",
        statement="No other method is both more accurate and cheaper in training than SWAT-U.",
        says="SWAT-U on the front at 76.1 and 85.6 % fewer operations",
        kind="training",
        chapter=CHAPTER,
        needs="SWAT-U, SET, DSR, SNFS, RigL and DST at 80 and 90 % on 100 classes, with their "
        "operations counted; 1.5 points or 2 points of operations to lie in front.",
        limits=_SMALL,
        weakness="In Table 3 SWAT-ERK lies on the front too.",
    ),
    Claim(
        id="n-comparable-to-others",
        paper="N",
        place="Section 5",
        statement="At equal sparsity SWAT is as accurate as SET, RigL, SNFS, DSR and DPF.",
        says="comparable",
        kind="training",
        chapter=CHAPTER,
        needs="SWAT, SET, RigL, SNFS, DSR, DST and DPF at 80, 90 and 95 % on CIFAR-10 and on 100 "
        "classes.",
        limits=_NO_DST,
        decision=Trained((_comparable(0.8), _comparable(0.9)), SCALES),
    ),
    Claim(
        id="n-dsg-3-points",
        paper="N",
        place="Section 2; I Section 3.2",
        statement="DSG loses about three points at 50 %.",
        says="-3 points; the submission quotes -2.83 (ResNet-18) and -1.54 (VGG-16)",
        kind="training",
        chapter=CHAPTER,
        needs="DSG at 50 % minus dense, residual and plain network, on 100 classes and CIFAR-10.",
        limits=_SMALL,
        weakness="Quoted from DSG's paper, not trained again; the two papers differ.",
        decision=Trained(against_dense("dsg", (0.5,), -3.0, 1.5), SCALES[:2]),
    ),
    Claim(
        id="i-beats-dsg",
        paper="I",
        place="Abstract, Sections 1, 3.2 and 6, Figure 5b",
        statement="At 50 % SWAT and SAW lose less than DSG.",
        says="+2.56 (ResNet-18) and +0.68 points (VGG-16)",
        kind="training",
        chapter=CHAPTER,
        needs="SWAT and SAW minus DSG at 50 and 70 % under one recipe on 100 classes, at equal "
        "weights and at equal operations.",
        limits=_SMALL,
        weakness="DSG's numbers are quoted from its paper.",
        decision=Trained(
            (
                Effect("SWAT", way("swat", 0.5), way("dsg", 0.5), "above", 1.5),
                Effect("SAW", way("saw", 0.5), way("dsg", 0.5), "above", 1.5),
            ),
            SCALES[:2],
        ),
    ),
    Claim(
        id="f-t3-channel-3",
        paper="F",
        place="Section 7.2, Table 3",
        statement="Soft pruning of 30 % of the channels loses about three points.",
        says="-3.2 (ResNet-18) and -1.8 points (ResNet-50)",
        kind="training",
        chapter=CHAPTER,
        needs="ASFP and SFP at 30 % of the filters minus dense, on 100 classes and CIFAR-10.",
        limits=_SMALL,
        weakness="One run each; ResNet-50's row says 1.8, the text about 3.",
        decision=Trained(against_dense("asfp", (0.3,), -3.0, 1.5), SCALES[:2]),
    ),
    Claim(
        id="f-t3-unstructured-50",
        paper="F",
        place="Table 3",
        statement="At 50 % DPF and RigL lose about a point, more than FST.",
        says="DPF -0.8, RigL -1.1; FST +0.5 and +0.8 points over them",
        kind="training",
        chapter=CHAPTER,
        needs="DPF and RigL at 50 %, FST and dense, five seeds on CIFAR-10 and on 100 classes.",
        limits=_SMALL,
        weakness="One run each.",
        decision=Trained(
            (
                *against_dense("dpf", (0.5,), "below", 0.65, label="DPF less dense, "),
                *against_dense("rigl", (0.5,), "below", 0.65, label="RigL less dense, "),
                Effect("FST over DPF", way("fst", 0.5), way("dpf", 0.5), "above", 0.65),
                Effect("FST over RigL", way("fst", 0.5), way("rigl", 0.5), "above", 0.65),
            ),
            SCALES[:2],
        ),
    ),
    Claim(
        id="f-t3-channel-training",
        paper="F",
        place="Table 3",
        statement="Pruning channels or patterns while training (PruneTrain, ClickTrain) loses more "
        "than FST.",
        says="-2.3 and -1.1; FST +2.0 and +0.8 points over them",
        kind="training",
        chapter=CHAPTER,
        needs="PruneTrain and ClickTrain as methods; a group lasso on channels would stand in.",
        weakness="One run each, quoted.",
    ),
)

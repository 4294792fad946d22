"""Claims about SWAT and FST among the other methods.

All but one need methods that this library does not have; each says which, and at what setting.
"""

from swatlib.claims.claim import Claim
from swatlib.claims.quantity import Quantity, fact
from swatlib.papers import paper_table

CHAPTER = "6-the-field/01-scorecard"
_SMALL = "small networks and 32x32 photographs for ResNet-50 on ImageNet"


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
        statement="At about 95 % sparsity SWAT-M is more accurate than SNFS and DST.",
        says="VGG-16 +0.10 and +0.39, WRN-16-8 +0.59 and +0.24 points",
        kind="training",
        chapter=CHAPTER,
        needs="SNFS and DST as methods; SWAT-M, SNFS and DST at 95 % under one recipe on CIFAR-10, "
        "five seeds for equality within 1 point, about twelve for the paper's 0.33.",
        limits=_SMALL,
        weakness="The dense runs it is compared with differ between the methods (93.30, 93.41 and "
        "93.75 % on VGG-16).",
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
        needs="SNFS and DST as methods; all three at 90 and at 95 % on a wide residual network, "
        "about six seeds.",
        limits=_SMALL,
        weakness="It compares 90 % with 95 % sparsity.",
    ),
    Claim(
        id="n-t3-u-highest",
        paper="N",
        place="Section 4.2, Table 3",
        statement="At 80 % SWAT-U is more accurate than SET, DSR, SNFS, RigL and DST.",
        says="75.2 % against 73.4, 74.1, 74.9, 74.6 and 74.0",
        kind="training",
        chapter=CHAPTER,
        needs="SET, DSR, SNFS, RigL and DST as methods; all at 80 % under one recipe, three seeds "
        "on 100 classes and five on CIFAR-10, at equal weights and at equal operations.",
        limits=_SMALL,
        weakness="RigL's number is quoted from its paper, the others were trained again; the "
        "paper's own SWAT-ERK reaches 76.0 %.",
    ),
    Claim(
        id="n-t3-other-methods-accuracy",
        paper="N",
        place="Table 3",
        statement="At 80 and 90 % SNFS leads the earlier methods and SET comes last.",
        says="80 %: 73.4 to 74.9; 90 %: 71.3 to 72.9",
        kind="training",
        chapter=CHAPTER,
        needs="SET, DSR, SNFS, RigL and DST as methods, each with its own growth schedule, at 80 "
        "and 90 %.",
        limits=_SMALL,
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
        needs="DST as a method, its sparsity logged by epoch.",
        limits=_SMALL,
    ),
    Claim(
        id="n-fig6-best-tradeoff",
        paper="N",
        place="Section 4.2, Figure 6",
        statement="No other method is both more accurate and cheaper in training than SWAT-U.",
        says="SWAT-U on the front at 76.1 and 85.6 % fewer operations",
        kind="training",
        chapter=CHAPTER,
        needs="SET, DSR, SNFS, RigL and DST as methods at 80 and 90 % on 100 classes, with their "
        "operations counted; 1.5 points or 2 points of operations to lie in front.",
        limits=_SMALL,
        weakness="In Table 3 SWAT-ERK lies on the front too.",
    ),
    Claim(
        id="n-comparable-to-others",
        paper="N",
        place="Section 5",
        statement="SWAT is as accurate as other methods of sparse learning at equal sparsity.",
        says="comparable",
        kind="training",
        chapter=CHAPTER,
        needs="SET, RigL, SNFS, DSR, DST and DPF as methods at 80, 90 and 95 %.",
        limits=_SMALL,
    ),
    Claim(
        id="n-dsg-3-points",
        paper="N",
        place="Section 2; I Section 3.2",
        statement="DSG loses about three points at 50 %.",
        says="-3 points; the submission quotes -2.83 (ResNet-18) and -1.54 (VGG-16)",
        kind="training",
        chapter=CHAPTER,
        needs="DSG as a method; DSG at 50 % minus dense, residual and plain network.",
        limits=_SMALL,
        weakness="Quoted from DSG's paper, not trained again; the two papers differ.",
    ),
    Claim(
        id="i-beats-dsg",
        paper="I",
        place="Abstract, Sections 1, 3.2 and 6, Figure 5b",
        statement="At 50 % SWAT and SAW lose less than DSG.",
        says="+2.56 (ResNet-18) and +0.68 points (VGG-16)",
        kind="training",
        chapter=CHAPTER,
        needs="DSG as a method; SWAT minus DSG at 50 and 70 % under one recipe, at equal weights "
        "and at equal operations.",
        limits=_SMALL,
        weakness="DSG's numbers are quoted from its paper.",
    ),
    Claim(
        id="f-quantised-gradients-need-more",
        paper="F",
        place="Section 4, of DoReFa-Net",
        statement="At equal bits, quantising output gradients costs more accuracy than quantising "
        "weights or activations.",
        says="more (no number)",
        kind="training",
        chapter=CHAPTER,
        needs="A quantising selector; one operand at 2, 4 and 6 bits minus dense, five seeds.",
    ),
    Claim(
        id="f-t3-channel-3",
        paper="F",
        place="Section 7.2, Table 3",
        statement="Soft pruning of 30 % of the channels loses about three points.",
        says="-3.2 (ResNet-18) and -1.8 points (ResNet-50)",
        kind="training",
        chapter=CHAPTER,
        needs="SFP and ASFP as methods; 30 % of the filters minus dense.",
        limits=_SMALL,
        weakness="One run each; ResNet-50's row says 1.8, the text about 3.",
    ),
    Claim(
        id="f-t3-unstructured-50",
        paper="F",
        place="Table 3",
        statement="At 50 % DPF and RigL lose about a point, more than FST.",
        says="DPF -0.8, RigL -1.1; FST +0.5 and +0.8 points over them",
        kind="training",
        chapter=CHAPTER,
        needs="DPF and RigL as methods; both at 50 %, FST and dense, about five seeds.",
        limits=_SMALL,
        weakness="One run each.",
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

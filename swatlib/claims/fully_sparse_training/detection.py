"""Claims about detectors under FST."""

from dataclasses import replace

from swatlib.accounting import PRODUCTS, Network, count, method_densities, trace
from swatlib.claims.claim import Claim, Trained
from swatlib.claims.effect import Effect, Scale
from swatlib.claims.fully_sparse_training.lines import (
    LINE,
    ONE_RUN,
)
from swatlib.claims.fully_sparse_training.two_to_four import convolutions
from swatlib.claims.quantity import Quantity, cells, close, fact
from swatlib.detection.detector import Detector
from swatlib.experiments.detection import SCENES
from swatlib.papers import paper_number, paper_table
from swatlib.records import Record

CHAPTER = "5-fully-sparse-training/07-detection"


def average_precision(record: Record) -> float:
    """Return COCO's average precision over ten thresholds, in percent; 0 of a diverged run."""
    return float(record.metrics["AP"])


def average_precision_50(record: Record) -> float:
    """Return the average precision at an IoU of 0.5, VOC's measure; 0 of a diverged run."""
    return float(record.metrics["AP50"])


DETECTOR = Scale(
    "scenes at 32x32", (SCENES,), ("detection",), reached=average_precision, unit="points of AP"
)


def _detection_drop() -> tuple[Quantity, ...]:
    limit = paper_number("fst-text", "detection_loss_below")
    drops = detection_drops()
    return (
        cells("pairs of Table 4", [drop < limit for drop in drops], f"all lose less than {limit}"),
        fact(
            "largest drop",
            max(drops),
            f"less than {limit}",
            max(drops) < limit,
            max(drops) <= limit,
            unit="points",
        ),
    )


def detection_drops() -> list[float]:
    """Return what FST loses in each pair of FST's Table 4, in points."""
    table = paper_table("fst-table-4")
    table = table[table["quantity"] == "mAP"]
    wide = table.pivot(index=["level", "network"], columns="method", values="number")
    return [float(drop) for drop in (wide["Dense"] - wide["FST"]).round(1)]


def speedup(network: Network) -> float:
    """Return dense over remaining multiply-accumulates of a training step under FST."""
    total = count(network, method_densities("fst", network, 0.5)).totals()
    return float(
        sum(total[f"{product}_dense"] for product in PRODUCTS)
        / sum(total[product] for product in PRODUCTS)
    )


def _detector_speedup() -> tuple[Quantity, ...]:
    table = paper_table("fst-table-4")
    chosen = (table["quantity"] == "speedup") & (table["method"] == "FST")
    (stated,) = table.loc[chosen, "number"].unique()
    networks = {
        "the detector of this book": trace(Detector(classes=20), (1, 3, 64, 64)),
        "convolutions of VGG-16": convolutions("vgg16"),
        "convolutions of ResNet-50": convolutions("resnet50"),
    }
    return tuple(
        close(name, speedup(network), float(stated), 0.05) for name, network in networks.items()
    )


def _detectors(data: str) -> str:
    rows = paper_table("fst-table-4")
    rows = rows[(rows["quantity"] == "mAP") & (rows["level"] == data)]
    wide = rows.pivot(index="network", columns="method", values="number")
    return ", ".join(
        f"{row['FST'] - row['Dense']:+.1f} points on {name} ({row['FST']} against {row['Dense']})"
        for name, row in wide.iterrows()
    )


CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="f-t4-voc",
        paper="F",
        place="Table 4, VOC rows",
        statement="On PASCAL VOC detectors under FST are level with dense ones or better.",
        says=_detectors("VOC"),
        kind="training",
        chapter=CHAPTER,
        needs="A detector that has converged, at least 10 seeds.",
        decision=Trained(
            (
                Effect(
                    "FST minus dense",
                    LINE[5],
                    LINE[1],
                    "not below",
                    metric=average_precision_50,
                    unit="points of AP50",
                ),
            ),
            (replace(DETECTOR, reached=average_precision_50, unit="points of AP50"),),
        ),
        limits="A one-stage detector, 300 steps on digits painted on photographs.",
        weakness=ONE_RUN,
    ),
    Claim(
        id="f-t4-coco",
        paper="F",
        place="Table 4, COCO rows",
        statement="On COCO detectors under FST are level with dense ones.",
        says=_detectors("COCO"),
        kind="training",
        chapter=CHAPTER,
        needs="A detector that has converged on a subset of COCO, at least 10 seeds.",
        decision=Trained(
            (
                Effect(
                    "FST minus dense",
                    LINE[5],
                    LINE[1],
                    "level",
                    metric=average_precision,
                    unit="points of AP",
                ),
            ),
            (DETECTOR,),
        ),
        limits="A one-stage detector, 300 steps on digits painted on photographs; on COCO "
        "there is one pair of runs, which over-fits.",
        weakness=ONE_RUN,
    ),
    Claim(
        id="f-detection-below-02",
        paper="F",
        place="Section 7.3; Table 4",
        statement="In every case of detection FST loses less than 0.2 points.",
        says="less than 0.2 points",
        kind="exact",
        chapter=CHAPTER,
        needs="Table 4, subtracted.",
        decision=_detection_drop,
        weakness="The last pair of Table 4 drops by exactly 0.2 points.",
    ),
    Claim(
        id="f-detection-generalises",
        paper="F",
        place="Section 7.3",
        statement="FST loses as little on two-stage detectors as on one-stage ones.",
        says=f"{_detectors('VOC')}; {_detectors('COCO')}",
        kind="training",
        chapter=CHAPTER,
        needs="A two-stage detector, which is not built here, beside the one-stage one; FST minus "
        "dense on both, at least 10 seeds.",
        weakness=ONE_RUN,
    ),
    Claim(
        id="f-t4-speedup",
        paper="F",
        place="Table 4, last column",
        statement="A whole detector trains twice as fast under FST, counted in operations.",
        says="2x in all four rows",
        kind="exact",
        chapter=CHAPTER,
        needs="Operations of a step that remain, all layers counted.",
        decision=_detector_speedup,
        limits="A count; no step of a detector is timed, in the paper nor here. The linear layers "
        "of a Faster R-CNN, whose weight gradient stays dense, are not counted.",
    ),
)

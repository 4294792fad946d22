"""Does fully sparse training keep the average precision of a detector? (FST Table 4.)"""

from dataclasses import replace
from itertools import product

from swatlib.detection.training import DetectionRun

SEEDS = range(5)
SCENES = DetectionRun(
    data="scenes-one-class", pixels=32, images=800, epochs=6, batch_size=16, lr=0.1
)
# Large enough to decide: 64 pixels, all 2,000 scenes, 2,000 steps.
SCENES_64 = replace(SCENES, pixels=64, images=None, epochs=16)
RATE = 0.2
"""The best of the dense rates; FST's own is OWN_RATE (see "detection-64-rates")."""
OWN_RATE = 0.05
RATES = (0.05, 0.1, 0.2, 0.4)
TUNING_SEED = 100
"""None of the seeds that are judged."""
# Over-fitting: without weight decay, measured on the training images. Needs SWATLIB_DATA.
COCO = DetectionRun(
    data="coco256-detection",
    pixels=64,
    images=24,
    evaluated_on="train",
    epochs=60,
    batch_size=4,
    lr=0.05,
    weight_decay=0.0,
)


def scenes() -> list[DetectionRun]:
    """Train on scenes dense, with FST, and with FST without information restoration."""
    methods = {"dense": 0.0, "fst": 0.5, "fst-unrestored": 0.5}
    cells = product(SEEDS, methods.items())
    return [replace(SCENES, method=m, sparsity=s, seed=seed) for seed, (m, s) in cells]


def rates_64() -> list[DetectionRun]:
    """Choose the peak learning rate: on dense runs, and on FST's own for comparison.

    The last two are twice as long as the others: has dense training stopped rising?
    """
    tuned = replace(SCENES_64, seed=TUNING_SEED)
    dense = [replace(tuned, lr=rate) for rate in RATES]
    sparse = [replace(run, method="fst", sparsity=0.5) for run in dense]
    return [*dense, *sparse, *(replace(run, epochs=2 * run.epochs) for run in dense[2:])]


def scenes_64() -> list[DetectionRun]:
    """Train on scenes of 64 pixels: dense, SR-STE, and FST's lines 3 to 5, five seeds.

    All at the rate tuned on dense runs; FST with restoration at its own best rate too.
    """
    arms = ("dense", "sr-ste", "fst", "fst-unrestored", "fst-weights")
    ways = [
        replace(SCENES_64, method=m, sparsity=0.0 if m == "dense" else 0.5, lr=RATE) for m in arms
    ]
    ways.append(replace(ways[2], lr=OWN_RATE))
    return [replace(way, seed=seed) for seed, way in product(SEEDS, ways)]


def coco() -> list[DetectionRun]:
    """Over-fit 24 COCO photographs, dense and with FST: can the detector learn real boxes?"""
    return [replace(COCO, method="dense"), replace(COCO, method="fst", sparsity=0.5)]

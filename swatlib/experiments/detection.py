"""Does fully sparse training keep the average precision of a detector? (FST Table 4.)"""

from dataclasses import replace
from itertools import product

from swatlib.detection.training import DetectionRun

SEEDS = range(5)
SCENES = DetectionRun(
    data="scenes-one-class", pixels=32, images=800, epochs=6, batch_size=16, lr=0.1
)
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


def coco() -> list[DetectionRun]:
    """Over-fit 24 COCO photographs, dense and with FST: can the detector learn real boxes?"""
    return [replace(COCO, method="dense"), replace(COCO, method="fst", sparsity=0.5)]

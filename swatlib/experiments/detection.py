"""Does fully sparse training keep the average precision of a detector? (FST Table 4.)"""

from itertools import product

from swatlib.detection.training import DetectionRun

SEEDS = (0, 1, 2, 3, 4)
METHODS = {"dense": 0.0, "fst": 0.5, "fst-unrestored": 0.5, "sr-ste": 0.5}


def scenes() -> list[DetectionRun]:
    """Train dense, with FST, without its restoration, and with sparse weights only, on scenes."""
    return [
        DetectionRun(
            method=method, sparsity=sparsity, images=1500, epochs=10, batch_size=16, lr=0.1, seed=s
        )
        for s, (method, sparsity) in product(SEEDS, METHODS.items())
    ]


def coco() -> list[DetectionRun]:
    """Over-fit 32 COCO photographs, dense and with FST: can the detector learn real boxes at all?

    Average precision is measured on the training images. Needs ``SWATLIB_DATA``.
    """
    return [
        DetectionRun(
            data="coco256-detection",
            pixels=128,
            images=32,
            evaluated_on="train",
            method=method,
            sparsity=METHODS[method],
            epochs=60,
            batch_size=8,
            lr=0.1,
            weight_decay=0.0,
        )
        for method in ("dense", "fst")
    ]

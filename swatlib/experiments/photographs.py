"""Every training claim on full-size photographs: one grid, one recipe, one precision.

The dense recipe was tuned on dense runs alone and then frozen for all methods. A run is 6,256 steps
on all 50,000 training images of CIFAR-10, tested on all 10,000; the last epoch counts.
"""

from dataclasses import replace
from itertools import product

from swatlib.experiments.fst import ABLATION, STRATEGIES
from swatlib.experiments.grid import MORE_SEEDS, SEEDS, unique
from swatlib.training import DENSE, Run

PHOTOGRAPHS = Run(
    data="cifar10-jpeg75",
    network="small_resnet",
    width=48,
    epochs=16,
    batch_size=128,
    lr=0.2,
    momentum=0.9,
    nesterov=True,
    weight_decay=5e-4,
    schedule="one-cycle",
    label_smoothing=0.1,
    flips=True,
    shifts=3,
    precision="bfloat16",
)


def _with_seeds(*ways: Run, seeds: tuple[int, ...] = SEEDS) -> list[Run]:
    return [replace(way, seed=seed) for seed, way in product(seeds, ways)]


def _way(method: str, sparsity: float, **fields: object) -> Run:
    return replace(PHOTOGRAPHS, method=method, sparsity=sparsity, **fields)  # type: ignore[arg-type]


def photographs() -> list[Run]:
    """All claims, the most important first: three seeds, five where a verdict hangs on them."""
    dense, way = replace(PHOTOGRAPHS, **DENSE), _way
    swat = way("swat", 0.9)
    published = [way(f"forward-{operand}", 0.9) for operand in ("weight", "activation")]
    matched = [replace(run, options={"matched": True}) for run in published]
    variants: tuple[dict[str, object], ...] = ({"over": "CHW"}, {"over": "HW"}, {"random": True})
    return unique(
        [
            *_with_seeds(dense),
            *_with_seeds(*[way("swat", s) for s in (0.9, 0.8, 0.5, 0.7, 0.95)]),
            *_with_seeds(way("saw", 0.9), way("saw", 0.8)),
            *_with_seeds(*matched, *published),
            *_with_seeds(way("backward-gradient", 0.9), way("meprop", 0.9)),
            *_with_seeds(
                *[
                    replace(swat, options={"allocation": a}, sparsity=s)
                    for s in (0.9, 0.95)
                    for a in ("erk", "momentum")
                ]
            ),
            *_with_seeds(*[way("saw", 0.9, options=options) for options in variants]),
            *_with_seeds(*[way("swat", s, options={"structured": "filter"}) for s in (0.5, 0.7)]),
            *_with_seeds(
                replace(swat, options={"masked_gradients": True}),
                replace(swat, options={"freeze_epoch": 0}),
                replace(swat, options={"freeze_epoch": 2}),
            ),
            *_with_seeds(replace(swat, options={"period": 100})),
            *_with_seeds(dense, *[way(line, 0.5) for line in ABLATION], seeds=MORE_SEEDS),
            *_with_seeds(*[way(strategy, 0.5) for strategy in STRATEGIES], seeds=MORE_SEEDS),
            *_with_seeds(*[replace(run, depth=20) for run in (dense, swat, way("saw", 0.9))]),
        ]
    )


def photographs_more() -> list[Run]:
    """What the claims about gradients and about single operands need beside 90 %."""
    classifier = {"classifier_dense": True}
    points = {
        "backward-gradient": (0.8, 0.7, 0.5),
        "meprop": (0.5, 0.3),
        "saw": (0.7, 0.5, 0.6),
        "swat": (0.6,),
        "forward-weight": (0.8, 0.7, 0.5),
        "forward-activation": (0.5,),
        "resprop": (0.5, 0.7, 0.9),
    }
    ways = [_way(method, sparsity) for method, chosen in points.items() for sparsity in chosen]
    gradients = ("backward-gradient", "meprop", "saw")
    ways += [_way(method, 0.9, options=classifier) for method in gradients]
    ways += [
        _way("saw", 0.95, options=options) for options in ({}, {"over": "CHW"}, {"over": "HW"})
    ]
    ways += [_way("saw", 0.25, options={"random": True})]
    ways += [_way("saw", 0.9, options=classifier | {"over": over}) for over in ("CHW", "HW")]
    ways += [
        _way("swat", sparsity, options={"first_layer_dense": False}) for sparsity in (0.9, 0.95)
    ]
    deep = (("backward-gradient", 0.5), ("backward-gradient", 0.8), ("meprop", 0.9))
    ways += [_way(method, sparsity, depth=20) for method, sparsity in deep]
    return _with_seeds(*ways)


def photographs_float32() -> list[Run]:
    """What bfloat16 changes: five methods once more in float32."""
    return [
        replace(PHOTOGRAPHS, precision=None, method=method, sparsity=sparsity)
        for method, sparsity in (
            ("dense", 0.0),
            ("swat", 0.9),
            ("saw", 0.9),
            ("meprop", 0.9),
            ("fst", 0.5),
        )
    ]


def photographs_100() -> list[Run]:
    """The claims that might fail with more classes, on a hundred classes of Tiny ImageNet."""
    base = replace(PHOTOGRAPHS, data="tiny-imagenet-100", pixels=32)
    dense = replace(base, **DENSE)
    ways = [("swat", 0.8), ("swat", 0.9), ("saw", 0.9), ("swat", 0.5)]
    runs = [replace(base, method=method, sparsity=sparsity) for method, sparsity in ways]
    swat = replace(base, method="swat", sparsity=0.9)
    more = [
        replace(swat, options={"allocation": "erk"}),
        replace(swat, options={"freeze_epoch": 0}),
        replace(base, method="backward-gradient", sparsity=0.9),
        replace(base, method="fst", sparsity=0.5),
        replace(base, method="sr-ste", sparsity=0.5),
    ]
    points = {"meprop": (0.5, 0.3), "saw": (0.8, 0.7, 0.5), "swat": (0.7,), "resprop": (0.5,)}
    more += [
        replace(base, method=method, sparsity=sparsity)
        for method, chosen in points.items()
        for sparsity in chosen
    ]
    more += [
        replace(swat, sparsity=sparsity, options={"allocation": allocation})
        for allocation, sparsity in (("erk", 0.8), ("momentum", 0.8), ("momentum", 0.9))
    ]
    more += [replace(swat, sparsity=s, options={"structured": "filter"}) for s in (0.5, 0.7)]
    more += [
        replace(base, **way, training_accuracy=True)
        for way in (DENSE, {"method": "meprop", "sparsity": 0.5})
    ]
    # Whether the dense network has converged: one that has gains little with twice the epochs.
    longer = replace(dense, epochs=2 * dense.epochs)
    return [*_with_seeds(dense), longer, *_with_seeds(*runs), *_with_seeds(*more)]

"""Why SWAT-U falls behind a random mask that never changes: its suspects, one taken away at a time.

At 95 % on the photograph patches. Static has the allocation of SWAT-U and a dense first layer, too;
so what tells them apart is which weights are active, how often that changes, and what dW reads.
SWAT-ERK, which has another allocation, and static itself are in the experiment "field-patches".
"""

from dataclasses import replace
from itertools import product
from typing import Any

from swatlib.experiments.grid import MORE_SEEDS, PATCHES
from swatlib.training import Run

SUSPECTED = 0.95
"""The sparsity."""

WITHOUT: dict[str, dict[str, Any]] = {
    "activations dense": {"activation_sparsity": 0.0},
    "activations dense, ERK": {"activation_sparsity": 0.0, "allocation": "erk"},
    "activations dense, weights chosen once": {"activation_sparsity": 0.0, "freeze_epoch": 0},
    "weights chosen once": {"freeze_epoch": 0},
    "weights chosen in the first epoch": {"freeze_epoch": 1},
    "first layer sparse": {"first_layer_dense": False},
    "classifier dense": {"classifier_dense": True},
}
"""Options of SWAT, by what a reader is told is then different. Once: before the first step."""


def field_suspects_patches() -> list[Run]:
    """SWAT at 95 % on patches with a suspect taken away or another one added; five seeds."""
    swat = replace(PATCHES, method="swat", sparsity=SUSPECTED)
    return [
        replace(swat, options=options, seed=seed)
        for seed, options in product(MORE_SEEDS, WITHOUT.values())
    ]

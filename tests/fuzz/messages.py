"""By which names messages call an argument, and what is admissible or not asked."""

from typing import Any

ALIASES: dict[tuple[str, str], list[str]] = {
    ("selectors.channels.TopChannels", "per"): ["structured"],
    ("simulator.live.masks_of", "x"): ["example"],
    ("accounting.methods.method_densities", "name"): ["method"],
    ("accounting.methods.named", "name"): ["method"],
    ("accounting.density.Density.product", "name"): ["product"],
    ("accounting.density.leaves_whole", "name"): ["operand"],
    ("core.operands.operand", "name"): ["operand"],
    ("methods.method", "name"): ["method"],
    ("methods.recipe", "method_name"): ["method"],
    ("accounting.methods.method_densities", "activation_sparsity"): ["act-sparsity"],
}
"""Other names by which a message calls an argument of a callable."""

ALSO_CALLED: dict[str, list[str]] = {
    "model": ["layer", "shapes"],
    "boxes": ["box"],
    "classes": ["label"],
    "height": ["box"],
    "width": ["box"],
    "sizes": ["shapes"],
    "count": ["images"],
    "text": ["line"],
    "digits": ["digit"],
    "layers": ["layer"],
    "runs": ["run"],
    "choice": ["threshold"],
    "inputs": ["x", "input"],
    "x": ["input", "weight"],
}
"""What the parts or the sizes of an argument are called."""

TORCH_SAYS = {
    "kernels.keep.": "in every step of every layer; torch names the sizes that do not broadcast",
    "kernels.kth_magnitude.": "in every step of every layer; torch names sizes that do not fit",
    "kernels.semi_structured.": "in every step of a pruned layer; torch names unfit sizes",
    "selectors.channels.": "in every step of every layer, and on the meta device too",
}
"""Callables whose tensors, dense and of a dtype they take, may be refused by torch itself."""


def torch_says(name: str) -> bool:
    return any(name.startswith(start) for start in TORCH_SAYS)


ADMISSIBLE: dict[tuple[str, str], list[Any]] = {
    ("selectors.topk.TopK", "sample"): [True],
}
"""Values of another kind that stand for something."""


def anything(name: str, argument: str) -> bool:
    """Say whether an argument is not fuzzed."""
    # A layer hands them on in every step; most selectors have no use for them.
    return name.endswith(".choose") and argument in ("state", "training", "weight")

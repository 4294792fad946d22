"""A sparse training step against the dense step of the same network."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from swatlib.bench.timing import Row, ratios, seconds
from swatlib.core.selector_state import SelectorState
from swatlib.methods import Recipe, meprop, saw, swat
from swatlib.models import build_network
from swatlib.selectors import Selector, kept_count
from swatlib.surgery.sparsify import sparsifiable, sparsify_
from swatlib.training.step import training_step as training_step

BATCH, PIXELS, SPARSITY = 128, 16, 0.9


@dataclass(frozen=True)
class SortedTopK(Selector):
    """Top-K in its simplest form: sort by magnitude, take K, scatter a mask."""

    sparsity: float
    period: int = 1

    def choose(
        self,
        x: Tensor,
        state: SelectorState | None = None,
        training: bool = True,
        weight: Tensor | None = None,
    ) -> Tensor:
        """Return the mask."""
        order = x.detach().abs().flatten().argsort(descending=True)
        mask = torch.zeros(x.numel(), dtype=torch.bool)
        mask[order[: kept_count(x.numel(), self.sparsity)]] = True
        return mask.view(x.shape)

    def __str__(self) -> str:
        return f"sorted TopK {self.sparsity:g}"


def obvious_swat(sparsity: float) -> Recipe:
    """Return SWAT with :class:`SortedTopK`."""
    w = SortedTopK(sparsity)
    return Recipe("SWAT, obvious", forward_weight=w, input_grad_weight=w, weight_grad_activation=w)


def structured_swat(model: nn.Module, sparsity: float) -> dict[str, Recipe]:
    """Return SWAT with channels per filter; the classifier, which has none, is unstructured."""
    _, *layers = sparsifiable(model)
    return {
        name: swat(sparsity, structured=None if isinstance(layer, nn.Linear) else "filter")
        for name, layer in layers
    }


def main() -> Iterator[Row]:
    """Yield the ratios for the three small families, in both memory formats."""
    methods: dict[str, Recipe | Mapping[str, Recipe]] = {
        "SWAT, exact threshold every step": swat(SPARSITY),
        "SWAT, sampled threshold every step": swat(SPARSITY, sample=True),
        "SWAT, period 16": swat(SPARSITY, period=16),
        "SWAT, obvious (sort and scatter)": obvious_swat(SPARSITY),
        "SAW, exact threshold every step": saw(SPARSITY),
        "meProp, per sample": meprop(SPARSITY),
        "meProp, unified": meprop(SPARSITY, unified=True),
    }
    for name in ("small_resnet", "small_vgg", "small_densenet"):
        for memory_format in (torch.contiguous_format, torch.channels_last):
            torch.manual_seed(0)
            plain = build_network(name, image=PIXELS).to(memory_format=memory_format)  # type: ignore[call-overload]
            x = torch.randn(BATCH, 3, PIXELS, PIXELS).to(memory_format=memory_format)
            y = torch.randint(0, 10, (BATCH,))
            recipes = methods | {"SWAT, structured per filter": structured_swat(plain, SPARSITY)}
            steps = {"dense": training_step(deepcopy(plain), x, y)} | {
                title: training_step(sparsify_(deepcopy(plain), recipe), x, y)
                for title, recipe in recipes.items()
            }
            layout = str(memory_format).removeprefix("torch.").replace("_format", "")
            title = f"{name}, width 32, batch {BATCH}, {PIXELS}x{PIXELS}, {layout}, {SPARSITY:.0%}"
            yield from ratios(title, seconds(steps, repeat=12), "dense")

"""Observers: measurements of a model after every step of its training.

An observer is called after every optimizer step, as ``train_run``'s ``on_step`` is, and sums up
what it saw in JSON values, which end up in the record of the run.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from swatlib.checked import checked
from swatlib.selectors import topk_threshold
from swatlib.surgery.sparsify import active_mask, sparse_layers


class MaskFlips:
    """Watch which weights are active: how many change state, how long they stay (SWAT 4.5).

    Every weight of the sparse layers is followed; the state is the one the next forward pass uses.
    """

    def __init__(self) -> None:
        self.before: dict[str, Tensor] = {}
        self.age: dict[str, Tensor] = {}
        self.ever: dict[str, Tensor] = {}
        self.changed: list[float] = []
        self.spells = torch.zeros(1, dtype=torch.int64)
        """Number of completed spells of activity by their length in steps."""

    @torch.no_grad()
    def __call__(self, step: int, model: nn.Module) -> None:
        """Look at the model after a step."""
        changed = total = 0
        for name, layer in sparse_layers(model):
            if layer.recipe.forward_weight is None:
                continue
            now = active_mask(layer)
            if name not in self.before:
                self.before[name], self.ever[name] = now, now.clone()
                self.age[name] = now.to(torch.int32)
                continue
            before = self.before[name]
            ended = self.age[name][before & ~now]
            lengths = ended.bincount(minlength=len(self.spells)).cpu()
            lengths[: len(self.spells)] += self.spells.to(lengths.dtype)
            self.spells = lengths
            self.age[name] = (self.age[name] + 1) * now
            self.ever[name] |= now
            changed += int((before ^ now).sum())
            total += now.numel()
            self.before[name] = now
        if total:
            self.changed.append(changed / total)

    def result(self) -> dict[str, Any]:
        """Sum up.

        Returns
        -------
        dict
            ``changed``: per step from the second on, the fraction of all weights that changed
            state; ``active``: the fraction active at the end; ``ever_active``: at any step;
            ``always_active``: at every step; ``spells``: completed spells by length, as
            [length, number] for the lengths that occurred.
        """
        if not self.before:
            return {"changed": [], "spells": []}
        steps = len(self.changed) + 1
        total = sum(mask.numel() for mask in self.before.values())

        def fraction(masks: Any) -> float:
            return int(sum(int(mask.sum()) for mask in masks)) / total

        return {
            "changed": [round(c, 7) for c in self.changed],
            "active": fraction(self.before.values()),
            "ever_active": fraction(self.ever.values()),
            "always_active": fraction(age == steps for age in self.age.values()),
            "spells": [[i, int(n)] for i, n in enumerate(self.spells.tolist()) if n],
        }


class Thresholds:
    """Watch the Top-K threshold of four layers' weights, and their density (SWAT Figure 4).

    The layers are spread evenly over the sparse ones. ``fresh`` is the exact threshold of the
    present weights. ``density`` is the fraction of weights active now; it differs from 1 - sparsity
    where the layer uses a sampled threshold or one from an earlier step.
    """

    @checked
    def __init__(self, layers: int = 4) -> None:
        self.layers = layers
        self.fresh: dict[str, list[float]] = {}
        self.density: dict[str, list[float]] = {}

    @torch.no_grad()
    def __call__(self, step: int, model: nn.Module) -> None:
        """Look at the model after a step."""
        sparse = {
            name: layer
            for name, layer in sparse_layers(model)
            if layer.recipe.forward_weight is not None
        }
        names = list(sparse)
        last = len(names) - 1
        chosen = sorted({round(i * last / max(1, self.layers - 1)) for i in range(self.layers)})
        for name in (names[i] for i in chosen if i <= last):
            layer: Any = sparse[name]
            threshold = topk_threshold(layer.weight, layer.recipe.forward_weight.sparsity)
            self.fresh.setdefault(name, []).append(round(float(threshold), 7))
            active = float(active_mask(layer).float().mean())
            self.density.setdefault(name, []).append(round(active, 6))

    def result(self) -> dict[str, Any]:
        """Return ``fresh`` and ``density``: per layer, one value for each step."""
        return {"fresh": self.fresh, "density": self.density}


class Exploration:
    """Watch the share of weights that were active at any step: Rs (Liu et al. 2021, section 3).

    Of all weights of the sparse layers. It begins at their density and never falls.
    """

    def __init__(self) -> None:
        self.ever: dict[str, Tensor] = {}
        self.explored: list[float] = []

    @torch.no_grad()
    def __call__(self, step: int, model: nn.Module) -> None:
        """Look at the model after a step."""
        for name, mask in _active(model):
            self.ever[name] = mask | self.ever.get(name, mask)
        total = sum(mask.numel() for mask in self.ever.values())
        if total:
            self.explored.append(sum(int(mask.sum()) for mask in self.ever.values()) / total)

    def result(self) -> dict[str, Any]:
        """Return ``explored``, one value for each step, and ``layers``, by layer at the end."""
        return {
            "explored": [round(rate, 7) for rate in self.explored],
            "layers": {name: round(float(m.float().mean()), 7) for name, m in self.ever.items()},
        }


class LayerDensities:
    """Watch how dense each layer's weights are: what a method costs whose layers change in size.

    Averages over the steps, because the cost of a step is linear in the density.
    """

    def __init__(self) -> None:
        self.sums: dict[str, float] = {}
        self.last: dict[str, float] = {}
        self.overall: list[float] = []

    @torch.no_grad()
    def __call__(self, step: int, model: nn.Module) -> None:
        """Look at the model after a step."""
        active = total = 0
        for name, mask in _active(model):
            n = int(mask.sum())
            self.last[name] = n / mask.numel()
            self.sums[name] = self.sums.get(name, 0.0) + self.last[name]
            active, total = active + n, total + mask.numel()
        if total:
            self.overall.append(active / total)

    def result(self) -> dict[str, Any]:
        """Sum up.

        Returns
        -------
        dict
            ``overall``: of all weights of the sparse layers, one value for each step; ``mean``: by
            layer, over the steps; ``last``: by layer, at the end.
        """
        steps = max(1, len(self.overall))
        return {
            "overall": [round(density, 7) for density in self.overall],
            "mean": {name: round(total / steps, 7) for name, total in self.sums.items()},
            "last": {name: round(density, 7) for name, density in self.last.items()},
        }


def _active(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    for name, layer in sparse_layers(model):
        if layer.recipe.forward_weight is not None:
            yield name, active_mask(layer)


OBSERVERS: dict[str, Any] = {
    "topology": MaskFlips,
    "thresholds": Thresholds,
    "exploration": Exploration,
    "densities": LayerDensities,
}
"""Observers by the name a run specification gives them."""

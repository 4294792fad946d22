"""Observers: measurements of a model after every step of its training.

An observer is called after every optimizer step, as ``train_run``'s ``on_step`` is, and sums up
what it saw in JSON values, which end up in the record of the run.
"""

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from swatlib import checks
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


class ActiveWeights:
    """Watch how dense each layer's weights are, and how many were active at any step.

    Densities are averaged over all steps, because the cost of a step is linear in them: what a
    method costs whose layers change in size. The share of weights that were ever active is Rs (Liu
    et al. 2021, section 3): it begins at the density and never falls.

    Parameters
    ----------
    points : int
        Courses hold at least half as many values and at most as many, evenly spaced: in a long run
        not every step is kept.
    """

    @checked(points=partial(checks.count, least=2))
    def __init__(self, points: int = 100) -> None:
        self.points, self.every, self.seen = points, 1, 0
        self.steps: list[int] = []
        self.courses: dict[str, list[float]] = {}
        self.sums: dict[str, float] = {}
        self.last: dict[str, float] = {}
        self.ever: dict[str, Tensor] = {}

    @torch.no_grad()
    def __call__(self, step: int, model: nn.Module) -> None:
        """Look at the model after a step."""
        active = total = explored = 0
        for name, layer in sparse_layers(model):
            if layer.recipe.forward_weight is None:
                continue
            mask = active_mask(layer)
            self.ever[name] = mask | self.ever.get(name, mask)
            n = int(mask.sum())
            self.last[name] = n / mask.numel()
            self.sums[name] = self.sums.get(name, 0.0) + self.last[name]
            active, total = active + n, total + mask.numel()
            explored += int(self.ever[name].sum())
        if not total:
            return
        self.seen += 1
        if step % self.every:
            return
        now = {"density": active / total, "explored": explored / total}
        self.steps.append(step)
        for name, value in (now | {f"density of {n}": d for n, d in self.last.items()}).items():
            self.courses.setdefault(name, []).append(round(value, 7))
        if len(self.steps) > self.points:
            self.every *= 2
            kept = [i for i, one in enumerate(self.steps) if one % self.every == 0]
            self.steps = [self.steps[i] for i in kept]
            self.courses = {n: [values[i] for i in kept] for n, values in self.courses.items()}

    def result(self) -> dict[str, Any]:
        """Sum up.

        Returns
        -------
        dict
            ``steps``, and one value for each of them of ``density`` and ``explored``, of all
            weights of the sparse layers, and of ``layers``, the density by layer; ``mean``: density
            by layer over all steps; ``last``: by layer at the end; ``ever``: the share ever active
            by layer.
        """
        courses = dict(self.courses)
        whole = {name: courses.pop(name, []) for name in ("density", "explored")}
        layers = {name.removeprefix("density of "): each for name, each in courses.items()}
        return {
            "steps": self.steps,
            **whole,
            "layers": layers,
            "mean": {name: round(total / self.seen, 7) for name, total in self.sums.items()},
            "last": {name: round(density, 7) for name, density in self.last.items()},
            "ever": {name: round(float(m.float().mean()), 7) for name, m in self.ever.items()},
        }


OBSERVERS: dict[str, Any] = {
    "topology": MaskFlips,
    "thresholds": Thresholds,
    "active-weights": ActiveWeights,
}
"""Observers by the name a run specification gives them."""

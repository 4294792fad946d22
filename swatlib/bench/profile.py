"""Where a training step spends its time: a sparse one beside the dense one, part by part.

A stack of parts and one clock: whatever is entered stops what is around it, so the parts are
without those inside them, and add up to the step. Functions of PyTorch and nodes of the backward
graph are told by their names; selectors that say when they work make choosing and masking known.
What no name is known for, Python between the operators above all, is "the rest".

The clock is that of the thread, which waiting for other programs does not move, so one thread is
measured, whatever PyTorch is set to. To be watched takes time too, most where operators are many
and short: the step is also timed without.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from time import thread_time
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode, resolve_name

from swatlib.bench.step import BATCH, PIXELS, SPARSITY, structured_swat
from swatlib.bench.timing import Row, seconds
from swatlib.core.selector_state import SelectorState
from swatlib.methods import Recipe, swat
from swatlib.models import build_network
from swatlib.selectors import Selector
from swatlib.surgery.sparsify import sparsify_
from swatlib.training.step import training_step

PRODUCTS, CHOOSING, MASKING = "products", "choosing entries", "masking"
SAVING, OTHERS = "saving, and Python around products", "normalisation, ReLU, pooling, loss"
OPTIMIZER, REST = "optimizer", "the rest"
PARTS = (PRODUCTS, CHOOSING, MASKING, SAVING, OTHERS, OPTIMIZER, REST)
"""What a step is divided into."""

WHOLE, WATCHED = "step", "step, watched"
"""The names of the rows that are no parts."""

KNOWN = {
    PRODUCTS: ("conv", "linear", "matmul", "addmm", "mmbackward"),
    SAVING: ("product",),
    OTHERS: ("norm", "relu", "pool", "mean", "softmax", "nll", "cross_entropy", "cat"),
}
"""What the names of a part's functions and nodes have in them, in small letters."""


Plans = Recipe | Mapping[str, Recipe]
"""A recipe for all layers, or one for each by name."""


@dataclass
class Watch:
    """A clock that charges the time of this thread to the part that was entered last."""

    taken: dict[str, float] = field(default_factory=dict)
    inside: list[str] = field(default_factory=lambda: [REST])
    since: float = field(default_factory=thread_time)

    def enter(self, part: str) -> None:
        """Charge from here on to ``part``."""
        self._charge()
        self.inside.append(part)

    def leave(self) -> None:
        """Charge from here on to what was entered before."""
        self._charge()
        self.inside.pop()

    @contextmanager
    def within(self, part: str) -> Iterator[None]:
        """Charge what happens within a ``with`` statement."""
        self.enter(part)
        try:
            yield
        finally:
            self.leave()

    def _charge(self) -> None:
        now = thread_time()
        part = self.inside[-1]
        self.taken[part] = self.taken.get(part, 0.0) + now - self.since
        self.since = now


@dataclass(frozen=True)
class Watched(Selector):
    """A selector that tells a watch when it chooses, and when it applies its choice."""

    selector: Selector
    watch: Watch = field(compare=False, repr=False)

    @property
    def sparsity(self) -> float:
        """That of the selector."""
        return self.selector.sparsity

    @property
    def period(self) -> int | None:
        """That of the selector."""
        return self.selector.period

    @property
    def layers(self) -> tuple[type[nn.Module], ...]:  # type: ignore[override]
        """Those of the selector."""
        return self.selector.layers

    def acts_on(self, ndim: int) -> bool:
        """Say whether the selector has anything to choose from."""
        return self.selector.acts_on(ndim)

    def choose(
        self,
        x: Tensor,
        state: SelectorState | None = None,
        training: bool = True,
        weight: Tensor | None = None,
    ) -> Tensor:
        """Return the selector's choice."""
        with self.watch.within(CHOOSING):
            return self.selector.choose(x, state, training, weight)

    def operand(self, x: Tensor, choice: Tensor, state: SelectorState | None = None) -> Tensor:
        """Return the selector's operand."""
        with self.watch.within(MASKING):
            return self.selector.operand(x, choice, state)

    def __str__(self) -> str:
        return str(self.selector)


def watched(recipe: Recipe, watch: Watch) -> Recipe:
    """Return the recipe with its selectors watched; equal ones stay equal."""
    changed: dict[str, Any] = recipe.map(lambda selector: Watched(selector, watch))
    return replace(recipe, **changed)


def part(name: str) -> str | None:
    """Return the part that a function or a node of the graph stands for, None if it is none."""
    small = name.lower()
    return next((p for p, words in KNOWN.items() if any(w in small for w in words)), None)


class _Functions(TorchFunctionMode):
    """Charges every function of PyTorch that is called from Python to its part."""

    def __init__(self, watch: Watch):
        super().__init__()
        self.watch = watch

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        here = self.watch.inside[-1]
        found = part(resolve_name(func) or str(func)) if here in (REST, SAVING) else None
        if found is None:
            return func(*args, **(kwargs or {}))
        with self.watch.within(found):
            return func(*args, **(kwargs or {}))


def _watch_graph(loss: Tensor, functions: _Functions) -> None:
    """Charge every node of the backward graph to its part, and the functions in it to theirs."""

    def enter(found: str) -> None:
        functions.watch.enter(found)
        functions.__enter__()

    def leave(*_: object) -> None:
        functions.__exit__(None, None, None)
        functions.watch.leave()

    seen, nodes = set(), [loss.grad_fn]
    while nodes:
        node = nodes.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        found = part(node.name()) or REST
        node.register_prehook(lambda _, found=found: enter(found))
        node.register_hook(leave)
        nodes += [following for following, _ in node.next_functions]


def parts(model: nn.Module, x: Tensor, y: Tensor, watch: Watch) -> Callable[[], dict[str, float]]:
    """Return a function that takes a step of SGD, and returns the seconds of each of ``PARTS``.

    Parameters
    ----------
    model : nn.Module
        Its selectors are :class:`Watched`, by ``watch``.
    x, y : Tensor
        The batch.
    watch : Watch
    """
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)

    def step() -> dict[str, float]:
        watch.__init__()  # type: ignore[misc]
        with watch.within(OPTIMIZER):
            optimizer.zero_grad(set_to_none=True)
        functions = _Functions(watch)
        with functions:
            loss = nn.functional.cross_entropy(model(x), y)
        with watch.within(WATCHED):  # to get ready is no part of the step
            _watch_graph(loss, functions)
        loss.backward()
        with watch.within(OPTIMIZER):
            optimizer.step()
        watch.enter(REST)
        return {name: watch.taken.get(name, 0.0) for name in PARTS}

    return step


def main() -> Iterator[Row]:
    """Yield the parts of each step over the dense step, for three families and memory formats."""
    methods: dict[str, Plans] = {
        "SWAT, exact": swat(SPARSITY),
        "SWAT, period 16": swat(SPARSITY, period=16),
    }
    for name in ("small_resnet", "small_vgg", "small_densenet"):
        for layout in (torch.contiguous_format, torch.channels_last):
            torch.manual_seed(0)
            plain = build_network(name, image=PIXELS).to(memory_format=layout)  # type: ignore[call-overload]
            x = torch.randn(BATCH, 3, PIXELS, PIXELS).to(memory_format=layout)
            y = torch.randint(0, 10, (BATCH,))
            structured = structured_swat(plain, SPARSITY)
            title = "NCHW" if layout == torch.contiguous_format else "channels last"
            setting = f"{name}, width 32, batch {BATCH}, {PIXELS}x{PIXELS}, {title}, {SPARSITY:.0%}"
            made = methods | {"SWAT, per filter": structured}
            yield from compared(setting, plain, x, y, made)


def compared(
    setting: str,
    plain: nn.Module,
    x: Tensor,
    y: Tensor,
    methods: Mapping[str, Plans],
    repeat: int = 7,
) -> Iterator[Row]:
    """Yield a row for each part of each method's step, and of the dense one, in units of this.

    Parameters
    ----------
    setting : str
    plain : nn.Module
        The dense network.
    x, y : Tensor
        The batch.
    methods : mapping
        Recipes by name.
    repeat : int
        Watched steps of each, taken in turns after one to warm up; lower quartiles count.

    Yields
    ------
    Row
        For each the step as it is, over the dense one; the sum of its parts, and each part, over
        the dense step, watched.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        sparse = {name: sparsify_(deepcopy(plain), made) for name, made in methods.items()}
        models = {"dense": deepcopy(plain)} | sparse
        steps = {name: training_step(model, x, y) for name, model in models.items()}
        whole = seconds(steps, repeat=repeat)
        found = _profiles(plain, x, y, methods, repeat)
    finally:
        torch.set_num_threads(threads)
    baseline = sum(found["dense"].values())
    for name, taken in found.items():
        total = sum(taken.values())
        yield Row(setting, f"{name}: {WHOLE}", whole[name] / whole["dense"], "dense", whole[name])
        for what, value in {WATCHED: total, **taken}.items():
            yield Row(setting, f"{name}: {what}", value / baseline, "dense, watched", value)


def _profiles(
    plain: nn.Module,
    x: Tensor,
    y: Tensor,
    methods: Mapping[str, Plans],
    repeat: int,
) -> dict[str, dict[str, float]]:
    steps = {"dense": parts(deepcopy(plain), x, y, Watch())}
    for name, made in methods.items():
        watch = Watch()
        plan: Any = (
            watched(made, watch)
            if isinstance(made, Recipe)
            else {layer: watched(recipe, watch) for layer, recipe in made.items()}
        )
        steps[name] = parts(sparsify_(deepcopy(plain), plan), x, y, watch)
    turns = [{name: step() for name, step in steps.items()} for _ in range(repeat + 1)][1:]
    return {
        name: {p: float(np.quantile([turn[name][p] for turn in turns], 0.25)) for p in PARTS}
        for name in steps
    }

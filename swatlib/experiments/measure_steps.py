"""What a step of a method takes beside a dense step of the same network, on one device."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from swatlib import checks
from swatlib.checked import checked, checked_fields
from swatlib.clock import times
from swatlib.experiments.clock import compared, device_of
from swatlib.methods import Method, Progress, method
from swatlib.models import NAMES, build_network
from swatlib.surgery.sparsify import sparsify_

LAYOUTS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}
"""Memory formats of weights and activations, by the names that records have."""

PRECISIONS = ("float32", "bfloat16")
"""What products compute in; bfloat16 under autocast. On GPUs torch multiplies the float32 operands
of convolutions as TF32 unless it is told otherwise, and the record says which it was."""

STEPS, EPOCH, FIRST = 1000, 100, 499
"""The run that the steps belong to, and the first of them: half-way, where an update of masks is
due, so that what gets sparser in the course of a run is sparse when time is taken."""


@dataclass(frozen=True)
class Batch:
    """A network and a batch of it on one device: what steps are measured on.

    Parameters
    ----------
    device : str
        As :func:`swatlib.machine.device` names it: a measurement belongs to its device.
    network : str
        As :func:`swatlib.models.build_network` names it.
    pixels, images : int
        Along a side of an image, and in the batch.
    width : int, optional
        Of a small network.
    precision, layout : str
        One of :data:`PRECISIONS`, one of :data:`LAYOUTS`.
    """

    device: str
    network: str = "resnet18"
    pixels: int = 32
    images: int = 128
    width: int | None = None
    precision: str = "float32"
    layout: str = "contiguous"

    def __post_init__(self) -> None:
        checked_fields(
            self,
            device=checks.text,
            network=partial(checks.one_of, allowed=NAMES),
            pixels=checks.count,
            images=partial(checks.count, least=2),
            width=checks.optional(checks.count),
            precision=partial(checks.one_of, allowed=PRECISIONS),
            layout=partial(checks.one_of, allowed=tuple(LAYOUTS)),
        )

    @checked
    def model(self, plan: Method) -> nn.Module:
        """Return the network with the same fresh weights each time, sparse by a method."""
        torch.manual_seed(0)
        model = build_network(
            self.network, image=self.pixels, width=self.width, smaller=plan.smaller
        )
        model.to(device_of(self.device), memory_format=LAYOUTS[self.layout])  # type: ignore[call-overload]
        return sparsify_(model, replace(plan, smaller=0.0))  # as small as it should be already

    def tensors(self) -> tuple[Tensor, Tensor]:
        """Return images of noise and their labels."""
        generator = torch.Generator().manual_seed(0)
        size = (self.images, 3, self.pixels, self.pixels)
        x = torch.randn(size, generator=generator).contiguous(memory_format=LAYOUTS[self.layout])
        y = torch.randint(0, 10, (self.images,), generator=generator)
        device = device_of(self.device)
        return x.to(device), y.to(device)

    def autocast(self) -> torch.autocast:
        """Return the context in which the network and its loss are computed."""
        low = self.precision == "bfloat16"
        return torch.autocast(device_of(self.device).type, torch.bfloat16, enabled=low)

    @checked
    def step(self, plan: Method, model: nn.Module | None = None) -> Callable[[], None]:
        """Return a function that takes one step of SGD, the method's hooks included."""
        model = self.model(plan) if model is None else model
        x, y = self.tensors()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)

        def loss() -> Tensor:
            with self.autocast():
                output = model(x)
            return nn.functional.cross_entropy(output.float(), y)

        plan.start(model, loss)
        done = FIRST

        def step() -> None:
            nonlocal done
            optimizer.zero_grad(set_to_none=True)
            loss().backward()
            progress = Progress(done, STEPS, EPOCH)
            plan.after_backward(model, optimizer, progress)
            optimizer.step()
            plan.after_step(model, optimizer, progress)
            done = min(done + 1, STEPS - 1)

        return step


@dataclass(frozen=True)
class StepTiming(Batch):
    """The time of a method's step between two updates of its masks, beside that of a dense step.

    Parameters
    ----------
    method, sparsity, options
        As :func:`swatlib.method` takes them.
    turns, calls : int
        As :func:`~swatlib.clock.times` takes them.
    """

    method: str = "dense"
    sparsity: float = 0.0
    options: dict[str, Any] = field(default_factory=dict)
    turns: int = 9
    calls: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        checked_fields(
            self,
            options=checks.options,
            turns=partial(checks.count, least=2),
            calls=checks.count,
        )
        self.plan  # noqa: B018 - an unknown method is refused before anything is computed

    @property
    def plan(self) -> Method:
        """The method as a value."""
        return method(self.method, self.sparsity, **self.options)

    def compute(self) -> dict[str, Any]:
        """Measure; a sitting calls this.

        Returns
        -------
        dict
            As :func:`~swatlib.experiments.clock.compared`, with ``tf32``, whether convolutions
            multiply float32 as TF32.

        Raises
        ------
        ValueError
            If this machine's device is another.
        """
        device = device_of(self.device)
        steps = {"dense": self.step(method("dense")), "method": self.step(self.plan)}
        taken = times(steps, device, self.turns, self.calls)
        tf32 = device.type == "cuda" and torch.backends.cudnn.allow_tf32
        return compared(taken, "method", to="dense") | {"tf32": tf32}

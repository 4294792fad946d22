"""One step of plain SGD, for whatever is measured step by step."""

from collections.abc import Callable

import torch
from torch import nn

from swatlib.checked import checked


@checked
def training_step(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> Callable[[], None]:
    """Return a function that takes one SGD step of ``model`` on the batch ``x``, ``y``."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()

    return step

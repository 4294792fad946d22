"""Models that the tests of the counter share, and what PyTorch counts of one."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from swatlib.surgery.twin import tensors_in


def tiny() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Conv2d(4, 8, 3, stride=2, padding=1),
        nn.Flatten(),
        nn.Linear(8 * 4, 5),
    )


IMAGE, TEXT = torch.randn(2, 3, 9, 9), torch.randn(2, 7, 8)


class Adapted(nn.Linear):
    """A linear layer with a low-rank side path of its own."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs)
        self.down = nn.Parameter(torch.randn(4, inputs))
        self.up = nn.Parameter(torch.zeros(outputs, 4))

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) + x @ self.down.T @ self.up.T


def by_pytorch(model: nn.Module, *args: Any, **kwargs: Any) -> int:
    """Multiply-accumulates of a forward and a backward pass, by PyTorch's counter."""
    with FlopCounterMode(display=False) as counter:
        outputs = [t for t in tensors_in(model(*args, **kwargs)) if t.requires_grad]
        if outputs:
            torch.autograd.backward(outputs, [torch.ones_like(t) for t in outputs])
    return counter.get_total_flops() // 2


class Of(nn.Module):
    """A model whose forward pass is a function of its layers and inputs."""

    def __init__(self, forward: Callable[..., Any], **layers: nn.Module) -> None:
        super().__init__()
        self.run = forward
        for name, layer in layers.items():
            self.add_module(name, layer)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.run(self, *args, **kwargs)

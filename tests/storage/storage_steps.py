"""Steps of training that are compared to the bit, and the bytes that a step keeps."""

import torch
from torch import Tensor, nn

from swatlib.storage.compression import saved_bytes


def step(model: nn.Module, x: Tensor, steps: int = 2) -> list[Tensor]:
    """Train for some steps; return outputs, all gradients, dX included, and the state."""
    torch.manual_seed(5)
    found = []
    for _ in range(steps):
        x = x.detach().requires_grad_()
        model.zero_grad()
        y = model(x)
        y.square().mean().backward()
        assert x.grad is not None
        with torch.no_grad():
            for p in model.parameters():
                assert p.grad is not None
                p -= 0.01 * p.grad
                found.append(p.grad.clone())
        found += [y.detach(), x.grad]
    return found + [t.clone() for t in model.state_dict().values()]


def equal(a: list[Tensor], b: list[Tensor]) -> bool:
    return len(a) == len(b) and all(
        p.stride() == q.stride() and torch.equal(p, q) for p, q in zip(a, b, strict=True)
    )


def kept(model: nn.Module, x: Tensor) -> int:
    return int(saved_bytes(model, x)["bytes"].sum())

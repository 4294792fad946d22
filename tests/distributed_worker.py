"""What each process of ``test_distributed.py`` does: train sparsely on its half of the data."""

from collections.abc import Mapping
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from swatlib import Recipe, dense, meprop, sparsify_, swat
from swatlib.methods.momentum import redistribute_
from swatlib.methods.topology import mask_gradients_
from swatlib.surgery.sparsify import report

WORLD = 2
STEPS = 5
RECIPES: dict[str, Recipe | Mapping[str, Recipe]] = {
    "dense": dense(),
    "SWAT": swat(0.8),
    "SWAT, period 3": swat(0.8, period=3),
    "meProp": meprop(0.8),
    "SWAT structured": {"2": swat(0.5, structured="filter"), "4": swat(0.5)},
    "SWAT-M": swat(0.8, first_layer_dense=False),
    "SWAT, masked gradients": swat(0.8),
}


def net() -> nn.Module:
    """Return the model, the same for every process."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(4, 6, 3, stride=2),
        nn.Flatten(),
        nn.Linear(54, 5),
    )


def batch(step: int, rank: int) -> Tensor:
    """Return the part of a step's data that a rank sees."""
    return torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(10 * step + rank))


def step(name: str, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Update the model once its gradients are there, and then what the recipe's name asks for."""
    if name == "SWAT, masked gradients":
        mask_gradients_(model)
    optimizer.step()
    if name == "SWAT-M":
        redistribute_(model, optimizer, 0.8)


def loss(model: nn.Module, x: Tensor) -> Tensor:
    """Return a loss whose gradients differ between ranks."""
    result: Tensor = model(x).square().mean()
    return result


def gradients(model: nn.Module) -> list[Tensor]:
    """Return the gradients a model holds."""
    return [p.grad.clone() for p in model.parameters() if p.grad is not None]


def train(rank: int, folder: str) -> None:
    """Train every recipe under DDP and save each step's gradients and the last parameters."""
    torch.set_num_threads(1)
    store = f"file://{Path(folder).resolve()}/store"
    dist.init_process_group("gloo", init_method=store, rank=rank, world_size=WORLD)
    results = {}
    for name, recipe in RECIPES.items():
        model = DistributedDataParallel(sparsify_(net(), recipe))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
        steps = []
        for number in range(STEPS):
            optimizer.zero_grad()
            loss(model, batch(number, rank)).backward()
            steps.append(gradients(model))
            step(name, model, optimizer)
        parameters = [p.detach() for p in model.parameters()]
        sparsities = torch.tensor(report(model)["sparsity"].tolist(), dtype=torch.float64)
        results[name] = {
            "gradients": steps,
            "parameters": parameters,
            "sparsities": sparsities,
        }
    torch.save(results, Path(folder) / f"{rank}.pt")
    dist.destroy_process_group()

"""Two processes train a model together and stay equal to the bit (gloo, on the CPU)."""

import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch.nn import functional as F
from torch.nn.parallel import DistributedDataParallel

from swatlib.core.recipe import Recipe
from swatlib.methods import Method, Progress
from swatlib.testing.network import batch, first_loss, made_sparse, optimizer_of
from swatlib.training.ranks import alike

PATIENCE = 300
"""Seconds that two processes may take."""


def two_ranks_agree_on(methods: Sequence[Recipe | Method]) -> None:
    """Check several methods with one pair of processes.

    Raises
    ------
    AssertionError
        If weights or kept thresholds or masks differ, or the processes do not end in time.
    """
    with tempfile.TemporaryDirectory() as folder:
        pair = mp.spawn(
            _rank, args=(folder, [lifted(one) for one in methods]), nprocs=2, join=False
        )
        for _ in range(PATIENCE):
            if pair.join(timeout=1):
                break
        else:
            for process in pair.processes:
                process.kill()
            raise AssertionError(f"the two processes did not end within {PATIENCE} s")
        first, second = (
            torch.load(Path(folder) / f"{rank}.pt", weights_only=True) for rank in range(2)
        )
    for method, a, b in zip(methods, first, second, strict=True):
        assert len(a) == len(b), f"the ranks of {method.name} keep different things"
        for p, q in zip(a, b, strict=True):
            assert torch.equal(p, q), f"the ranks of {method.name} differ"


def _rank(rank: int, folder: str, methods: list[Method]) -> None:
    torch.set_num_threads(1)
    store = f"file://{Path(folder).resolve()}/store"
    dist.init_process_group("gloo", init_method=store, rank=rank, world_size=2)
    results = []
    for method in methods:
        torch.manual_seed(rank)  # different seeds: equal draws must not be why they agree
        model = DistributedDataParallel(made_sparse(method))
        optimizer = optimizer_of(model)
        method.start(model, partial(first_loss, model, rank + 1))
        for step in range(5):
            x, y = batch(step, rank + 1)
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            progress = Progress(step, steps=60, epoch_steps=3)
            method.after_backward(model, optimizer, progress)
            optimizer.step()
            method.after_step(model, optimizer, progress)
        results.append(list(alike(model)))
    torch.save(results, Path(folder) / f"{rank}.pt")
    dist.destroy_process_group()


def lifted(recipe: Recipe | Method) -> Method:
    """Return a method; a recipe is one that does nothing between steps."""
    return recipe if isinstance(recipe, Method) else Method(recipe)

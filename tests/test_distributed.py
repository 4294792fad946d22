"""Two processes under DistributedDataParallel: replicas agree, gradients are the average."""

import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.multiprocessing as mp

from swatlib import sparsify_

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))  # where the processes, too, find what they run
from distributed_worker import (  # type: ignore[import-not-found]  # noqa: E402
    RECIPES,
    STEPS,
    WORLD,
    batch,
    gradients,
    loss,
    net,
    step,
    train,
)

PATIENCE = 240
"""Seconds; on a quiet machine it takes ten."""


@pytest.fixture(scope="module")
def ranks(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Return what every process saved."""
    folder = tmp_path_factory.mktemp("ranks")
    processes = mp.spawn(train, args=(str(folder),), nprocs=WORLD, join=False)
    end = time.monotonic() + PATIENCE
    while not processes.join(timeout=1):
        if time.monotonic() > end:
            for process in processes.processes:
                process.kill()
            pytest.fail(f"the processes did not finish within {PATIENCE} s")
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(WORLD)]


@pytest.mark.parametrize("name", RECIPES)
def test_replicas_stay_bit_identical(name: str, ranks: list[dict[str, Any]]) -> None:
    first, second = (rank[name] for rank in ranks)
    for a, b in zip(first["parameters"], second["parameters"], strict=True):
        assert torch.equal(a, b)
    for a, b in zip(first["gradients"], second["gradients"], strict=True):
        assert all(torch.equal(x, y) for x, y in zip(a, b, strict=True))
    assert torch.equal(first["sparsities"], second["sparsities"])
    if name == "SWAT-M":
        assert len(set(first["sparsities"].tolist())) == 3, "momentum gives each layer its own"
    moved = [
        (a - b).abs().max() for a, b in zip(first["parameters"], net().parameters(), strict=True)
    ]
    assert all(0 < change < 10 for change in moved)


@pytest.mark.parametrize("name", RECIPES)
def test_gradients_are_the_average_over_the_ranks(name: str, ranks: list[dict[str, Any]]) -> None:
    # Each rank on its own: a model that takes the same steps and sees that rank's data only, so
    # that activations and gradients are chosen from its own half of the batch.
    models = [sparsify_(net(), RECIPES[name]) for _ in range(WORLD)]
    optimizers = [torch.optim.SGD(m.parameters(), lr=0.05, momentum=0.9) for m in models]
    for number in range(STEPS):
        for rank, model in enumerate(models):
            model.zero_grad()
            loss(model, batch(number, rank)).backward()
        own = [gradients(model) for model in models]
        assert any(not torch.equal(a, b) for a, b in zip(*own, strict=True))
        found = ranks[0][name]["gradients"][number]
        for i, average in enumerate(found):
            torch.testing.assert_close(average, (own[0][i] + own[1][i]) / 2)
        for model, optimizer in zip(models, optimizers, strict=True):
            for p, average in zip(model.parameters(), found, strict=True):
                p.grad = average.clone()
            step(name, model, optimizer)

"""What processes tell each other: parts of a batch, and what must be alike."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from swatlib import method, sparsify_
from swatlib.surgery.sparsify import sparse_layers
from swatlib.training import ranks


@pytest.mark.parametrize("images", [4, 5, 7, 16])
@pytest.mark.parametrize("size", [1, 2, 3])
def test_weighted_means_of_parts_are_the_mean_of_the_batch(
    images: int, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranks, "size", lambda: size)
    losses = torch.randn(images, dtype=torch.float64)
    batch, seen, means = torch.arange(images), [], []
    for rank in range(size):
        monkeypatch.setattr(ranks, "rank", lambda rank=rank: rank)
        own, weight = ranks.part(batch)
        seen += batch[own].tolist()
        means.append(losses[own].mean() * weight)
    assert seen == batch.tolist()
    torch.testing.assert_close(torch.stack(means).mean(), losses.mean())


def test_alone() -> None:
    model = nn.Linear(2, 2)
    assert (ranks.size(), ranks.rank()) == (1, 0)
    assert ranks.together(model) is model
    assert ranks.part(torch.arange(5)) == (slice(0, 5), 1.0)
    assert torch.equal(ranks.mean(torch.ones(2)), torch.ones(2))
    assert ranks.first_says(True)
    assert not ranks.first_says(False)
    assert ranks.gathered({"a": 1}) == [{"a": 1}]


def test_masks_are_among_what_must_be_alike() -> None:
    plan = method("set", 0.5, first_layer_dense=False)
    model = sparsify_(nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 8)), plan)
    plan.start(model, lambda: torch.zeros(()))
    model(torch.randn(4, 8))
    first, same = list(ranks.alike(model)), list(ranks.alike(model))
    assert all(torch.equal(a, b) for a, b in zip(first, same, strict=True))
    masks = [state for _, layer in sparse_layers(model) for state in layer.states.values()]
    assert masks
    for state in {id(state): state for state in masks}.values():  # operands share them
        assert state.mask is not None
        state.mask = ~state.mask
    other = list(ranks.alike(model))
    differ = sum(not torch.equal(a, b) for a, b in zip(first, other, strict=True))
    assert differ == len(masks)

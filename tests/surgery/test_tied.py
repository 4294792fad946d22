"""One Parameter with several owners: none of them loses what it uses."""

from pathlib import Path

import pytest
import torch
from torch import nn

from swatlib import saw, sparsify_, swat
from swatlib.methods.topology import mask_gradients_
from swatlib.storage.pruned import load_pruned, prune_, save_pruned
from swatlib.surgery.sparsify import active_mask


def language_model() -> nn.Sequential:
    model = nn.Sequential(nn.Embedding(20, 8), nn.Linear(8, 8), nn.Linear(8, 20, bias=False))
    model[2].weight = model[0].weight
    return model


def chain(n: int = 3) -> nn.Sequential:
    """Linear layers, the last two with one weight."""
    model = nn.Sequential(*(nn.Linear(8, 8) for _ in range(n)))
    model[n - 1].weight = model[n - 2].weight
    return model


def test_pruning_refuses_what_a_dense_owner_needs(tmp_path: Path) -> None:
    model = sparsify_(language_model(), swat(0.5))
    before = model[0].weight.clone()  # type: ignore[index]
    for prune in (prune_, lambda m: save_pruned(tmp_path / "m.zip", m)):
        with pytest.raises(ValueError, match=r"2\.weight \(SparseLinear\) and 0\.weight"):
            prune(model)
    assert torch.equal(model[0].weight, before)  # type: ignore[index]
    assert not list(tmp_path.iterdir())


def test_the_owner_that_leaves_weights_out_is_named_among_several() -> None:
    """T5 has one weight in two embeddings and in its head."""
    model = nn.Sequential(nn.Embedding(20, 8), nn.Embedding(20, 8), nn.Linear(8, 20, bias=False))
    model[1].weight = model[2].weight = model[0].weight
    with pytest.raises(ValueError, match=r"2\.weight \(SparseLinear\) and 0\.weight"):
        prune_(sparsify_(model, swat(0.5, first_layer_dense=False)))


def test_pruning_refuses_memory_that_another_parameter_sees() -> None:
    model = nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 8))
    model[1].weight = nn.Parameter(model[0].weight.data)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="are one weight"):
        prune_(sparsify_(model, swat(0.5)))


def test_owners_that_use_the_same_are_pruned(tmp_path: Path) -> None:
    model, x = sparsify_(chain(), swat(0.5)).eval(), torch.randn(2, 8)
    y = model(x)
    save_pruned(tmp_path / "m.zip", model)
    assert torch.equal(load_pruned(tmp_path / "m.zip", chain())(x), y)
    assert torch.equal(prune_(model)(x), y)
    other = nn.Sequential(*(nn.Linear(8, 8) for _ in range(3)))
    other[1].weight = other[0].weight
    with pytest.raises(ValueError, match=r"0\.weight and 1\.weight are one weight here"):
        load_pruned(tmp_path / "m.zip", other)


def test_gradients_stay_where_some_owner_uses_the_weight() -> None:
    for recipes in (
        {"1": swat(0.5), "2": swat(0.75)},
        {"2": swat(0.75)},
        {"1": swat(0.5), "2": saw(0.9)},
    ):
        model = sparsify_(chain(), recipes)
        model(torch.randn(4, 8)).sum().backward()
        weight = model[1].weight  # type: ignore[index]
        used = active_mask(model[1]) | active_mask(model[2])  # type: ignore[index]
        expected = torch.where(used, weight.grad, 0)
        mask_gradients_(model)
        assert torch.equal(weight.grad, expected)

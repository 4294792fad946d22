"""The benchmark of a training step: the methods it times are those it names."""

import torch
from torch import nn

from swatlib.bench.step import SortedTopK, obvious_swat, structured_swat, training_step
from swatlib.models import build_network
from swatlib.selectors import TopK
from swatlib.surgery.sparsify import sparsify_


def test_sorting_finds_the_same_entries() -> None:
    x = torch.randn(5, 7)
    mask = SortedTopK(0.8).choose(x)
    assert torch.equal(mask, TopK(0.8, exact=True).choose(x))


def test_structured_swat_leaves_the_classifier_unstructured() -> None:
    model = build_network("small_vgg", image=8, width=4)
    recipes = structured_swat(model, 0.5)
    names = [n for n, m in model.named_modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert list(recipes) == names[1:]
    structured = {name for name, recipe in recipes.items() if recipe.name == "SWAT structured"}
    assert structured == set(names[1:-1])


def test_a_step_moves_the_weights() -> None:
    model = sparsify_(nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 3)), obvious_swat(0.5))
    before = [p.clone() for p in model.parameters()]
    training_step(model, torch.randn(6, 4), torch.tensor([0, 1, 2, 0, 1, 2]))()
    assert all(not torch.equal(p, b) for p, b in zip(model.parameters(), before, strict=True))

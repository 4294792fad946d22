"""Static: one random mask of exact size, for good."""

import torch
from rewiring import counts, masks, trained

import swatlib
from swatlib.methods.static import static
from swatlib.selectors import kept_count
from swatlib.training import Run, train_run


def test_the_mask_has_its_size_and_stays() -> None:
    seen: list[list[torch.Tensor]] = []
    model = trained(static(0.7), 5, lambda _, model, __: seen.append(masks(model)))
    for now in seen:
        assert all(torch.equal(a, b) for a, b in zip(now, seen[0], strict=True))
    sizes = [layer.weight.numel() for _, layer in swatlib.sparse_layers(model)]
    assert counts(model) == [kept_count(n, 0.7) for n in sizes]


def test_erk_reaches_every_layer() -> None:
    model = trained(swatlib.method("static", 0.8, allocation="erk"), 1)
    assert len(counts(model)) == 5
    total = sum(layer.weight.numel() for _, layer in swatlib.sparse_layers(model))
    assert abs(sum(counts(model)) - 0.2 * total) <= 5


def test_digits_are_learnt() -> None:
    run = Run(width=8, epochs=2, images=600, batch_size=64, method="static", sparsity=0.5)
    found = train_run(run, "cpu")
    assert found["epochs"][-1]["train_loss"] < found["epochs"][0]["train_loss"]
    assert found["test_accuracy"] > 30

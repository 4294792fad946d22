"""ITOP: rare updates over the whole run; the exploration rate begins at the density and rises."""

import pytest
import torch
from rewiring import counts, trained
from torch import nn

import swatlib
from swatlib.training import Run, train_run
from swatlib.training.observe import ActiveWeights


@pytest.mark.parametrize("name", ["itop-set", "itop-rigl"])
def test_the_exploration_rate_begins_at_the_density_and_never_falls(name: str) -> None:
    observer = ActiveWeights()
    sizes: list[list[int]] = []

    def look(step: int, model: nn.Module, _: object) -> None:
        observer(step, model)
        sizes.append(counts(model))

    model = trained(swatlib.method(name, 0.8, every=3), 12, look)
    rates = observer.result()["explored"]
    total = sum(layer.weight.numel() for _, layer in swatlib.sparse_layers(model))
    assert rates[0] == pytest.approx(sum(sizes[0]) / total)
    assert rates == sorted(rates)
    assert rates[-1] > rates[0] + 0.02
    assert all(one == sizes[0] for one in sizes)


def test_the_rate_is_that_of_the_union_by_hand() -> None:
    observer = ActiveWeights()
    seen = torch.zeros(0)

    def look(step: int, model: nn.Module, _: object) -> None:
        nonlocal seen
        observer(step, model)
        now = torch.cat([swatlib.active_mask(m).flatten() for _, m in swatlib.sparse_layers(model)])
        seen = now if not len(seen) else seen | now

    trained(swatlib.method("itop-rigl", 0.8, every=2), 8, look)
    assert observer.result()["explored"][-1] == pytest.approx(float(seen.float().mean()))


@pytest.mark.parametrize("name", ["itop-set", "itop-rigl"])
def test_digits_are_learnt(name: str) -> None:
    run = Run(
        width=8, epochs=2, images=600, batch_size=64, method=name, sparsity=0.5,
        options={"every": 4}, observe="active-weights",
    )  # fmt: skip
    found = train_run(run, "cpu")
    assert found["test_accuracy"] > 30
    assert found["observed"]["explored"][-1] > 0.55

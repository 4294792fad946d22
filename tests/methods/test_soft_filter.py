"""SFP and ASFP: filters by hand, when they are zeroed, and what stays as it is."""

import math
from typing import Any

import pytest
import torch
from rewiring import trained
from torch import nn

import swatlib
from swatlib.methods.soft_filter import STEEP, ZeroFilters, asymptotic, on_shortcut, zero_filters_
from swatlib.models import build_network
from swatlib.testing.network import network
from swatlib.training import Run, train_run


def zeros(model: nn.Module) -> list[int]:
    """Return the number of filters that are zero, by convolution."""
    found = [m for m in model.modules() if isinstance(m, nn.Conv2d)]
    return [int((~m.weight.flatten(1).any(1)).sum()) for m in found]


def test_the_filters_of_least_norm_go() -> None:
    layer = swatlib.sparsify_(nn.Conv2d(1, 5, 1, bias=False), swatlib.method("sfp", 0.5))
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([3.0, -1.0, 2.0, -5.0, 1.0])[:, None, None, None])
    zero_filters_(layer, 0.5)  # 2 of 5, rounded down
    assert layer.weight.flatten().tolist() == [3.0, 0.0, 2.0, -5.0, 0.0]
    tied = swatlib.sparsify_(nn.Conv2d(1, 4, 1, bias=False), swatlib.method("sfp", 0.5))
    with torch.no_grad():
        tied.weight.fill_(1.0)
    assert zero_filters_(tied, 0.25).weight.flatten().tolist() == [0, 1, 1, 1]


def test_the_norm_is_that_of_a_whole_filter() -> None:
    layer = swatlib.sparsify_(nn.Conv2d(2, 2, 1, bias=False), swatlib.method("sfp", 0.5))
    with torch.no_grad():  # the largest sum of magnitudes, and the smallest norm
        layer.weight.copy_(torch.tensor([[1.0, 1.0], [1.5, 0.0]])[..., None, None])
    zero_filters_(layer, 0.5)
    assert layer.weight.flatten().tolist() == [0, 0, 1.5, 0]


def test_a_tenth_of_ten_is_one() -> None:
    layer = swatlib.sparsify_(nn.Conv2d(1, 10, 1), swatlib.method("sfp", 0.5))
    for rate, count in ((0.1, 1), (0.3, 3), (0.7, 7), (0.19, 1)):
        nn.init.normal_(layer.weight)
        assert zeros(zero_filters_(layer, rate)) == [count]


def test_filters_are_zeroed_before_training_and_after_every_epoch() -> None:
    """After each exactly half of them are zero; after one step more, fewer."""
    method = swatlib.method("sfp", 0.5)
    start = swatlib.sparsify_(network(), method)
    method.start(start, lambda: torch.zeros(()))
    assert zeros(start) == [4, 4, 4]
    seen: list[list[int]] = []
    trained(method, 9, lambda _, model, __: seen.append(zeros(model)))
    for step, now in enumerate(seen):
        assert (now == [4, 4, 4]) == (step % 3 == 2)
        assert all(n <= 4 for n in now)


def test_norms_linear_layers_and_momentum_stay() -> None:
    model = swatlib.sparsify_(network(), swatlib.method("sfp", 0.5))
    before = {name: p.clone() for name, p in model.named_parameters()}
    zero_filters_(model, 0.5)
    changed = [name for name, p in model.named_parameters() if not torch.equal(p, before[name])]
    assert changed == ["0.weight", "3.weight", "6.weight"]

    momenta = []

    def look(step: int, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        weight = model[6].weight  # type: ignore[index]
        buffer = optimizer.state[weight]["momentum_buffer"]
        momenta.append(int(buffer[~weight.flatten(1).any(1)].count_nonzero()))

    trained(swatlib.method("asfp", 0.5), 3, look)
    assert momenta[-1] > 0


def test_a_filter_that_is_zero_from_the_start_needs_a_way_back() -> None:
    """Behind a batch norm's zero bias and a ReLU nothing flows back to it."""
    layers: list[Any] = [nn.Conv2d(1, 4, 1, bias=False), nn.BatchNorm2d(4), nn.ReLU()]
    model = nn.Sequential(*layers, nn.Flatten(), nn.Linear(16, 1))
    zero_filters_(swatlib.sparsify_(model, swatlib.method("sfp", 0.5)), 0.5)
    reached = []
    for bias in (0.0, 0.1):
        nn.init.constant_(layers[1].bias, bias)
        model.zero_grad()
        model(torch.randn(3, 1, 2, 2)).square().sum().backward()
        reached.append(int((layers[0].weight.grad != 0).sum()))
    assert reached == [2, 4]


def test_shortcuts_stay_and_the_first_layer_does_not() -> None:
    model = build_network("small_resnet", image=8, channels=1, width=8)
    swatlib.sparsify_(model, swatlib.method("sfp", 0.25))
    zero_filters_(model, 0.25)
    by_name = {n: zeros(m)[0] for n, m in model.named_modules() if isinstance(m, nn.Conv2d)}
    assert by_name["conv1"] == 2
    assert by_name["layer3.0.conv2"] == 8
    assert all(not n for name, n in by_name.items() if on_shortcut(name))
    assert any(map(on_shortcut, by_name))


def test_asfp_rises_to_sfp() -> None:
    assert asymptotic(0.0) == 0.0
    assert asymptotic(1.0) == 1.0
    assert asymptotic(1 / 8) == pytest.approx(0.75, abs=1e-4)
    assert pytest.approx(11.09, abs=1e-3) == STEEP
    assert asymptotic(0.3) == pytest.approx(
        (1 - math.exp(-0.3 * 11.09)) / (1 - math.exp(-11.09)), rel=1e-3
    )
    seen: list[list[int]] = []
    trained(swatlib.method("asfp", 0.5), 24, lambda _, model, __: seen.append(zeros(model)))
    wanted = [math.floor(8 * 0.5 * asymptotic(done / 24)) for done in range(3, 25, 3)]
    assert [now[0] for now in seen[2::3]] == wanted == sorted(wanted)
    assert wanted[-1] == 4


def test_asfp_ends_where_sfp_is() -> None:
    """At the end of a run ASFP zeroes as many filters of each layer of a whole network as SFP.

    He et al. 2018, Eq. of the asymptotic rate: P(T) = P.
    """
    images, labels = torch.randn(8, 3, 8, 8), torch.arange(8) % 4
    counts = {}
    for name in ("sfp", "asfp"):
        torch.manual_seed(0)
        model = build_network("small_resnet", classes=4, image=8, width=8)
        method = swatlib.method(name, 0.5)
        swatlib.sparsify_(model, method)
        optimizer = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9)
        method.start(model, lambda: torch.zeros(()))
        for step in range(4):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(images), labels).backward()
            optimizer.step()
            method.after_step(model, optimizer, swatlib.Progress(step, 4, 2))
        counts[name] = zeros(model)
    assert counts["asfp"] == counts["sfp"]
    assert any(counts["sfp"])


def test_a_step_is_dense() -> None:
    """It costs what a dense step costs."""
    from swatlib.accounting import count, method_densities, trace

    shapes = trace(network(), (1, 3, 8, 8))
    for name in ("sfp", "asfp"):
        counted = count(shapes, method_densities(name, shapes, 0.5))
        assert counted.train_flops_reduction == 0


def test_bad_values() -> None:
    with pytest.raises(ValueError, match=r"rate must be in \[0, 1\), got 1"):
        ZeroFilters(1.0)
    with pytest.raises(ValueError, match="ramp needs a method whose sparsity can be set"):
        swatlib.method("asfp", 0.5, ramp=0.5)


@pytest.mark.parametrize("name", ["sfp", "asfp"])
def test_digits_are_learnt(name: str) -> None:
    run = Run(width=8, epochs=4, images=600, batch_size=64, method=name, sparsity=0.2)
    found = train_run(run, "cpu")
    assert found["epochs"][-1]["train_loss"] < found["epochs"][0]["train_loss"]
    assert found["test_accuracy"] > 20

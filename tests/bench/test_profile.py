"""The profile of a step: what belongs to which part, and that watching changes nothing."""

import pytest
import torch
from torch import nn

from swatlib.bench import profile
from swatlib.bench.profile import (
    CHOOSING,
    MASKING,
    OPTIMIZER,
    OTHERS,
    PARTS,
    PRODUCTS,
    REST,
    SAVING,
    WATCHED,
    WHOLE,
    Watch,
    compared,
    part,
    parts,
    watched,
)
from swatlib.methods import Recipe, swat
from swatlib.models import build_network
from swatlib.surgery.sparsify import sparsify_
from swatlib.training.step import training_step

X, Y = torch.randn(4, 3, 8, 8), torch.arange(4)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("torch.conv2d", PRODUCTS),
        ("ConvolutionBackward0", PRODUCTS),
        ("torch.nn.functional.linear", PRODUCTS),
        ("ProductBackward", SAVING),
        ("NativeBatchNormBackward0", OTHERS),
        ("torch.nn.functional.cross_entropy", OTHERS),
        ("torch::autograd::AccumulateGrad", None),
        ("torch.Tensor.detach", None),
    ],
)
def test_functions_and_nodes_are_told_by_name(name: str, wanted: str | None) -> None:
    assert part(name) == wanted


def test_a_part_is_without_those_inside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([0, 1, 3, 6, 10, 15, 21])
    monkeypatch.setattr(profile, "thread_time", lambda: next(now))
    watch = Watch(since=next(now))
    with watch.within(SAVING):
        with watch.within(MASKING):
            pass
        watch.enter(PRODUCTS)
    watch.leave()
    assert watch.taken == {REST: 1, SAVING: 2 + 4 + 6, MASKING: 3, PRODUCTS: 5}


def network(recipe: Recipe) -> nn.Module:
    torch.manual_seed(0)
    return sparsify_(build_network("small_resnet", image=8, width=4), recipe)


def test_every_part_of_a_step_takes_time() -> None:
    watch = Watch()
    taken = parts(network(watched(swat(0.9), watch)), X, Y, watch)()
    assert tuple(taken) == PARTS
    assert min(taken.values()) > 0
    nothing = parts(build_network("small_resnet", image=8, width=4), X, Y, watch)()
    assert nothing[CHOOSING] == nothing[MASKING] == nothing[SAVING] == 0
    assert nothing[PRODUCTS] > nothing[OPTIMIZER] > 0
    assert watch.inside == [REST, REST]


@pytest.mark.parametrize("recipe", [swat(0.9), swat(0.9, period=2)])
def test_a_watched_step_is_the_step(recipe: Recipe) -> None:
    watch, plain = Watch(), network(recipe)
    seen = network(watched(recipe, watch))
    steps = training_step(plain, X, Y), parts(seen, X, Y, watch)
    for _ in range(3):
        for step in steps:
            step()
    for a, b in zip(plain.parameters(), seen.parameters(), strict=True):
        assert torch.equal(a, b)


def test_equal_selectors_stay_equal() -> None:
    recipe = watched(swat(0.9), Watch())
    assert recipe.forward_weight == recipe.input_grad_weight


def test_rows_are_in_units_of_the_dense_step() -> None:
    plain = build_network("small_resnet", image=8, width=4)
    rows = {row.name: row for row in compared("here", plain, X, Y, {"SWAT": swat(0.9)}, repeat=1)}
    assert len(rows) == 2 * (2 + len(PARTS))
    assert rows[f"dense: {WHOLE}"].ratio == rows[f"dense: {WATCHED}"].ratio == 1
    for name in ("dense", "SWAT"):
        total = sum(rows[f"{name}: {what}"].ratio for what in PARTS)
        assert total == pytest.approx(rows[f"{name}: {WATCHED}"].ratio)


def test_main(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr(profile, "BATCH", 2)
    monkeypatch.setattr(profile, "compared", lambda *given: seen.append(given) or ())
    assert not list(profile.main())
    assert len({setting for setting, *_ in seen}) == 6
    assert all("SWAT, per filter" in methods for *_, methods in seen)

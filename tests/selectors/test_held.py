"""Held masks: exact in number, drawn from the weights' bits, changed by nobody but the method."""

import copy

import pytest
import torch
from torch import nn

import swatlib
from swatlib.selectors import Held, topk_mask
from swatlib.selectors.held import first_mask, random_scores, seed_of

WEIGHT = torch.randn(12, 6, 3, 3, generator=torch.Generator().manual_seed(0))


def layer(start: str = "random", sparsity: float = 0.75) -> nn.Module:
    torch.manual_seed(0)
    mask = Held(sparsity, start)
    recipe = swatlib.Recipe(
        "held", forward_weight=mask, input_grad_weight=mask, first_layer_dense=False
    )
    return swatlib.sparsify_(nn.Conv2d(4, 8, 3), recipe)


@pytest.mark.parametrize("sparsity", [0.0, 0.1, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("start", ["random", "magnitude"])
def test_the_first_mask_is_exact_in_number(start: str, sparsity: float) -> None:
    assert int(first_mask(WEIGHT, sparsity, start).sum()) == swatlib.selectors.kept_count(
        WEIGHT.numel(), sparsity
    )


def test_magnitude_is_topk_and_dense_is_everything() -> None:
    assert torch.equal(first_mask(WEIGHT, 0.9, "magnitude"), topk_mask(WEIGHT, 0.9))
    assert first_mask(WEIGHT, 0.9, "dense").all()


def test_random_masks_hang_on_the_weights_bits_alone() -> None:
    state = torch.get_rng_state()
    mask = first_mask(WEIGHT, 0.5)
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(5)
    assert torch.equal(first_mask(WEIGHT.clone(), 0.5), mask)
    laid_out = WEIGHT.to(memory_format=torch.channels_last)
    assert torch.equal(first_mask(laid_out, 0.5), mask)
    other = WEIGHT.clone()
    other[3, 2, 1, 0] = torch.nextafter(other[3, 2, 1, 0], torch.tensor(9.0))
    assert not torch.equal(first_mask(other, 0.5), mask)
    assert not torch.equal(random_scores(WEIGHT, 1), random_scores(WEIGHT, 0))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_seeds_differ_and_fit(dtype: torch.dtype) -> None:
    weights = torch.randn(300, 20).to(dtype)
    seeds = {seed_of(weight) for weight in weights}
    assert len(seeds) == 300
    assert all(0 <= seed < 2**32 for seed in seeds)
    # Of many seeds the halves and the last bits are even.
    assert 100 < sum(seed % 2 for seed in seeds) < 200
    assert 100 < sum(seed >= 2**31 for seed in seeds) < 200


def test_positions_are_uniform() -> None:
    masks = [first_mask(torch.randn(50), 0.8) for _ in range(400)]
    counts = torch.stack(masks).sum(0)
    assert counts.float().mean() == 80
    assert counts.min() > 40
    assert counts.max() < 120


def test_evaluation_sees_the_mask_that_training_begins_with_and_never_changes_it() -> None:
    model = layer()
    x = torch.randn(2, 4, 5, 5)
    before = swatlib.active_mask(model)
    y = model.eval()(x)
    assert not model.states["forward_weight"].steps  # type: ignore[index, union-attr]
    torch.testing.assert_close(model.train()(x), y)
    assert torch.equal(swatlib.active_mask(model), before)
    with torch.no_grad():
        model.weight.normal_()  # type: ignore[operator, union-attr]
    model(x)
    model.eval()(x)
    assert torch.equal(swatlib.active_mask(model), before)
    assert model.states["input_grad_weight"] is model.states["forward_weight"]  # type: ignore[index]


def test_weights_outside_the_mask_change_neither_y_nor_dx() -> None:
    """Invariant F."""
    model = layer()
    outside = ~swatlib.active_mask(model)
    results = []
    for value in (0.0, 7.0):
        twin = copy.deepcopy(model)
        twin(torch.randn(1, 4, 5, 5))
        with torch.no_grad():
            twin.weight[outside] = value  # type: ignore[index, operator]
        x = torch.ones(2, 4, 5, 5, requires_grad=True)
        y = twin(x)
        y.square().sum().backward()
        results.append((y, x.grad))
    for a, b in zip(*results, strict=True):
        assert torch.equal(a, b)  # type: ignore[arg-type]


def test_a_mask_follows_the_memory_format() -> None:
    model = layer()
    model(torch.randn(1, 4, 5, 5))
    mask = swatlib.active_mask(model)
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    kept = model.states["forward_weight"].mask  # type: ignore[index, union-attr]
    assert kept.stride() == model.weight.stride()  # type: ignore[operator, union-attr]
    assert torch.equal(swatlib.active_mask(model), mask)


def test_a_new_mask_reaches_a_compiled_layer() -> None:
    model = layer("dense")
    x = torch.randn(2, 4, 5, 5)
    compiled = torch.compile(model, backend="aot_eager", fullgraph=True)
    compiled(x)
    state = model.states["forward_weight"]  # type: ignore[index]
    state.mask.copy_(topk_mask(model.weight, 0.5))  # type: ignore[arg-type, operator, union-attr]
    torch.testing.assert_close(compiled(x), model(x))
    state.keep(topk_mask(model.weight, 0.9), model.weight)  # type: ignore[arg-type, operator, union-attr]
    torch.testing.assert_close(compiled(x), model(x))
    model.eval()
    torch.testing.assert_close(compiled(x), model(x))


def test_bad_values() -> None:
    with pytest.raises(ValueError, match=r"start must be one of random, .* got 'zeros'"):
        Held(0.5, "zeros")
    with pytest.raises(ValueError, match=r"sparsity must be in \[0, 1\), got 1"):
        Held(1.0)

"""MVUE: probabilities against an enumeration of all draws, and no bias."""

import itertools

import pytest
import torch
from torch import Tensor, nn

import swatlib
from swatlib.selectors import MVUE
from swatlib.selectors.mvue import survival


def drawn_slowly(magnitudes: list[float], n: int) -> list[float]:
    """Return survival probabilities by enumerating all ordered draws without putting back."""
    found = [0.0] * len(magnitudes)
    for order in itertools.permutations(range(len(magnitudes)), n):
        chance, left = 1.0, sum(magnitudes)
        for i in order:
            chance *= magnitudes[i] / left if left else 0.0
            left = sum(magnitudes[j] for j in range(len(magnitudes)) if j not in order) + sum(
                magnitudes[j] for j in order[order.index(i) + 1 :]
            )
        for i in order:
            found[i] += chance
    return found


def test_the_worked_example() -> None:
    a = torch.tensor([[4.0, 2.0, 1.0, 1.0]])
    p = survival(a)
    torch.testing.assert_close(
        p, torch.tensor([[0.8095, 0.5714, 0.3095, 0.3095]]), atol=1e-4, rtol=0
    )
    torch.testing.assert_close(a / p, torch.tensor([[4.941, 3.5, 3.231, 3.231]]), atol=1e-3, rtol=0)


@pytest.mark.parametrize(("n", "m"), [(1, 2), (2, 4), (1, 4), (2, 3), (2, 6)])
def test_probabilities_are_those_of_the_draws(n: int, m: int) -> None:
    a = torch.rand(20, m, dtype=torch.float64) ** 3
    found = survival(a * torch.randn(20, m, dtype=torch.float64).sign(), n)
    wanted = torch.tensor([drawn_slowly(row, n) for row in a.tolist()], dtype=torch.float64)
    torch.testing.assert_close(found, wanted)
    torch.testing.assert_close(found.sum(1), torch.full((20,), float(n), dtype=torch.float64))


def test_one_of_m_keeps_the_sum() -> None:
    x = torch.tensor([[3.0], [-1.0]])
    selector = MVUE(1, 2)
    for _ in range(20):
        kept = selector.operand(x, selector.choose(x)).flatten().tolist()
        assert kept in ([4.0, 0.0], [0.0, -4.0])


@pytest.mark.parametrize("selector", [MVUE(), MVUE(1, 2)], ids=str)
@pytest.mark.parametrize(
    "entries", [[4.0, -2.0, 1.0, 1.0], [1.0, 1e-3, -1e-3, 1e-4], [0.5, 0.0, -0.2, 0.1]]
)
def test_the_mean_of_many_draws_is_the_gradient(selector: MVUE, entries: list[float]) -> None:
    torch.manual_seed(0)
    draws = 100_000
    x = torch.tensor(entries, dtype=torch.float64)[:, None].expand(-1, draws).contiguous()
    kept = selector.operand(x, selector.choose(x))
    groups = kept.reshape(-1, selector.m, draws)
    assert ((groups != 0).sum(1) <= selector.n).all()
    # What is left out once in a million draws may not have been so here.
    assert ((kept.mean(1) - x[:, 0]).abs() < 5 * kept.std(1) / draws**0.5 + 1e-5).all()


def test_what_needs_no_draw_is_kept_as_it_is() -> None:
    x = torch.tensor([[0.0, 0.0, 0.0], [3.0, 0.0, 0.0], [0.0, 1e-9, 0.0], [-1.0, 0.0, 0.0]])
    for _ in range(50):
        assert torch.equal(MVUE().operand(x, MVUE().choose(x)), x)


def test_a_large_entry_beside_small_ones_is_without_bias_in_single_precision() -> None:
    a = torch.tensor([[1.0, 3e-9, 2e-9, 1e-9]])
    wanted = torch.tensor(drawn_slowly(a[0].tolist(), 2))
    torch.testing.assert_close(survival(a)[0], wanted, rtol=1e-5, atol=0)


@pytest.mark.parametrize("shape", [(8, 6), (2, 4, 6), (3, 5, 7, 3), (0, 4), (1, 4)])
def test_shapes_and_layout(shape: tuple[int, ...]) -> None:
    x = torch.randn(shape)
    torch.manual_seed(1)
    kept = MVUE().operand(x, MVUE().choose(x))
    assert kept.shape == x.shape
    assert kept.isfinite().all()
    if len(shape) == 4:
        laid_out = x.to(memory_format=torch.channels_last)
        torch.manual_seed(1)
        other = MVUE().operand(laid_out, MVUE().choose(laid_out))
        assert torch.equal(other, kept)
        assert other.stride() == laid_out.stride()


def test_not_finite_stays_so() -> None:
    x = torch.tensor([[1.0], [torch.nan], [2.0], [1.0]])
    assert MVUE().operand(x, MVUE().choose(x)).isnan().any()


def test_half_precision() -> None:
    x = torch.randn(64, 32, dtype=torch.bfloat16)
    kept = MVUE().operand(x, MVUE().choose(x))
    assert kept.dtype == torch.bfloat16
    assert ((kept.reshape(16, 4, 32) != 0).sum(1) <= 2).all()


def test_only_the_weight_gradient_draws() -> None:
    layer = nn.Linear(6, 5, dtype=torch.float64)
    x = torch.randn(8, 6, dtype=torch.float64)
    grad = torch.randn(8, 5, dtype=torch.float64)

    def products(layer: nn.Module) -> tuple[Tensor, ...]:
        inputs = x.clone().requires_grad_()
        layer.zero_grad()
        y = layer(inputs)
        y.backward(grad)
        return y.detach(), inputs.grad, layer.bias.grad, layer.weight.grad

    *same, dense = products(layer)
    recipe = swatlib.Recipe("mvue", weight_grad_gradient=MVUE(), first_layer_dense=False)
    swatlib.sparsify_(layer, recipe)
    *found, dw = products(layer)
    assert all(torch.equal(a, b) for a, b in zip(same, found, strict=True))
    assert not torch.equal(dw, dense)
    mean = torch.stack([products(layer)[3] for _ in range(3000)]).mean(0)
    assert (mean - dense).norm() < 0.1 * dense.norm()


def test_errors() -> None:
    with pytest.raises(ValueError, match="n must be 1, 2 or m=4, got 3"):
        MVUE(3)
    with pytest.raises(ValueError, match="n must be"):
        MVUE(4, 2)
    with pytest.raises(ValueError, match=r"over must name N, which every gradient has, got 'HW'"):
        MVUE(over="HW")
    with pytest.raises(
        ValueError, match=r"sparsity of 2:4 MVUE over NHW is 0\.5 and cannot be set"
    ):
        MVUE().at_sparsity(0.9)

"""Projected outputs: the matrix, the ranking against a loop, and what a layer keeps of both."""

import copy

import pytest
import torch
from torch import Tensor, nn

import swatlib
from swatlib.kernels.convolution import Geometry
from swatlib.selectors import Projected, TopK, kept_count
from swatlib.selectors.projected import projected_length, random_projection, short_products


def ranked(scores: Tensor, sparsity: float) -> Tensor:
    """Keep the largest signed scores of each place and sample, by a loop over (N, Cout, places)."""
    mask = torch.zeros_like(scores, dtype=torch.bool)
    kept = kept_count(scores.shape[1], sparsity)
    for n in range(scores.shape[0]):
        for place in range(scores.shape[2]):
            order = sorted(range(scores.shape[1]), key=lambda c: -float(scores[n, c, place]))
            mask[n, order[:kept], place] = True
    return mask


def layer_of(selector: Projected, *args: int, **options: int) -> swatlib.sparse_layers:
    torch.manual_seed(0)
    conv = nn.Conv2d(*args, **options, dtype=torch.float64)
    recipe = swatlib.Recipe("outputs", first_layer_dense=False, output=selector)
    return swatlib.sparsify_(conv, recipe)


def test_the_length_is_the_bound_of_johnson_and_lindenstrauss() -> None:
    found = [projected_length((filters, 2304)) for filters in (128, 256, 512)]
    assert found == [232, 266, 299]
    assert projected_length((512, 64, 1, 1)) == 64  # never longer than the filter
    assert projected_length((1, 9)) == 1
    assert projected_length((8, 9), 1000) == 1000


def test_the_matrix_has_two_values_and_keeps_products() -> None:
    weight = torch.randn(4, 60, dtype=torch.float64)
    matrix = random_projection(weight, 5000)
    values, counts = matrix.unique(return_counts=True)
    assert values.tolist() == pytest.approx([-((3 / 5000) ** 0.5), 0, (3 / 5000) ** 0.5])
    shares = (counts / matrix.numel()).tolist()
    assert shares == pytest.approx([1 / 6, 2 / 3, 1 / 6], abs=0.01)
    # f(a) f(b) is a b on average: R^T R / k is close to the identity.
    torch.testing.assert_close(
        matrix.T @ matrix, torch.eye(60, dtype=torch.float64), atol=0.1, rtol=0
    )


def test_the_matrix_is_drawn_from_the_weight_alone() -> None:
    weight = torch.randn(6, 10)
    before = torch.get_rng_state()
    first = random_projection(weight, 4)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(99)
    assert torch.equal(random_projection(weight.clone(), 4), first)
    assert not torch.equal(random_projection(weight + 1, 4), first)


@pytest.mark.parametrize("groups", [1, 2])
def test_a_convolution_ranks_its_short_products_at_each_place(groups: int) -> None:
    torch.manual_seed(0)
    x, weight = torch.randn(3, 4, 6, 5).double(), torch.randn(6, 4 // groups, 3, 2).double()
    geometry = Geometry((2, 1), (1, 0), (1, 1), groups)
    selector, k = Projected(0.6, projection=3, shared=False), 3
    mask = selector.choose(x, weight=weight, geometry=geometry)
    matrix = random_projection(weight, k)
    columns = nn.functional.unfold(x, (3, 2), padding=(1, 0), stride=(2, 1))
    columns = columns.reshape(3, groups, -1, columns.shape[-1])
    scores = torch.zeros(3, 6, columns.shape[-1], dtype=torch.float64)
    for filter in range(6):
        of_group = columns[:, filter // (6 // groups)]
        short = matrix @ weight[filter].reshape(-1)
        scores[:, filter] = torch.einsum("k,kl,nlp->np", short, matrix, of_group)
    assert torch.equal(mask.flatten(2), ranked(scores, 0.6))
    assert (mask.sum(1) == 3).all()


def test_a_linear_layer_ranks_for_each_row() -> None:
    x, weight = torch.randn(3, 5, 10).double(), torch.randn(7, 10).double()
    mask = Projected(0.9, projection=4, shared=False).choose(x, weight=weight)
    matrix = random_projection(weight, 4)
    scores = (x @ matrix.T) @ (weight @ matrix.T).T
    assert torch.equal(mask.transpose(1, 2), ranked(scores.transpose(1, 2), 0.9))
    assert (mask.sum(-1) == 1).all()  # at least one


def test_a_long_projection_is_the_oracle() -> None:
    torch.manual_seed(0)
    x, weight = torch.randn(2, 3, 5, 5).double(), torch.randn(8, 3, 3, 3).double()
    oracle = ranked(torch.conv2d(x, weight).flatten(2), 0.5)

    def agreement(k: int) -> float:
        mask = Projected(0.5, k, shared=False).choose(x, weight=weight)
        return float((mask.flatten(2) == oracle).double().mean())

    assert agreement(100_000) > 0.98
    assert agreement(100_000) > agreement(50) > agreement(1) > 0.4
    # With the identity for R it is the oracle itself.
    whole = torch.cat([torch.eye(27, dtype=torch.float64), weight.flatten(1).T], 1)
    torch.testing.assert_close(short_products(x, whole, weight), torch.conv2d(x, weight))


def test_magnitudes_would_choose_others() -> None:
    x, weight = torch.tensor([[1.0, 0.0]]), torch.tensor([[-5.0, 0.0], [1.0, 0.0], [0.5, 0.0]])
    mask = Projected(0.6, projection=400, shared=False).choose(x, weight=weight)
    assert mask.tolist() == [[False, True, True]]
    largest = TopK(0.6, over="CHW", exact=True).choose(x @ weight.T)
    assert largest.tolist() == [[True, True, False]]


def test_the_first_sample_gives_all_of_them_the_threshold() -> None:
    torch.manual_seed(0)
    x, weight = torch.randn(4, 3, 5, 5).double(), torch.randn(8, 3, 3, 3).double()
    own = Projected(0.5, 20, shared=False).choose(x, weight=weight)
    shared = Projected(0.5, 20).choose(x, weight=weight)
    assert torch.equal(shared[0], own[0])
    assert not torch.equal(shared[1:], own[1:])
    first = Projected(0.5, 20).choose(x.flip(0), weight=weight)
    assert torch.equal(first[0], own[3])
    matrix = random_projection(weight, 20)
    values = torch.cat([matrix, matrix @ weight.flatten(1).T], 1)
    scores = short_products(x, values, weight)
    for place in ((0, 0), (1, 2)):
        threshold = scores[0, :, *place].sort(descending=True).values[3]
        assert torch.equal(shared[2, :, *place], scores[2, :, *place] >= threshold)


def test_what_is_not_a_number_is_computed() -> None:
    x, weight = torch.ones(2, 4), torch.randn(6, 4)
    x[1, 2] = torch.nan
    assert Projected(0.5).choose(x, weight=weight)[1].all()


def test_weights_are_projected_anew_with_the_same_matrix() -> None:
    layer, x = layer_of(Projected(0.5, 5, period=3), 2, 6, 3), torch.randn(2, 2, 5, 5).double()
    sgd = torch.optim.SGD(layer.parameters(), 0.1)
    seen = []
    for _ in range(7):
        for _ in range(2):  # micro-batches of one step
            layer(x).square().sum().backward()
        values = layer.states["output"].values
        assert values is not None
        seen.append((values.clone(), layer.weight.detach().flatten(1).clone()))
        sgd.step()
    matrix = seen[0][0][:, :18]
    for step, (values, _) in enumerate(seen):
        assert torch.equal(values[:, :18], matrix)
        torch.testing.assert_close(values[:, 18:], matrix @ seen[step - step % 3][1].T)
    fixed = layer_of(Projected(0.5, 5, period=None), 2, 6, 3)
    assert fixed.recipe.output.period is None


def test_evaluation_reads_what_is_kept_and_writes_nothing() -> None:
    layer, x = layer_of(Projected(0.5, 5), 2, 6, 3), torch.randn(2, 2, 5, 5).double()
    layer.eval()
    before = layer(x)
    assert not layer.states["output"].values.any()
    layer.train()
    assert torch.equal(layer(x), before)
    kept = layer.states["output"].values.clone()
    with torch.no_grad():
        layer.weight.mul_(-1)
    layer.eval()(x)
    assert torch.equal(layer.states["output"].values, kept)


def test_the_state_holds_the_matrix() -> None:
    layer, x = layer_of(Projected(0.5, 5), 2, 6, 3), torch.randn(2, 2, 5, 5).double()
    layer(x)
    state = swatlib.sparsity_state(layer)
    kept = state["layers"][""]["kept"]["output"]["values"]
    assert kept.shape == (5, 18 + 6)
    matrix = random_projection(layer.weight, 5)
    assert torch.equal(kept[:, :18], matrix)
    with torch.no_grad():
        layer.weight.add_(0.1)  # its bits would give another one
    again = layer_of(Projected(0.5, 5), 2, 6, 3)
    again.load_state_dict(dict(layer.state_dict()))
    swatlib.load_sparsity_state_(again, copy.deepcopy(state))
    assert torch.equal(layer(x), again(x))
    assert torch.equal(again.states["output"].values[:, :18], matrix)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sparsity": 1.0}, r"sparsity must be in \[0, 1\), got 1.0"),
        ({"projection": 0}, "projection must be .*got 0"),
        ({"period": 0}, "period must be .*got 0"),
    ],
)
def test_bad_options(options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Projected(**{"sparsity": 0.5} | options)


def test_it_needs_the_weight() -> None:
    with pytest.raises(ValueError, match="weight must be given"):
        Projected(0.5).choose(torch.ones(2, 3))


def test_the_text_tells_options_apart() -> None:
    assert str(Projected(0.5)) == "projected 0.5"
    assert str(Projected(0.5, 9, 7, shared=False)) == "projected to 9 0.5, each sample (period 7)"
    assert str(Projected(0.5, period=None)) == "projected 0.5 (fixed)"

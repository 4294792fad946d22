"""Structured Top-K keeps whole channels by their L1 norm, against plain loops."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from swatlib import sparsify_, swat
from swatlib.kernels.keep import keep
from swatlib.selectors import kept_count, topk_mask
from swatlib.selectors.channels import TopChannels, channel_norms, used_inputs
from swatlib.surgery.sparsify import active_mask


def plain(weight: Tensor, sparsity: float, per: str) -> Tensor:
    """Return the sparse weight by loops: sort slices by L1 norm, the first of equals first."""
    outputs, inputs = weight.shape[:2]
    norm = [[float(weight[o, i].abs().sum()) for i in range(inputs)] for o in range(outputs)]
    kept = set()
    if per == "filter":
        for o in range(outputs):
            order = sorted(range(inputs), key=lambda i, o=o: (-norm[o][i], i))
            kept |= {(o, i) for i in order[: kept_count(inputs, sparsity)]}
    elif per == "layer":
        places = [(o, i) for o in range(outputs) for i in range(inputs)]
        places.sort(key=lambda place: (-norm[place[0]][place[1]], place))
        kept = set(places[: kept_count(len(places), sparsity)])
    else:
        total = [sum(norm[o][i] for o in range(outputs)) for i in range(inputs)]
        order = sorted(range(inputs), key=lambda i: (-total[i], i))
        chosen = order[: kept_count(inputs, sparsity)]
        kept = {(o, i) for o in range(outputs) for i in chosen}
    result = torch.zeros_like(weight)
    for o, i in kept:
        result[o, i] = weight[o, i]
    return result


@settings(max_examples=60, deadline=None)
@given(
    outputs=st.integers(1, 5),
    inputs=st.integers(1, 7),
    kernel=st.sampled_from([1, 2, 3]),
    sparsity=st.sampled_from([0.0, 0.3, 0.5, 0.7, 0.99]),
    per=st.sampled_from(["filter", "layer", "input"]),
    last=st.booleans(),
    seed=st.integers(0, 99),
)
def test_what_survives(
    outputs: int, inputs: int, kernel: int, sparsity: float, per: str, last: bool, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    # Small integers, so that norms tie and sums are exact.
    weight = torch.randint(-3, 4, (outputs, inputs, kernel, kernel), generator=generator).double()
    given_weight = weight.to(memory_format=torch.channels_last) if last else weight
    found = keep(given_weight, TopChannels(sparsity, per).choose(given_weight))
    assert torch.equal(found, plain(weight, sparsity, per))


def test_1x1_convolutions_are_unstructured() -> None:
    weight = torch.randn(6, 10, 1, 1)
    per_filter = TopChannels(0.7).choose(weight)
    assert torch.equal(per_filter, topk_mask(weight, 0.7, over="CHW"))
    assert torch.equal(TopChannels(0.7, "layer").choose(weight), topk_mask(weight, 0.7))


def test_a_nan_stays_visible() -> None:
    weight = torch.ones(2, 4, 3, 3)
    weight[1, 2, 0, 0] = torch.nan
    assert keep(weight, TopChannels(0.5).choose(weight)).isnan().any()


def test_half_precision_norms_are_summed_in_float32() -> None:
    weight = torch.full((1, 2, 64, 64), 1.0).half()
    weight[0, 1, 0, 0] = 1.5
    assert channel_norms(weight).dtype == torch.float32
    assert TopChannels(0.5).choose(weight).flatten().tolist() == [False, True]


def test_forward_and_input_gradient_use_the_channels_and_activations_stay_unstructured() -> None:
    torch.manual_seed(0)
    conv = nn.Conv2d(8, 6, 3, padding=1, bias=False).double()
    model = sparsify_(conv, swat(0.5, structured="filter", first_layer_dense=False))
    x = torch.randn(2, 8, 5, 5, dtype=torch.float64, requires_grad=True)
    grad = torch.randn(2, 6, 5, 5, dtype=torch.float64)
    y = model(x)
    y.backward(grad)
    mask = TopChannels(0.5).choose(conv.weight).expand_as(conv.weight)
    assert torch.equal(active_mask(conv), mask)
    reference = x.detach().clone().requires_grad_()
    sparse = nn.functional.conv2d(reference, conv.weight.detach() * mask, padding=1)
    sparse.backward(grad)
    torch.testing.assert_close(y, sparse)
    torch.testing.assert_close(x.grad, reference.grad)
    dropped = x.detach() * topk_mask(x.detach(), 0.5)
    w = conv.weight.detach().clone().requires_grad_()
    nn.functional.conv2d(dropped, w, padding=1).backward(grad)
    torch.testing.assert_close(conv.weight.grad, w.grad)


def test_a_convolution_without_its_dropped_inputs_is_the_same() -> None:
    torch.manual_seed(0)
    weight, x = torch.randn(5, 12, 3, 3).double(), torch.randn(2, 12, 6, 6).double()
    sparse = keep(weight, TopChannels(0.75, "input").choose(weight))
    used = used_inputs(sparse)
    assert len(used) == 3
    whole = nn.functional.conv2d(x, sparse)
    torch.testing.assert_close(nn.functional.conv2d(x[:, used], sparse[:, used]), whole)
    assert len(used_inputs(torch.zeros(2, 3, 1, 1))) == 0


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="structured must be one of filter, layer, input; got 'r'"):
        swat(0.5, structured="r")
    with pytest.raises(ValueError, match=r"sparsity must be in \[0, 1\), got 1"):
        TopChannels(1)
    with pytest.raises(ValueError, match="period of a structured selector must be 1, got 3"):
        TopChannels(0.5, period=3)
    with pytest.raises(ValueError, match=r"needs a weight \(Cout, Cin, kh, kw\), got \(3, 4\)"):
        TopChannels(0.5).choose(torch.ones(3, 4))
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3), nn.Flatten(), nn.Linear(16, 2))
    with pytest.raises(ValueError, match="layer '3' is linear and has no channels for TopK"):
        sparsify_(model, swat(0.5, structured="filter"))
    assert all(type(layer) in (nn.Conv2d, nn.Flatten, nn.Linear) for layer in model)
    sparsify_(model, swat(0.5, structured="filter"), lambda _, layer: layer is model[1])

"""Batch norms that keep less: the same gradients where that is promised, near ones where not."""

import copy
from typing import Any

import pytest
import torch
from storage_steps import equal, kept, step
from torch import Tensor, nn

from swatlib.methods import Recipe, dense, fst, sparse_forward, swat
from swatlib.models import build_network
from swatlib.selectors import topk_threshold
from swatlib.storage.batch_norm import LONGEST, ThriftyBatchNorm2d
from swatlib.storage.compression import compress_, decompress_, saved_bytes
from swatlib.surgery.sparsify import sparsify_


def link(channels: int = 8, inplace: bool = False) -> list[nn.Module]:
    return [
        nn.Conv2d(channels, channels, 3, padding=1),
        nn.BatchNorm2d(channels),
        nn.ReLU(inplace),
    ]


def plain(links: int, inplace: bool = False) -> nn.Sequential:
    """A stem and so many times convolution, batch norm, ReLU."""
    stem = [nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(inplace)]
    return nn.Sequential(*stem, *(m for _ in range(links) for m in link(8, inplace)))


# Recomputed


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last], ids=str)
@pytest.mark.parametrize("name", ["small_resnet", "small_vgg", "small_densenet", "resnet18"])
@pytest.mark.parametrize(
    "recipe", [dense(), swat(0.9), fst(), sparse_forward(0.6, 0.7, matched=True)], ids=str
)
def test_recomputed_training_is_the_same_to_the_bit(
    recipe: Recipe, name: str, memory_format: Any
) -> None:
    torch.manual_seed(0)
    width = {} if name == "resnet18" else {"width": 8}
    model = sparsify_(build_network(name, image=8, **width), recipe).to(memory_format=memory_format)
    x = torch.randn(3, 3, 8, 8).to(memory_format=memory_format)
    twin = compress_(copy.deepcopy(model), batch_norm="recomputed")
    assert equal(step(model, x), step(twin, x))


@pytest.mark.parametrize("inplace", [False, True])
def test_a_chain_keeps_every_third_input(inplace: bool) -> None:
    x = torch.randn(2, 3, 10, 10)
    one, bits, statistics = 2 * 8 * 100 * 4, 2 * 8 * 100 // 8, 2 * 8 * 4
    model = compress_(sparsify_(plain(5, inplace), swat(0.8)), batch_norm="recomputed")
    found = saved_bytes(model, x)
    norms = found[found["kind"] == "ThriftyBatchNorm2d"].groupby("layer")["bytes"].sum()
    assert LONGEST == 2
    assert norms[["1", "4", "7", "10", "13", "16"]].tolist() == [
        statistics + one * (place % 3 == 0) for place in range(6)
    ]
    # Of the convolutions' inputs nothing is kept, of ReLUs a bit per entry.
    assert found[found["kind"] == "BitReLU"]["bytes"].sum() == 6 * bits
    assert found[found["kind"] == "SparseConv2d"]["bytes"].max() <= 4
    twin = decompress_(copy.deepcopy(model))
    assert equal(step(model, x), step(twin, x))


class Touched(nn.Module):
    """A chain whose middle is changed behind autograd's back."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = plain(0)[:2], nn.Sequential(*link())

    def forward(self, x: Tensor) -> Tensor:
        y = self.a(x)
        with torch.no_grad():
            y += 1
        y = self.b[0](y)
        with torch.no_grad():
            y *= 2
        return self.b[2](self.b[1](y))


def test_what_was_changed_in_place_is_kept() -> None:
    x, model = torch.randn(2, 3, 10, 10), sparsify_(Touched(), swat(0.8))
    twin = compress_(copy.deepcopy(model), batch_norm="recomputed")
    assert equal(step(model, x), step(twin, x))


def test_autocast_and_a_second_backward_pass() -> None:
    x, model = torch.randn(2, 3, 10, 10), sparsify_(plain(2), swat(0.8))
    twin = compress_(copy.deepcopy(model), batch_norm="recomputed")
    with torch.autocast("cpu", torch.bfloat16):
        assert equal(step(model, x), step(twin, x))
    for m in (model, twin):
        m.zero_grad()
        loss = m(x).square().sum()
        loss.backward(retain_graph=True)
        loss.backward()
    for p, q in zip(model.parameters(), twin.parameters(), strict=True):
        assert torch.equal(p.grad, q.grad)  # type: ignore[arg-type]


@pytest.mark.parametrize("momentum", [0.1, None])
@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("tracked", [True, False])
def test_batch_norm_is_torchs(momentum: float | None, affine: bool, tracked: bool) -> None:
    norm = nn.BatchNorm2d(6, 1e-3, momentum, affine, tracked)
    found = []
    for keeps in (norm, copy.deepcopy(norm)):
        if keeps is not norm:
            keeps.__class__ = ThriftyBatchNorm2d
        x = torch.linspace(-1, 2, 360).reshape(5, 6, 3, 4).cos().requires_grad_()
        y = keeps(x)
        (y * torch.arange(360.0).reshape(x.shape)).sum().backward()
        state = [t.clone() for t in keeps.state_dict().values()]
        keeps.eval()
        found.append([y, x.grad, keeps(x), *state, *(p.grad for p in keeps.parameters())])
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


def test_without_a_backward_pass_nothing_is_kept() -> None:
    model = compress_(sparsify_(plain(2), swat(0.8)), batch_norm="recomputed")
    with torch.no_grad():
        assert model(torch.randn(2, 3, 8, 8)).grad_fn is None
    assert not kept(model.requires_grad_(False), torch.randn(2, 3, 8, 8))


# Sparse


def test_a_sparse_input_gives_the_gradient_of_what_is_left() -> None:
    torch.manual_seed(0)
    x, upstream = torch.randn(4, 3, 5, 6), torch.randn(4, 3, 5, 6)
    norm = nn.BatchNorm2d(3)
    norm.__class__ = ThriftyBatchNorm2d
    norm.sparsity = 0.7  # type: ignore[assignment]
    z = (x * torch.tensor([1.0, 5.0, 0.2]).view(1, 3, 1, 1) + 2).requires_grad_()
    norm(z).backward(upstream)
    # By the formula: dZ = (G - mean(G) - Zn mean(G Zn)) / deviation, of a thinned Zn.
    dims = (0, 2, 3)
    deviation = (z.detach().var(dims, correction=0, keepdim=True) + norm.eps).sqrt()
    normal = (z.detach() - z.detach().mean(dims, keepdim=True)) / deviation
    thin = torch.where(normal.abs() >= topk_threshold(normal, 0.7), normal, 0)
    mean = upstream.mean(dims, keepdim=True)
    expected = upstream - mean - thin * (upstream * thin).mean(dims, keepdim=True)
    torch.testing.assert_close(z.grad, expected / deviation, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(norm.weight.grad, (upstream * thin).sum(dims), rtol=1e-4, atol=1e-4)


def test_sparse_and_rounded_inputs_take_what_they_should() -> None:
    x, model = torch.randn(2, 3, 10, 10), sparsify_(plain(1), swat(0.8))
    entries, statistics = 2 * 8 * 100, 2 * 8 * 4
    for options, one in (
        ({"values": "int8"}, entries),
        ({"values": "bfloat16"}, 2 * entries),
        ({"batch_norm": 0.75}, 4 * entries // 4 + entries // 8),
        ({"batch_norm": 0.75, "values": "int8"}, entries // 4 + entries // 8),
    ):
        found = saved_bytes(compress_(model, **options), x).query("kind == 'ThriftyBatchNorm2d'")
        assert found["bytes"].sum() == 2 * (one + statistics)


def test_the_class_comes_and_goes() -> None:
    model = sparsify_(plain(1), swat(0.8))
    before = [(type(m), set(vars(m))) for m in model.modules()]
    assert type(compress_(model)[1]) is nn.BatchNorm2d
    assert type(compress_(model, batch_norm="recomputed")[1]) is ThriftyBatchNorm2d
    assert type(compress_(model)[1]) is nn.BatchNorm2d
    decompress_(compress_(model, values="int8", batch_norm=0.5))
    assert [(type(m), set(vars(m))) for m in model.modules()] == before

"""Narrower networks: parameters within 1 %, shapes that fit, and the ends that stay."""

import pytest
import torch
from torch import nn

import swatlib
from swatlib.models import build_network
from swatlib.models.narrow import initialised, narrow_, narrow_to_, sparse_parameters, used_layers


def parameters(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize("name", ["small_resnet", "small_vgg", "small_densenet"])
@pytest.mark.parametrize(("width", "sparsity"), [(8, 0.5), (8, 0.9), (32, 0.8)])
def test_small_networks_have_the_parameters_of_the_sparse_one(
    name: str, width: int, sparsity: float
) -> None:
    model = build_network(name, image=8, channels=1, width=width, smaller=sparsity)
    assert model.training
    assert model(torch.randn(2, 1, 8, 8)).shape == (2, 10)
    sparse = swatlib.sparsify_(
        build_network(name, image=8, channels=1, width=width), swatlib.method("static", sparsity)
    )
    wanted = parameters(sparse) - sum(
        int((~swatlib.active_mask(layer)).sum()) for _, layer in swatlib.sparse_layers(sparse)
    )
    assert parameters(model) == pytest.approx(wanted, rel=0.01)


@pytest.mark.parametrize("name", ["resnet18", "vgg16", "wrn16_8"])
def test_large_networks_too(name: str) -> None:
    with torch.device("meta"):
        whole, small = build_network(name), build_network(name, smaller=0.8)
        x = torch.empty(2, 3, 32, 32)
        wanted = sparse_parameters(whole, x, 0.8)
        assert small(x).shape == (2, 10)
    assert parameters(small) == pytest.approx(wanted, rel=0.01)
    names = [key for key, _ in whole.named_parameters()]
    assert [key for key, _ in small.named_parameters()] == names


def test_resnet_50_keeps_about_the_root_of_its_density() -> None:
    """Weights go with the square of the channels: the root of 0.2 is 0.45."""
    with torch.device("meta"):
        small = build_network("resnet50", classes=1000, image=224, smaller=0.8)
    assert small.layer4[0].conv2.out_channels / 512 == pytest.approx(0.45, abs=0.1)  # type: ignore[union-attr, index, operator]


def test_channels_by_hand() -> None:
    with torch.device("meta"):
        layers = nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.Conv2d(8, 8, 3, padding=1)
        model = nn.Sequential(*layers, nn.Flatten(), nn.Linear(8 * 16, 8))
        x = torch.empty(2, 3, 4, 4)
    narrow_(model, x, {8: 5})
    assert [tuple(p.shape) for p in model.parameters()] == [
        (5, 3, 3, 3), (5,), (5,), (5,), (5, 5, 3, 3), (5,), (8, 80), (8,),
    ]  # fmt: skip
    assert [layer.weight.shape[0] for layer in used_layers(model, x)] == [5, 5, 8]
    real = initialised(model)
    assert all(p.isfinite().all() for p in real.parameters())
    assert real[1].running_var.tolist() == [1] * 5  # type: ignore[index]


def test_it_starts_alike_from_a_seed() -> None:
    found = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        found.append(build_network("small_vgg", image=8, width=8, smaller=0.5).state_dict())
    assert all(torch.equal(found[0][key], found[1][key]) for key in found[0])
    assert not torch.equal(found[0]["conv1.weight"], found[2]["conv1.weight"])


def test_bad_values() -> None:
    with pytest.raises(ValueError, match=r"smaller must be in \[0, 1\), got 1"):
        build_network("small_vgg", smaller=1.0)
    with torch.device("meta"):
        model, x = nn.Sequential(nn.Linear(50, 2), nn.Linear(2, 50)), torch.empty(1, 50)
    with pytest.raises(ValueError, match=r"within 1 %; got 180, the nearest is"):
        narrow_to_(model, x, 180)

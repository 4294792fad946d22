"""The networks: published parameter counts, shapes, and clear errors."""

import pytest
import torch
from torch import nn

from swatlib.models import NAMES, build_network

SMALL = ("small_resnet", "small_vgg", "small_vgg_relu_first", "small_densenet")

# All parameters, from the tables of torchvision's model documentation (weights *_V1; the counts
# do not depend on the weights). VGG-16 is the row of vgg16_bn less the 4,224 biases of its
# convolutions, which are redundant before a batch norm.
TORCHVISION = {
    "resnet18": 11_689_512,
    "resnet34": 21_797_672,
    "resnet50": 25_557_032,
    "resnet101": 44_549_160,
    "wrn50_2": 68_883_240,
    "densenet121": 7_978_856,
    "vgg16": 138_365_992 - 4_224,
}

# Total parameters of the original CIFAR forms: Zagoruyko and Komodakis 2016, Table 4 (11.0 M and
# 36.5 M). Conv and linear weights alone, in millions, for the rest.
CIFAR_WEIGHTS = {
    "vgg16": 33.63,
    "wrn16_8": 10.95,
    "wrn28_10": 36.46,
    "densenet121": 6.87,
    "resnet18": 11.16,
}


def on_meta(name: str, classes: int, image: int) -> nn.Module:
    with torch.device("meta"):
        return build_network(name, classes=classes, image=image)


def parameters(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize("name", TORCHVISION)
def test_imagenet_parameters_match_torchvision(name: str) -> None:
    assert parameters(on_meta(name, 1000, 224)) == TORCHVISION[name]


@pytest.mark.parametrize("name", CIFAR_WEIGHTS)
def test_cifar_weights_in_millions(name: str) -> None:
    model = on_meta(name, 10, 32)
    weights = sum(m.weight.numel() for m in model.modules() if isinstance(m, nn.Conv2d | nn.Linear))
    assert weights / 1e6 == pytest.approx(CIFAR_WEIGHTS[name], abs=0.01)


@pytest.mark.parametrize(("name", "millions"), [("wrn16_8", 11.0), ("wrn28_10", 36.5)])
def test_wide_resnets_match_their_paper(name: str, millions: float) -> None:
    assert parameters(on_meta(name, 10, 32)) / 1e6 == pytest.approx(millions, abs=0.05)


@pytest.mark.parametrize("name", NAMES)
def test_every_network_maps_images_to_classes(name: str) -> None:
    with torch.device("meta"):
        y = build_network(name, classes=7, image=32)(torch.empty(2, 3, 32, 32))
    assert y.shape == (2, 7)


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("image", [8, 16, 32])
@pytest.mark.parametrize("channels", [1, 3])
def test_small_families_learn_at_every_size(name: str, image: int, channels: int) -> None:
    torch.manual_seed(0)
    model = build_network(name, classes=3, image=image, channels=channels, width=8)
    model(torch.randn(4, channels, image, image)).square().sum().backward()
    for key, parameter in model.named_parameters():
        assert parameter.grad is not None, key
        assert parameter.grad.isfinite().all(), key
        if parameter.dim() == 4:  # every tap of every kernel takes part: no map shrinks to 1x1
            assert (parameter.grad.abs().sum((0, 1)) > 0).all(), key


@pytest.mark.parametrize("name", SMALL)
def test_relus_are_modules_used_once_and_not_in_place(name: str) -> None:
    model = build_network(name, image=8)
    calls: dict[str, int] = {}
    for key, child in model.named_modules():
        if isinstance(child, nn.ReLU):
            assert not child.inplace
            child.register_forward_hook(
                lambda *_, key=key: calls.__setitem__(key, calls.get(key, 0) + 1)
            )
    model(torch.randn(2, 3, 8, 8))
    assert calls
    assert set(calls.values()) == {1}


def test_width_and_depth_scale_the_small_families() -> None:
    assert parameters(build_network("small_resnet", depth=14)) > parameters(
        build_network("small_resnet")
    )
    assert parameters(build_network("small_vgg", width=16)) < parameters(build_network("small_vgg"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "resnet19"}, "name must be one of .*resnet18.*got 'resnet19'"),
        ({"name": "small_resnet", "depth": 9}, r"depth must be 6 n \+ 2 \(8, 14, 20, ...\), got 9"),
        ({"name": "small_vgg", "depth": 2}, r"depth must be 3 n \+ 2"),
        ({"name": "small_densenet", "depth": 5}, r"depth must be 3 n \+ 4"),
        ({"name": "resnet18", "width": 64}, "width and depth are fixed for resnet18"),
        ({"name": "small_vgg", "image": 4}, "image must be at least 8 for small_vgg, got 4"),
        ({"name": "vgg16", "image": 16}, "image must be at least 32 for vgg16, got 16"),
        ({"name": "resnet18", "classes": 0}, "classes must be at least 1, got 0"),
        ({"name": "small_vgg", "width": 0}, "width must be at least 1, got 0"),
    ],
)
def test_bad_arguments_say_what_is_allowed(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build_network(**arguments)

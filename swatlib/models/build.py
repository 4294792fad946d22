"""One way to get a network: :func:`build_network` picks it by name and fits it to the image."""

from collections.abc import Callable
from functools import partial

import torch
from torch import nn

from swatlib import checks
from swatlib.checked import checked
from swatlib.models.densenet import densenet121
from swatlib.models.layers import he_init_
from swatlib.models.narrow import initialised, narrow_to_, sparse_parameters
from swatlib.models.resnet import resnet18, resnet34, resnet50, resnet101, wrn50_2
from swatlib.models.small import small_densenet, small_resnet, small_vgg
from swatlib.models.transformer import vision_transformer
from swatlib.models.vgg import vgg16
from swatlib.models.wide_resnet import wrn16_8, wrn28_10

SMALL: dict[str, Callable[..., nn.Module]] = {
    "small_resnet": small_resnet,
    "small_vgg": small_vgg,
    "small_vgg_relu_first": partial(small_vgg, relu_first=True),
    "small_densenet": small_densenet,
}
TRANSFORMERS: dict[str, Callable[..., nn.Module]] = {
    "vision_transformer": vision_transformer,
    "vision_transformer_squared_relu": partial(vision_transformer, activation="squared_relu"),
}
LARGE = {
    "resnet18": resnet18,
    "resnet34": resnet34,
    "resnet50": resnet50,
    "resnet101": resnet101,
    "wrn50_2": wrn50_2,
    "vgg16": vgg16,
    "densenet121": densenet121,
    "wrn16_8": wrn16_8,
    "wrn28_10": wrn28_10,
}
SIZED: dict[str, Callable[..., nn.Module]] = {**SMALL, **TRANSFORMERS}
NAMES = (*SIZED, *LARGE)
"""Every name that :func:`build_network` knows."""


@checked
def build_network(
    name: str,
    classes: int = 10,
    image: int = 32,
    channels: int = 3,
    width: int | None = None,
    depth: int | None = None,
    smaller: float = 0.0,
) -> nn.Module:
    """Build a network by name, in the form that fits the image size.

    Parameters
    ----------
    name : str
        One of :data:`NAMES`. The large networks take their CIFAR form for images of at most 64
        pixels and their ImageNet form above. Under ``torch.device("meta")`` no weights
        are allocated.
    classes : int
        Number of outputs.
    image : int
        Pixels along a side of the square image, at least 8 (32 for `vgg16`).
    channels : int
        Image channels, 1 or 3 for photographs.
    width, depth : int, optional
        Only for the small families: channels of the first stage (default 32) and
        number of weighted layers (default 8, for `small_densenet` 13); and for the transformers:
        channels of a token (default 64) and number of blocks (default 4).
    smaller : float
        Take fewer channels, so that there are as many parameters as a network of this sparsity has
        that are not zero, see :mod:`swatlib.models.narrow`. Not for transformers.

    Returns
    -------
    nn.Module
        Freshly initialised, in training mode; maps (N, channels, image, image) to (N, classes).

    Raises
    ------
    ValueError
        For an unknown name, a size that is not positive, an image too small for the network, a
        depth the family cannot have, a width or depth given to a large network, or a transformer
        to be made smaller.

    Examples
    --------
    >>> from swatlib.models import build_network
    >>> model = build_network("small_resnet", classes=10, image=8, channels=1)
    >>> sum(p.numel() for p in model.parameters())
    308074
    """
    name = checks.one_of("name", name, NAMES)
    classes, channels = checks.count("classes", classes), checks.count("channels", channels)
    image = checks.count("image", image)
    width = checks.optional(checks.count)("width", width)
    depth = checks.optional(checks.count)("depth", depth)
    smallest = 32 if name == "vgg16" else 8
    if image < smallest:
        raise ValueError(f"image must be at least {smallest} for {name}, got {image}")
    smaller = checks.sparsity("smaller", smaller)
    if smaller and name in TRANSFORMERS:
        raise ValueError(f"smaller must be 0 for {name}, got {smaller:g}: give it a width")
    if smaller:
        with torch.device("meta"):
            model = build_network(name, classes, image, channels, width, depth).eval()
            x = torch.empty(2, channels, image, image)
        narrow_to_(model, x, sparse_parameters(model, x, smaller))
        on_meta = torch.get_default_device().type == "meta"
        return model.train() if on_meta else he_init_(initialised(model.train()))
    if name in SIZED:
        options = {"width": width, "depth": depth}
        chosen = {key: value for key, value in options.items() if value is not None}
        return SIZED[name](classes, image, channels, **chosen)
    if width is not None or depth is not None:
        raise ValueError(f"width and depth are fixed for {name}; only {', '.join(SIZED)} take them")
    return LARGE[name](classes, image, channels)

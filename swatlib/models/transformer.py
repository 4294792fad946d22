"""A small vision transformer: patches as tokens, attention and feed-forward layers (pre-norm).

The encoder of Dosovitskiy et al. (2021): the image is cut into patches, a convolution makes a token
of each, and every block adds attention and a feed-forward network to the tokens, each behind its
own layer norm. Positions are learnt, the head reads the mean of all tokens.

Every product with weights is a plain ``nn.Linear`` or ``nn.Conv2d``, so all of them can be made
sparse. Query, key and value are one layer, ``Attention.qkv``, with three times as many outputs
as inputs: Top-K of its weight lets the three compete. The products of queries with keys, and of
attention with values, have no weights and stay dense.

Layers start as torch makes them: uniform in +-1 / sqrt(inputs), weights and biases alike, and
layer norms at one and zero. Positions start small, normal with a deviation of 0.02.
"""

from functools import partial
from typing import Any

from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from swatlib import checks
from swatlib.checked import checked

HEAD = 16
"""Channels of a head of attention."""

WIDER = 4
"""How many times wider the feed-forward network is than the tokens."""

ACTIVATIONS = ("gelu", "squared_relu")
_ACTIVATION = partial(checks.one_of, allowed=ACTIVATIONS)
_SIZES: dict[str, Any] = dict.fromkeys(("classes", "channels", "width", "depth"), checks.count)


class SquaredReLU(nn.Module):
    """max(x, 0) squared (So et al. 2021): as many zeros as ReLU leaves, and a smooth start."""

    def forward(self, x: Tensor) -> Tensor:
        """Map any shape to the same."""
        return x.relu().square()


class Attention(nn.Module):
    """Multi-head self-attention (Vaswani et al. 2017, section 3.2).

    Parameters
    ----------
    width : int
        Channels of a token, a multiple of ``heads``.
    heads : int

    Attributes
    ----------
    qkv : nn.Linear
        From a token to its query, key and value: ``width`` to 3 ``width``.
    output : nn.Linear
        ``width`` to ``width``.
    """

    @checked(width=checks.count, heads=checks.count)
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"width must be a multiple of heads={heads}, got {width}")
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.output = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Map tokens (N, T, width) to the same shape."""
        parts = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        query, key, value = parts.unbind(0)
        mixed = scaled_dot_product_attention(query, key, value)
        found: Tensor = self.output(mixed.transpose(1, 2).flatten(2))
        return found


class FeedForward(nn.Module):
    """Two linear layers with a nonlinearity between them.

    Parameters
    ----------
    width : int
        Channels of a token; there are four times as many between the two layers.
    activation : str
        "gelu" or "squared_relu".

    Attributes
    ----------
    up, down : nn.Linear
        The layers.
    """

    @checked(width=checks.count, activation=_ACTIVATION)
    def __init__(self, width: int, activation: str = "gelu") -> None:
        super().__init__()
        self.up = nn.Linear(width, WIDER * width)
        self.activation = nn.GELU() if activation == "gelu" else SquaredReLU()
        self.down = nn.Linear(WIDER * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Map tokens (N, T, width) to the same shape."""
        found: Tensor = self.down(self.activation(self.up(x)))
        return found


class Block(nn.Module):
    """Attention, then feed-forward; each is added to the tokens and reads them normalised."""

    @checked(width=checks.count, heads=checks.count, activation=_ACTIVATION)
    def __init__(self, width: int, heads: int, activation: str = "gelu") -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width)
        self.feed_forward = FeedForward(width, activation)

    def forward(self, x: Tensor) -> Tensor:
        """Map tokens (N, T, width) to the same shape."""
        x = x + self.attention(self.norm1(x))
        found: Tensor = x + self.feed_forward(self.norm2(x))
        return found


class VisionTransformer(nn.Module):
    """Patches, learnt positions, blocks, and a linear layer on the mean of the tokens.

    Parameters
    ----------
    classes, channels : int
        Outputs, and channels of the image.
    grid, patch : int
        Patches along a side of the image, and pixels along a side of a patch.
    width, depth : int
        Channels of a token, and number of blocks.
    activation : str
        Of the feed-forward networks: "gelu" or "squared_relu".
    """

    @checked(grid=checks.count, patch=checks.count, activation=_ACTIVATION, **_SIZES)
    def __init__(
        self,
        classes: int,
        channels: int,
        grid: int,
        patch: int,
        width: int,
        depth: int,
        activation: str = "gelu",
    ) -> None:
        super().__init__()
        self.patches = nn.Conv2d(channels, width, patch, stride=patch)
        # An embedding, because positions are looked up: no product has them as weights.
        self.positions = nn.Embedding(grid**2, width)
        nn.init.normal_(self.positions.weight, std=0.02)
        heads = max(1, width // HEAD)
        self.blocks = nn.Sequential(*[Block(width, heads, activation) for _ in range(depth)])
        self.norm = nn.LayerNorm(width)
        self.fc = nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, channels, image, image) to (N, classes)."""
        tokens = self.patches(x).flatten(2).transpose(1, 2) + self.positions.weight
        found: Tensor = self.fc(self.norm(self.blocks(tokens)).mean(1))
        return found


@checked(image=checks.count, activation=_ACTIVATION, **_SIZES)
def vision_transformer(
    classes: int,
    image: int,
    channels: int,
    width: int = 64,
    depth: int = 4,
    activation: str = "gelu",
) -> nn.Module:
    """Return a vision transformer of 16 tokens for images of at most 16 pixels, else 64.

    Parameters
    ----------
    classes, image, channels : int
        Outputs, pixels along a side of the image (a multiple of 4, above 16 of 8), and image
        channels.
    width : int
        Channels of a token; above 16 a multiple of 16, which is the size of an attention head.
    depth : int
        Number of blocks.
    activation : str
        Of the feed-forward networks: "gelu" or "squared_relu".

    Raises
    ------
    ValueError
        For an image that patches do not fill, or a width that heads do not.

    Examples
    --------
    >>> from swatlib.models.transformer import vision_transformer
    >>> model = vision_transformer(classes=10, image=8, channels=1)
    >>> len(model.positions.weight), sum(p.numel() for p in model.parameters())
    (16, 202058)
    """
    grid = 4 if image <= 16 else 8
    if image % grid:
        raise ValueError(f"image must be a multiple of {grid} for a transformer, got {image}")
    if width > HEAD and width % HEAD:
        raise ValueError(f"width must be a multiple of {HEAD} for a transformer, got {width}")
    return VisionTransformer(classes, channels, grid, image // grid, width, depth, activation)

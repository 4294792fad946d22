"""Augmentation: mirror and shift photographs at random, as the papers do for CIFAR.

The whole batch is drawn by one gather, so that augmenting costs a small part of a training step.
"""

import torch
from torch import Tensor

from swatlib.checked import checked


@checked
def augment(x: Tensor, generator: torch.Generator, flips: bool = True, shifts: int = 0) -> Tensor:
    """Return a randomly mirrored and shifted copy of a batch of images.

    Parameters
    ----------
    x : Tensor, shape (N, C, H, W)
        Floating.
    generator : torch.Generator
        On the CPU, so that a run draws the same numbers on every device.
    flips : bool
        Mirror left and right, every image with probability one half.
    shifts : int
        Shift by up to so many pixels, uniformly, in both directions. Pixels shifted in are 0, the
        mean of a normalised data set. Less than the size of the image.

    Returns
    -------
    Tensor
        Shape, dtype, device and memory format of ``x``.

    Raises
    ------
    ValueError
        For a batch that has not four dimensions, or shifts outside [0, min(H, W)).
    """
    if x.ndim != 4:
        raise ValueError(f"x must have shape (N, C, H, W), got {tuple(x.shape)}")
    n, _, height, width = x.shape
    if not 0 <= shifts < min(height, width):
        raise ValueError(f"shifts must be in [0, {min(height, width)}), got {shifts}")
    columns = torch.arange(width).expand(n, width)
    if flips:
        mirrored = torch.rand(n, 1, generator=generator) < 0.5
        columns = torch.where(mirrored, width - 1 - columns, columns)
    rows = torch.arange(height).expand(n, height)
    if shifts:
        down, right = torch.randint(0, 2 * shifts + 1, (2, n, 1), generator=generator)
        rows, columns = rows + down, columns + right
        x_padded = torch.nn.functional.pad(x, (shifts,) * 4)
    else:
        x_padded = x
    image = torch.arange(n, device=x.device)[:, None, None]
    rows, columns = rows.to(x.device), columns.to(x.device)
    # Gathered with the channels last, where a pixel is one short run of memory.
    pixels = x_padded.permute(0, 2, 3, 1)[image, rows[:, :, None], columns[:, None, :]]
    return torch.empty_like(x).copy_(pixels.permute(0, 3, 1, 2))

"""Mirrored and shifted images against a loop over the images of a batch."""

import pytest
import torch
from torch.nn import functional as F

from swatlib.training.augmentation import augment


def by_hand(x, seed, flips, shifts):
    generator = torch.Generator().manual_seed(seed)
    n, _, height, width = x.shape
    mirrored = (
        torch.rand(n, 1, generator=generator) < 0.5 if flips else torch.zeros(n, 1, dtype=bool)
    )
    moves = torch.zeros(2, n, 1, dtype=torch.int64)
    if shifts:
        moves = torch.randint(0, 2 * shifts + 1, (2, n, 1), generator=generator)
    images = []
    for image, mirror, down, right in zip(x, mirrored[:, 0], *moves[:, :, 0].tolist(), strict=True):
        padded = F.pad(image, (shifts,) * 4)
        # A mirrored image is cut out of the padded one from its right end.
        window = padded[:, down : down + height, right : right + width]
        images.append(window.flip(-1) if mirror else window)
    return torch.stack(images)


@pytest.mark.parametrize("flips", [True, False])
@pytest.mark.parametrize("shifts", [0, 1, 3])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_every_image_is_mirrored_and_shifted(flips, shifts, layout):
    x = torch.randn(9, 3, 6, 5).to(memory_format=layout)
    given = augment(x, torch.Generator().manual_seed(4), flips, shifts)
    assert torch.equal(given, by_hand(x, 4, flips, shifts))
    assert given.stride() == x.stride()


def test_all_shifts_and_both_sides_occur():
    x = torch.arange(25.0).reshape(1, 1, 5, 5).expand(400, 1, 5, 5) + 1
    seen = {
        tuple(i.flatten().tolist()) for i in augment(x, torch.Generator().manual_seed(0), True, 1)
    }
    assert len(seen) == 2 * 9


@pytest.mark.parametrize("shifts", [-1, 5])
def test_shifts_stay_within_the_image(shifts):
    with pytest.raises(ValueError, match="shifts"):
        augment(torch.zeros(2, 1, 5, 5), torch.Generator(), True, shifts)


def test_a_batch_has_four_dimensions():
    with pytest.raises(ValueError, match="shape"):
        augment(torch.zeros(1, 5, 5), torch.Generator())

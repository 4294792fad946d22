"""Data sets as networks see them: normalised, and in subsets."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from swatlib.data import describe, load


@pytest.mark.parametrize("arguments", [("digits",), ("patches",), ("patches", 32)])
def test_is_normalised_by_its_training_images(arguments: tuple) -> None:
    data = load(*arguments)
    for x, y in ((data.train_x, data.train_y), (data.test_x, data.test_y)):
        assert x.dtype == torch.float32
        assert y.dtype == torch.int64
        assert len(x) == len(y)
        assert x.is_contiguous()
        assert set(y.tolist()) == set(range(data.classes))
        assert len(data.class_names) == 10
    mean = data.train_x.double().mean(dim=(0, 2, 3))
    std = data.train_x.double().std(dim=(0, 2, 3), correction=0)
    assert mean.abs().max() < 1e-5
    assert (std - 1).abs().max() < 1e-5


def test_subset_is_balanced_and_nested() -> None:
    small, large = load("digits", images=53), load("digits", images=200)
    counts = small.train_y.bincount()
    assert counts.sum() == 53
    assert counts.max() - counts.min() == 1
    assert large.train_y.bincount().tolist() == [20] * 10
    assert torch.equal(small.test_y, large.test_y)

    def levels(data) -> set[tuple[float, ...]]:
        x = torch.cat([data.train_x, data.test_x]).flatten(1)
        scaled = (x - x.min()) / (x.max() - x.min()) * 16
        return set(map(tuple, scaled[: len(data.train_y)].round().tolist()))

    assert levels(small) <= levels(large)


def test_fingerprint_sees_every_label(own_folders: Path) -> None:
    data = load("digits")
    labels = data.train_y.clone()
    labels[7] = (labels[7] + 1) % 10
    assert describe(data) != describe(data._replace(train_y=labels))

"""Slices: what competes with what."""

import pytest
import torch

from swatlib.kernels.slices import chosen_dims, floating, in_slices


@pytest.mark.parametrize(
    ("over", "dims", "shape"),
    [
        ("NCHW", [0, 1, 2, 3], [1] * 4),
        ("CHW", [1, 2, 3], [2, 1, 1, 1]),
        ("HW", [2, 3], [2, 3, 1, 1]),
    ],
)
def test_rows_are_the_entries_of_a_slice(over: str, dims: list[int], shape: list[int]) -> None:
    x = torch.arange(120.0).reshape(2, 3, 4, 5)
    assert chosen_dims(x, over) == dims
    rows, broadcastable = in_slices(x, over)
    assert broadcastable == shape
    assert torch.equal(rows.sum(1).reshape(shape), x.sum(dims, keepdim=True))


def test_a_matrix_has_no_pixels() -> None:
    assert chosen_dims(torch.zeros(2, 3), "HW") == []


def test_other_dimensions_and_integers_are_refused() -> None:
    with pytest.raises(ValueError, match="over must name dimensions out of 'NCHW', got 'NX'"):
        chosen_dims(torch.zeros(2), "NX")
    with pytest.raises(TypeError, match=r"x must have a floating dtype, got torch\.int64"):
        floating(torch.zeros(2, dtype=torch.int64))

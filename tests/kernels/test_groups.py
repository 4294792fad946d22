"""Groups against loops over the entries in NCHW order."""

import itertools

import pytest
import torch

from swatlib.kernels.groups import in_groups, without_each


def slowly(x: torch.Tensor, m: int, over: str) -> list[list[float]]:
    """Return the groups as lists, by a loop over all positions."""
    named = x if x.ndim in (2, 4) else x.reshape(-1, x.shape[-1])
    dims = [d for d in range(named.ndim) if "NCHW"[d] in over]
    lines: dict[tuple[int, ...], list[float]] = {}
    for place in itertools.product(*map(range, named.shape)):
        where = tuple(p for d, p in enumerate(place) if d not in dims)
        lines.setdefault(where, []).append(named[place].item())
    groups = []
    for where in sorted(lines):
        line = lines[where] + [0.0] * (-len(lines[where]) % m)
        groups += [line[i : i + m] for i in range(0, len(line), m)]
    return groups


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("over", ["NHW", "CHW", "N", "C", "HW", "NC"])
@pytest.mark.parametrize("m", [2, 4])
def test_four_dimensions(over: str, m: int, layout: torch.memory_format) -> None:
    x = torch.randn(3, 5, 2, 3).to(memory_format=layout)
    groups, back = in_groups(x, m, over)
    assert groups.tolist() == slowly(x, m, over)
    assert torch.equal(back(groups), x)


@pytest.mark.parametrize("shape", [(6, 5), (2, 3, 5), (5,), (1, 1)])
@pytest.mark.parametrize("over", ["NHW", "CHW", "C"])
def test_tokens_and_features(shape: tuple[int, ...], over: str) -> None:
    x = torch.randn(shape)
    groups, back = in_groups(x, 4, over)
    assert groups.tolist() == slowly(x, 4, over)
    assert torch.equal(back(groups), x)


def test_sums_without_each() -> None:
    groups = torch.randn(7, 4, dtype=torch.float64)
    torch.testing.assert_close(without_each(groups), groups.sum(1, keepdim=True) - groups)
    assert without_each(torch.ones(2, 1)).tolist() == [[0.0], [0.0]]


def test_errors() -> None:
    with pytest.raises(ValueError, match=r"over must name a dimension of x, \(2, 3\), got 'HW'"):
        in_groups(torch.randn(2, 3), 4, "HW")
    with pytest.raises(ValueError, match="over must name dimensions out of 'NCHW', got 'X'"):
        in_groups(torch.randn(2, 3), 4, "X")
    with pytest.raises(TypeError, match="floating dtype"):
        in_groups(torch.ones(2, 3, dtype=torch.int64), 4, "N")

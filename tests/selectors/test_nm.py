"""N:M selectors, and the unfolded product against explicit im2col."""

import pytest
import torch
from torch import Tensor

from swatlib.kernels.convolution import Geometry
from swatlib.selectors.nm import NM, UnfoldedNM


def by_loop(line: list[float], n: int, m: int) -> list[bool]:
    """Keep n of every m entries of a list, the first on ties, as one would explain it."""
    kept = []
    for start in range(0, len(line), m):
        group = [abs(v) for v in line[start : start + m]]
        ranked = sorted(range(len(group)), key=lambda i: (-group[i], i))
        kept += [i in ranked[:n] for i in range(len(group))]
    return kept


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": 5}, r"n must be in \[1, 4\], got 5"),
        ({"n": 0}, r"n must be in \[1, 4\], got 0"),
        ({"n": 1.5}, "n must be"),
        ({"m": 0}, "m must be at least 1, got 0"),
        ({"over": ""}, "over must name dimensions"),
        ({"over": "XY"}, "over must name dimensions"),
        ({"period": 0}, "period must be at least 1, got 0"),
    ],
)
def test_bad_values(arguments, message):
    with pytest.raises((ValueError, TypeError), match=message):
        NM(**arguments)


def test_sparsity_and_text():
    assert NM(1, 4).sparsity == 0.75
    assert [str(s) for s in (NM(), NM(over="N"), NM(period=3), NM(period=None), UnfoldedNM())] == [
        "2:4 over CHW",
        "2:4 over N",
        "2:4 over CHW (period 3)",
        "2:4 over CHW (fixed)",
        "2:4 of unfolded X over HW",
    ]


def im2col(x: Tensor, kernel: tuple, g: Geometry) -> Tensor:
    """Unfold one sample (C, H, W) by loops: (C kh kw, Ho Wo)."""
    c, h, w = x.shape
    kh, kw = kernel
    (sh, sw), (ph, pw), (dh, dw) = g.stride, g.padding, g.dilation
    rows = (h + 2 * ph - dh * (kh - 1) - 1) // sh + 1
    columns = (w + 2 * pw - dw * (kw - 1) - 1) // sw + 1
    out = torch.zeros(c * kh * kw, rows * columns, dtype=x.dtype)
    for row in range(c * kh * kw):
        ci, i, j = row // (kh * kw), row // kw % kh, row % kw
        for pixel in range(rows * columns):
            y, z = pixel // columns * sh - ph + i * dh, pixel % columns * sw - pw + j * dw
            if 0 <= y < h and 0 <= z < w:
                out[row, pixel] = x[ci, y, z]
    return out


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize(
    ("size", "kernel", "geometry"),
    [
        ((5, 5), (3, 3), Geometry(padding=(1, 1))),
        ((4, 7), (1, 1), Geometry(stride=(1, 2))),
        ((6, 5), (2, 3), Geometry(stride=(2, 1), padding=(0, 2), dilation=(1, 2), groups=2)),
    ],
)
def test_every_unfolded_copy_is_chosen_on_its_own(size, kernel, geometry, last):
    x = torch.randn(3, 4, *size, dtype=torch.float64)
    weight = torch.randn(6, 4 // geometry.groups, *kernel, dtype=torch.float64)
    g = geometry
    y = torch.conv2d(x, weight, None, g.stride, g.padding, g.dilation, g.groups)
    grad = torch.randn_like(y)
    expected = torch.zeros_like(weight)
    for sample in range(3):
        for group in range(g.groups):
            ins = slice(group * 4 // g.groups, (group + 1) * 4 // g.groups)
            outs = slice(group * 6 // g.groups, (group + 1) * 6 // g.groups)
            columns = im2col(x[sample, ins], kernel, g)
            for row in columns:
                row[~torch.tensor(by_loop(row.tolist(), 2, 4))] = 0
            product = grad[sample, outs].flatten(1) @ columns.T
            expected[outs] += product.reshape(expected[outs].shape)
    if last:
        x, grad = (t.to(memory_format=torch.channels_last) for t in (x, grad))
    selector = UnfoldedNM()
    saved = selector.saved(x, weight.shape, g)
    got = selector.weight_gradient(grad, saved, weight.shape, g)
    torch.testing.assert_close(got, expected)


def test_unfolded_with_everything_kept_is_the_dense_gradient_also_in_pieces(monkeypatch):
    x, grad = torch.randn(5, 3, 6, 6), torch.randn(5, 4, 6, 6)
    shape, geometry = torch.Size((4, 3, 3, 3)), Geometry(padding=(1, 1))
    dense = torch.nn.grad.conv2d_weight(x, shape, grad, padding=1)
    got = UnfoldedNM(4, 4).weight_gradient(grad, x, shape, geometry)
    torch.testing.assert_close(got, dense)


def test_unfolded_empty_batch():
    shape = torch.Size((4, 3, 3, 3))
    got = UnfoldedNM().weight_gradient(
        torch.empty(0, 4, 6, 6), torch.empty(0, 3, 6, 6), shape, Geometry(padding=(1, 1))
    )
    assert got.shape == shape
    assert not got.any()

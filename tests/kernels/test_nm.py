"""N:M masks against a loop over the groups."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import swatlib.kernels.nm as kernels
from swatlib.core.selector_state import SelectorState
from swatlib.kernels.nm import nm_mask
from swatlib.selectors import nm
from swatlib.selectors.nm import UnfoldedNM


def by_loop(line: list[float], n: int, m: int) -> list[bool]:
    """Keep n of every m entries of a list, the first on ties, as one would explain it."""
    kept = []
    for start in range(0, len(line), m):
        group = [abs(v) for v in line[start : start + m]]
        ranked = sorted(range(len(group)), key=lambda i: (-group[i], i))
        kept += [i in ranked[:n] for i in range(len(group))]
    return kept


@settings(max_examples=60)
@given(
    st.tuples(*[st.integers(1, 5)] * 4),
    st.integers(1, 6).flatmap(lambda m: st.tuples(st.integers(1, m), st.just(m))),
    st.sampled_from(["CHW", "N", "C", "HW", "NHW", "NCHW"]),
    st.sampled_from([torch.float64, torch.float32, torch.bfloat16]),
    st.booleans(),
)
def test_mask_is_the_loop_over_groups(shape, nm, over, dtype, last):
    n, m = nm
    x = torch.randn(shape).mul(2).round().to(dtype)  # rounding makes ties
    if last:
        x = x.to(memory_format=torch.channels_last)
    mask = nm_mask(x, n, m, over)
    assert mask.shape == x.shape
    dims = ["NCHW".index(d) for d in "NCHW" if d in over]
    order = [d for d in range(4) if d not in dims] + dims
    values, kept = x.permute(order).contiguous(), mask.permute(order).contiguous()
    length = 1
    for d in dims:
        length *= x.shape[d]
    for line, got in zip(values.view(-1, length), kept.view(-1, length), strict=True):
        assert got.tolist() == by_loop(line.tolist(), n, m)


def test_weight_rows_run_over_channels_slowest():
    # One filter of two channels and 1 x 2 pixels: the group is c0 p0, c0 p1, c1 p0, c1 p1.
    w = torch.tensor([[[[1.0, 4.0]], [[3.0, 2.0]]]])
    expected = [[[[False, True]], [[True, False]]]]
    assert nm_mask(w).tolist() == expected
    assert nm_mask(w.to(memory_format=torch.channels_last)).tolist() == expected


def test_channels_last_grouping_would_be_another_mask():
    # So the order must be fixed: the two masks agree on some 74 % of the entries, not on all.
    w = torch.randn(64, 64, 3, 3)
    nhwc = nm_mask(w.permute(0, 2, 3, 1).reshape(64, -1)).reshape(64, 3, 3, 64).permute(0, 3, 1, 2)
    assert 0.70 < (nm_mask(w) == nhwc).float().mean() < 0.78


def test_ties_go_to_the_first():
    assert nm_mask(torch.ones(1, 6)).tolist() == [[True, True, False, False, True, True]]
    assert nm_mask(torch.zeros(1, 4)).tolist() == [[True, True, False, False]]


def test_padding_never_takes_a_place():
    assert nm_mask(torch.tensor([[9.0, 8, 7, 6, 0, 0, 0]])).tolist() == [
        [True, True, False, False, True, True, False]
    ]


def test_nan_counts_as_infinite():
    x = torch.tensor([[torch.nan, torch.inf, torch.nan, 5.0]])
    assert nm_mask(x).tolist() == [[True, True, False, False]]


@pytest.mark.parametrize("shape", [(0, 4, 3, 3), (4, 0, 3, 3), (0, 0)])
def test_empty(shape):
    assert nm_mask(torch.empty(shape)).shape == shape


def test_tokens_are_rows_of_features():
    x = torch.randn(2, 3, 8)
    assert torch.equal(nm_mask(x, over="C"), nm_mask(x.reshape(6, 8), over="C").reshape(2, 3, 8))
    assert nm_mask(x, over="HW").all()
    assert nm_mask(torch.tensor([1.0, 2, 3, 4])).tolist() == [False, False, True, True]


def test_bad_tensors():
    with pytest.raises(TypeError, match="floating"):
        nm_mask(torch.ones(4, 4, dtype=torch.int64))
    with pytest.raises(ValueError, match="n must be"):
        UnfoldedNM(5, 4)


@pytest.mark.parametrize("over", ["CHW", "N"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("last", [False, True])
def test_pieces_and_words_are_one_definition(over, dtype, last, monkeypatch):
    """Two of four by words, by planes and by pieces of any size: the same mask, also of NaN."""
    w = torch.randn(13, 8, 3, 3).mul(2).round().to(dtype)
    w[0, :3], w[1, 0, 0], w[2, 5], w[3, 1] = torch.nan, torch.inf, -torch.inf, -0.0
    if last:
        w = w.to(memory_format=torch.channels_last)
    by_words = nm_mask(w, over=over)
    assert by_words.stride() == w.stride()
    monkeypatch.setattr(kernels, "byteorder", "big")
    by_planes = nm_mask(w, over=over)
    monkeypatch.setattr(kernels, "CHUNK", 16)
    monkeypatch.setattr(kernels, "byteorder", "little")
    assert torch.equal(by_words, by_planes)
    assert torch.equal(by_words, nm_mask(w, over=over))


def test_a_view_that_is_not_dense_is_a_tensor_like_any():
    x = torch.randn(6, 10, 4)[:, 1:9:2, :3]
    assert torch.equal(nm_mask(x, over="C"), nm_mask(x.contiguous(), over="C"))
    wide = torch.randn(1, 8).expand(5, 8)
    assert torch.equal(nm_mask(wide), nm_mask(wide.contiguous()))


def test_operators_keep_their_word():
    x = torch.randn(4, 8, 3, 3).to(memory_format=torch.channels_last)
    torch.library.opcheck(torch.ops.swatlib.nm_mask, (x, 2, 4, "CHW"))
    memory = SelectorState(x, mask=True)
    kept = (memory.mask, memory.steps, memory.version, memory.entries)
    torch.library.opcheck(nm.refreshed_nm, (x, x, 2, 4, "N", 3, *kept))

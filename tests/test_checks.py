"""Every check, value by value: what it lets pass, as what, and what it says of the rest."""

import re
from fractions import Fraction

import numpy as np
import pytest
import torch

from swatlib import checks

NOT_NUMBERS = ["3", None, True, np.True_, torch.tensor(True), 3j, [3], b"3", torch.zeros(2)]


@pytest.mark.parametrize("value", [True, np.True_, torch.tensor(True)])
def test_flags_are_booleans(value):
    assert checks.flag("x", value) is True


@pytest.mark.parametrize("value", ["no", "True", 0, 1, 1.0, None, [], torch.ones(2, dtype=bool)])
def test_nothing_else_is_a_flag(value):
    with pytest.raises(TypeError, match=r"^x must be True or False, got "):
        checks.flag("x", value)


@pytest.mark.parametrize(
    "value", [3, np.int8(3), np.uint64(3), np.array(3), torch.tensor(3), torch.tensor(3).byte()]
)
def test_integers_of_other_libraries_are_counts(value):
    given = checks.count("x", value)
    assert given == 3
    assert type(given) is int


@pytest.mark.parametrize("value", [*NOT_NUMBERS, 2.0, 2.5, float("nan"), torch.tensor(2.0)])
def test_fractions_and_flags_are_no_counts(value):
    with pytest.raises(TypeError, match=r"^x must be an integer of at least 1, got "):
        checks.count("x", value)


@pytest.mark.parametrize(
    ("value", "bounds", "message"),
    [
        (0, {}, "x must be at least 1, got 0"),
        (-1, {"least": 0}, "x must be at least 0, got -1"),
        (9, {"most": 8}, "x must be in [1, 8], got 9"),
        (
            -(10**400),
            {},
            f"x must be an integer of at least 1 that fits 64 bits, got -1{'0' * 95}...",
        ),
    ],
)
def test_counts_have_bounds(value, bounds, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        checks.count("x", value, **bounds)


@pytest.mark.parametrize(
    "value",
    [
        0.5,
        np.float16(0.5),
        np.float32(0.5),
        np.longdouble(0.5),
        np.array(0.5),
        torch.tensor(0.5),
        torch.tensor(0.5, dtype=torch.bfloat16),
        torch.tensor(0.5, requires_grad=True),
        Fraction(1, 2),
    ],
)
def test_numbers_of_other_libraries_are_numbers(value):
    given = checks.number("x", value)
    assert given == 0.5
    assert type(given) is float


@pytest.mark.parametrize(
    "value",
    [*NOT_NUMBERS, torch.empty((), device="meta"), torch.zeros(()).to_sparse(), np.array("1")],
)
def test_text_and_flags_are_no_numbers(value):
    with pytest.raises(TypeError, match=r"^x must be a finite number, got "):
        checks.number("x", value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 10**400])
def test_numbers_are_finite(value):
    with pytest.raises(ValueError, match=r"^x must be finite, got "):
        checks.number("x", value)


@pytest.mark.parametrize(
    ("bounds", "inside", "outside", "text"),
    [
        ({"least": 0}, (0, 2), (-0.1,), "at least 0"),
        ({"above": 0}, (0.1,), (0,), "positive"),
        ({"above": 1}, (1.1,), (1,), "above 1"),
        ({"most": 1}, (1, -5), (1.1,), "at most 1"),
        ({"below": 1}, (0.9,), (1,), "below 1"),
        ({"least": 0, "below": 1}, (0, 0.9), (-1, 1), "in [0, 1)"),
        ({"above": 0, "most": 1}, (0.1, 1), (0, 1.1), "in (0, 1]"),
    ],
)
def test_numbers_have_bounds(bounds, inside, outside, text):
    assert [checks.number("x", value, **bounds) for value in inside] == list(inside)
    for value in outside:
        with pytest.raises(ValueError, match=f"^x must be {re.escape(text)}, got {value}$"):
            checks.number("x", value, **bounds)


def test_minus_zero_is_zero():
    assert str(checks.sparsity("x", -0.0)) == "0.0"


@pytest.mark.parametrize("value", [1, 1.0, -1e-9, float("nan"), np.float32(1), 1 - 1e-17])
def test_sparsity_is_below_one(value):
    with pytest.raises(ValueError, match=re.escape("x must be in [0, 1), got ")):
        checks.sparsity("x", value)


def test_one_of_knows_the_type():
    assert checks.one_of("x", np.str_("a"), ("a", "b")) == "a"
    assert checks.one_of("x", np.int64(8), (8, 16)) == 8
    for value in ("c", "A", None, 1, ["a"], {"a": 1}, float("nan"), np.zeros(2), torch.zeros(2)):
        with pytest.raises(ValueError, match=r"^x must be one of a, b; got "):
            checks.one_of("x", value, ("a", "b"))
    with pytest.raises(ValueError, match=r"^x must be 1, got True"):
        checks.one_of("x", True, (1,))


def test_text():
    assert checks.text("x", "a") == "a"
    with pytest.raises(TypeError, match=r"^x must be a string, got 3"):
        checks.text("x", 3)
    with pytest.raises(ValueError, match=r"^x must not be empty, got ''"):
        checks.text("x", "")
    assert checks.any_text("x", "") == ""


@pytest.mark.parametrize("value", [(3, 1), [3, 1], np.array([3, 1]), torch.tensor([3, 1])])
def test_counts(value):
    assert checks.counts("x", value, 2) == (3, 1)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (3, "x must be a sequence of integers, got 3"),
        ("31", "x must be a sequence of integers, got '31'"),
        ((3,), "x must hold 2 integers, got (3,)"),
        ((3, 1.5), "x[1] must be an integer of at least 1, got 1.5"),
        ((0, 1), "x[0] must be at least 1, got 0"),
        (np.array([0.5, 1]), "x[0] must be an integer of at least 1, got 0.5"),
    ],
)
def test_bad_counts(value, message):
    with pytest.raises((TypeError, ValueError), match=f"^{re.escape(message)}$"):
        checks.counts("x", value, 2)


@pytest.mark.parametrize(
    ("value", "limits", "message"),
    [
        ([1.0], {}, "x must be a tensor, got [1.0]"),
        (np.zeros(2), {}, "x must be a tensor, got ndarray of shape (2,) and dtype float64"),
        (torch.eye(2).to_sparse(), {}, "x must be a dense tensor, got layout torch.sparse_coo"),
        (torch.arange(2), {}, "x must have a floating dtype, got torch.int64"),
        (torch.zeros(2, dtype=torch.complex64), {}, "x must have a floating dtype, got"),
        (torch.zeros(2).to(torch.float8_e4m3fn), {}, "x must have a floating dtype, got"),
        (torch.zeros(2), {"dtypes": (torch.bool,)}, "x must have dtype torch.bool, got"),
        (torch.zeros(2), {"shape": (None, 4)}, "x must have shape (n, 4), got (2,)"),
    ],
)
def test_tensors(value, limits, message):
    with pytest.raises((TypeError, ValueError), match=f"^{re.escape(message)}"):
        checks.tensor("x", value, **limits)


def test_tensors_pass_as_they_are():
    x = torch.full((2, 3), torch.nan).T
    assert checks.tensor("x", x, shape=(None, 2)) is x
    assert checks.tensor("x", torch.arange(3), dtypes=None).dtype == torch.int64


def test_what_cannot_be_shown_is_named_by_its_type():
    class Mute:
        def __repr__(self) -> str:
            raise RuntimeError

    assert checks.shown(Mute()) == "a Mute"
    assert len(checks.shown("x" * 500)) == 100
    assert "\n" not in checks.shown("a\nb")

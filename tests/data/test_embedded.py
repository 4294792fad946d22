"""digits and patches: sizes, balance, and no pixel that is in both splits."""

from __future__ import annotations

import pytest

from swatlib.data import describe, load


def test_is_the_same_every_time() -> None:
    from swatlib.data import _load

    first = load("patches", images=100)
    _load.cache_clear()
    second = load("patches", images=100)
    assert first.train_x is not second.train_x
    assert describe(first) == describe(second)
    assert load("patches", images=100) is second
    assert describe(load("patches"))["fingerprint"] != describe(second)["fingerprint"]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("digits", 16), ValueError, "pixels must be 8 .* got 16"),
        (("patches", 24), ValueError, "pixels must be 16 or 32 .* got 24"),
        (("digits", None, 5), ValueError, "images must be between 10 .* and 1438, got 5"),
        (("digits", None, 9999), ValueError, "images must be .* got 9999"),
        (("digits", None, 1438), ValueError, "needs 144 images of class"),
        (("digits", 0), ValueError, "pixels must be at least 1, got 0"),
        (("digits", "8"), TypeError, "pixels must be an integer"),
        (("digits", None, True), TypeError, "images must be an integer"),
        (("dogs",), ValueError, "unknown data set 'dogs': allowed are digits, patches, cifar10"),
        (("../data",), ValueError, "unknown data set"),
    ],
)
def test_bad_input(arguments: tuple, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        load(*arguments)

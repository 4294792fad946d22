"""Type hints that hold: what is checked, what the function then sees, and what is said."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import FrozenInstanceError, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from swatlib import checks
from swatlib.checked import checked, checked_fields, explained


def takes(hint: Any) -> Callable[[Any], Any]:
    """Return a checked function that returns its argument, annotated with ``hint``."""

    def function(x):
        return x

    function.__annotations__ = {"x": hint}
    return checked(function)


@pytest.mark.parametrize(
    ("hint", "value", "seen"),
    [
        (bool, np.True_, True),
        (int, np.int16(-3), -3),
        (float, 2, 2.0),
        (float, torch.tensor(0.5), 0.5),
        (str, "", ""),
        (Path, "a/b", Path("a/b")),
        (int | None, None, None),
        (int | None, torch.tensor(3), 3),
        (str | Sequence[float], "erk", "erk"),
        (str | Sequence[float], [1, np.float32(0.5)], (1.0, 0.5)),
        (list[int], (1, 2), [1, 2]),
        (list[int], [np.int8(1)], [1]),
        (tuple[int, ...], torch.tensor([1, 2]), (1, 2)),
        (tuple[int, str], (1, "a"), (1, "a")),
        (Mapping[str, float], {"a": np.float32(0.5)}, {"a": 0.5}),
        (Literal["a", "b"], "b", "b"),
        (torch.Size, [2, 3], torch.Size([2, 3])),
        (Any, "anything", "anything"),
        (object, 3, 3),
    ],
)
def test_what_passes_is_plain(hint, value, seen):
    given = takes(hint)(value)
    assert (given, type(given)) == (seen, type(seen))


@pytest.mark.parametrize(
    ("hint", "value", "message"),
    [
        (bool, "no", "x must be True or False, got 'no'"),
        (int, 2.5, "x must be an integer, got 2.5"),
        (int, True, "x must be an integer, got True"),
        (float, "1", "x must be a finite number, got '1'"),
        (float, float("nan"), "x must be finite, got nan"),
        (str, None, "x must be a string, got None"),
        (Path, 3, "x must be a path, got 3"),
        (Path, "", "x must be a path, got ''"),
        (int | None, "3", "x must be an integer or None, got '3'"),
        (str | Sequence[float], 3, "x must be a string or a sequence, got 3"),
        (Sequence[int], "12", "x must be a sequence, got '12'"),
        (Sequence[int], [1, 2.5], "x[1] must be an integer, got 2.5"),
        (Iterable[int], 3, "x must be iterable, got 3"),
        (tuple[int, int], (1, 2, 3), "x must hold 2 values, got (1, 2, 3)"),
        (Mapping[str, float], {"a": "b"}, "x['a'] must be a finite number, got 'b'"),
        (Mapping[str, float], {1: 2.0}, "a key of x must be a string, got 1"),
        (Mapping[str, float], [1], "x must be a mapping, got [1]"),
        (Callable[[int], int], 3, "x must be callable, got 3"),
        (nn.Module, "net", "x must be an nn.Module, got 'net'"),
        (nn.Linear, nn.ReLU(), "x must be a Linear, got ReLU"),
        (Tensor, np.zeros(2), "x must be a tensor, got ndarray of shape (2,) and dtype float64"),
        (Tensor, torch.empty(2, device="meta"), "x must hold entries, got a tensor on the meta"),
        (Tensor, torch.eye(2).to_sparse(), "x must be a dense tensor, got layout"),
        (np.ndarray, torch.zeros(2), "x must be a NumPy array, got Tensor of shape (2,)"),
        (np.ndarray, np.array(["a"]), "x must be an array of booleans or integers or floats"),
    ],
)
def test_what_does_not_pass_is_named(hint, value, message):
    with pytest.raises((TypeError, ValueError)) as error:
        takes(hint)(value)
    assert str(error.value).startswith(message)


def test_iterables_are_checked_as_they_are_read():
    def numbers():
        yield 1
        yield "2"

    items = takes(Iterable[int])(numbers())
    assert next(items) == 1
    with pytest.raises(TypeError, match=r"^x\[1\] must be an integer, got '2'"):
        next(items)


def test_names_defaults_and_the_rest_stay_as_they_are():
    @checked(n=partial(checks.count, most=4))
    def function(x: int, *more: int, n: int = 9, **options: Any) -> tuple:
        """Says what it does."""
        return x, more, n, options

    assert function.__doc__ == "Says what it does."
    assert function(1) == (1, (), 9, {})
    assert function(np.int8(1), 2, 3, n=4, o=5) == (1, (2, 3), 4, {"o": 5})
    with pytest.raises(ValueError, match=r"^n must be in \[1, 4\], got 5$"):
        function(1, n=5)
    with pytest.raises(TypeError, match=r"^x must be an integer, got 'a'$"):
        function(x="a")
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'x'"):
        function()


def test_a_value_that_is_right_is_not_copied():
    value = [[1], [2]]
    assert takes(list[list[int]])(value) is value


def test_fields_of_a_frozen_value_are_checked_and_plain():
    @dataclass(frozen=True)
    class Value:
        size: int
        share: float = 0
        name: str | None = None

        def __post_init__(self) -> None:
            checked_fields(
                self,
                size=checks.count,
                share=partial(checks.number, least=0),
                name=checks.optional(checks.one_of, allowed=("a", "b")),
            )

    value = Value(np.int32(3), torch.tensor(0.5))
    assert (value, hash(value)) == (Value(3, 0.5), hash(Value(3, 0.5)))
    assert (type(value.size), type(value.share), value.name) == (int, float, None)
    with pytest.raises(FrozenInstanceError):
        value.size = 4
    with pytest.raises(ValueError, match=r"^share must be at least 0, got -1"):
        Value(3, -1)
    with pytest.raises(ValueError, match=r"^name must be one of a, b; got 'c'"):
        Value(3, name="c")


def test_fields_follow_their_annotations():
    @dataclass
    class Value:
        size: int
        parts: tuple[int, int] = (1, 1)

        def __post_init__(self) -> None:
            checked_fields(self)

    assert Value(np.int8(2)).size == 2
    with pytest.raises(TypeError, match=r"^size must be an integer, got 2.5$"):
        Value(2.5)
    with pytest.raises(ValueError, match=r"^parts must hold 2 values, got"):
        Value(2, (1,))


def test_what_fails_is_explained_and_what_works_is_not_looked_at():
    @explained(x=checks.tensor)
    def half(x: Tensor, n: int = 2) -> Tensor:
        return x.double() / n

    assert half(torch.ones(2, dtype=torch.int64)).tolist() == [0.5, 0.5]
    with pytest.raises(TypeError, match=r"^x must be a tensor, got 'a'$"):
        half("a")
    with pytest.raises(TypeError, match=r"^n must be an integer, got 'b'$"):
        half(torch.ones(2), n="b")
    with pytest.raises(RuntimeError, match=r"^its own$"):
        explained()(_fails)(torch.ones(2))


def _fails(x: Tensor) -> None:
    raise RuntimeError("its own")

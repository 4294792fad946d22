"""Checks of arguments, and one wording for their errors.

Every check takes the argument's name and its value, and returns the value as plain Python. Numbers
of NumPy and torch count as numbers; booleans and text never do. A value of the wrong kind raises
TypeError, one out of range ValueError; both read "x must be ..., got ...".

:mod:`swatlib.checked` applies these checks according to a function's type hints.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from math import isfinite, isinf
from numbers import Integral, Real
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

T = TypeVar("T")

SEEDS = 2**63 - 1
"""The largest seed that every random generator takes."""

MORE: Any = ...
"""Any dimensions, at the beginning of a shape."""

INTEGERS = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)
"""The integer types."""

FLOATING = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
"""The floating types that the library computes with."""


def flag(name: str, value: Any) -> bool:
    """Return ``value`` if it is True or False; 0, 1 and None are refused."""
    value = _plain(value)
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False, got {shown(value)}")
    return value


def integer(name: str, value: Any) -> int:
    """Return ``value`` if it is an integer; 2.0 and True are refused."""
    return _integer(name, value, "an integer")


def count(name: str, value: Any, least: int = 1, most: int | None = None) -> int:
    """Return ``value`` if it is an integer from ``least`` to ``most``; not 2.0 or True."""
    bounds = f"at least {least}" if most is None else f"in [{least}, {most}]"
    whole = _integer(name, value, f"an integer {'of ' if most is None else ''}{bounds}")
    if whole < least or (most is not None and whole > most):
        raise ValueError(f"{name} must be {bounds}, got {shown(value)}")
    return whole


def _integer(name: str, value: Any, wanted: str) -> int:
    value = _plain(value)
    if isinstance(value, bool) or not isinstance(value, Integral | torch.SymInt):
        raise TypeError(f"{name} must be {wanted}, got {shown(value)}")
    # Under torch.compile a size may be symbolic; int() would fix it to one value.
    whole: Any = value if isinstance(value, torch.SymInt) else int(value)
    if not -(2**63) <= whole < 2**63:
        raise ValueError(f"{name} must be {wanted} that fits 64 bits, got {shown(value)}")
    return whole


def number(
    name: str,
    value: Any,
    *,
    least: float | None = None,
    above: float | None = None,
    most: float | None = None,
    below: float | None = None,
    infinite: bool = False,
) -> float:
    """Return ``value`` as a float if it is a real number within the bounds given.

    Parameters
    ----------
    name : str
    value : object
    least, most : float, optional
        Bounds that the value may reach.
    above, below : float, optional
        Bounds that it may not reach.
    infinite : bool
        Whether it may be infinite; never NaN.
    """
    value = _plain(value)
    if isinstance(value, bool) or not isinstance(value, Real):
        wanted = _interval(least, above, most, below)
        first = wanted in ("finite", "positive")
        kind = f"a {wanted} number" if first else f"a number {wanted}"
        raise TypeError(f"{name} must be {kind}, got {shown(value)}")
    try:
        real = float(value) + 0.0  # minus zero is zero
    except OverflowError:
        real = float("inf")
    if not (
        (isfinite(real) or (infinite and isinf(real)))
        and (least is None or real >= least)
        and (above is None or real > above)
        and (most is None or real <= most)
        and (below is None or real < below)
    ):
        raise ValueError(
            f"{name} must be {_interval(least, above, most, below)}, got {shown(value)}"
        )
    return real


def _interval(
    least: float | None, above: float | None, most: float | None, below: float | None
) -> str:
    low = least if above is None else above
    high = most if below is None else below
    if low is None and high is None:
        return "finite"
    if high is None:
        return "positive" if above == 0 else f"{'at least' if above is None else 'above'} {low:g}"
    if low is None:
        return f"{'at most' if below is None else 'below'} {high:g}"
    return f"in {'[' if above is None else '('}{low:g}, {high:g}{']' if below is None else ')'}"


def sparsity(name: str, value: Any) -> float:
    """Return ``value`` as a float if it is a number in [0, 1)."""
    if type(value) is float and 0 < value < 1:  # fast path: this runs in every step
        return value
    return number(name, value, least=0, below=1)


def one_of(name: str, value: Any, allowed: Collection[T]) -> T:
    """Return the one of ``allowed`` that ``value`` equals, type included."""
    value = _plain(value)
    for option in allowed:
        same = isinstance(value, type(option)) and isinstance(value, bool) == isinstance(
            option, bool
        )
        if same and value == option:
            return option
    names = ", ".join(str(option) for option in allowed)
    wanted = f"one of {names};" if len(allowed) > 1 else f"{names},"
    raise ValueError(f"{name} must be {wanted} got {shown(value)}")


def text(name: str, value: Any) -> str:
    """Return ``value`` if it is text that is not empty."""
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a string, got {shown(value)}")
    if not value:
        raise ValueError(f"{name} must not be empty, got {value!r}")
    return str(value)


def any_text(name: str, value: Any) -> str:
    """Return ``value`` if it is text, empty or not."""
    return "" if value == "" and isinstance(value, str) else text(name, value)


def instance(name: str, value: Any, kind: type[T], called: str | None = None) -> T:
    """Return ``value`` if it is a ``kind``, in words ``called``."""
    if not isinstance(value, kind):
        title = "nn.Module" if kind is torch.nn.Module else kind.__name__
        wanted = called or f"{'an' if title[0] in 'AEIOUn' else 'a'} {title}"
        raise TypeError(f"{name} must be {wanted}, got {shown(value)}")
    return value


def tensor(
    name: str,
    value: Any,
    *,
    shape: tuple[int | None, ...] | None = None,
    dtypes: Collection[torch.dtype] | None = FLOATING,
    meta: bool = True,
) -> Tensor:
    """Return ``value`` if it is a dense tensor; looks at its type and shape, never at its entries.

    Parameters
    ----------
    name : str
    value : object
    shape : tuple, optional
        Sizes that it must have, None for any; :data:`MORE` in front for any dimensions before.
    dtypes : collection of torch.dtype, optional
        What it may hold, floats if not given; None for anything.
    meta : bool
        Whether it may be on the meta device, which has shapes and no entries.
    """
    if not isinstance(value, Tensor):
        raise TypeError(f"{name} must be a tensor, got {shown(value)}")
    if value.layout != torch.strided or value.is_nested:
        raise TypeError(f"{name} must be a dense tensor, got layout {value.layout}")
    if not meta and value.is_meta:
        raise ValueError(f"{name} must hold entries, got a tensor on the meta device")
    if dtypes is not None and value.dtype not in dtypes:
        wanted = (
            "a floating dtype" if dtypes is FLOATING else f"dtype {' or '.join(map(str, dtypes))}"
        )
        raise TypeError(f"{name} must have {wanted}, got {value.dtype}")
    _check_shape(name, tuple(value.shape), shape)
    return value


def _check_shape(name: str, given: Sequence[int], shape: tuple[int | None, ...] | None) -> None:
    if shape is None:
        return
    first, *rest = shape
    last = tuple(rest) if first is MORE else shape
    fits = len(given) >= len(last) if first is MORE else len(given) == len(last)
    ends = given[len(given) - len(last) :] if fits else ()
    if not fits or any(w not in (None, size) for w, size in zip(last, ends, strict=True)):
        letters = iter("nmklij")
        wanted = ", ".join(
            "..." if w is MORE else next(letters) if w is None else str(w) for w in shape
        )
        raise ValueError(f"{name} must have shape ({wanted}), got {tuple(given)}")


def array(
    name: str,
    value: Any,
    *,
    shape: tuple[int | None, ...] | None = None,
    kinds: str = "biuf",
) -> np.ndarray:
    """Return ``value`` if it is a NumPy array of numbers or booleans.

    Parameters
    ----------
    name : str
    value : object
    shape : tuple, optional
        As for :func:`tensor`.
    kinds : str
        What it may hold: b for booleans, i and u for integers, f for floats.
    """
    if not isinstance(value, np.ndarray):
        raise TypeError(f"{name} must be a NumPy array, got {shown(value)}")
    if value.dtype.kind not in kinds:
        wanted = " or ".join(text for kind, text in KINDS.items() if kind in kinds)
        raise TypeError(f"{name} must be an array of {wanted}, got dtype {value.dtype}")
    _check_shape(name, value.shape, shape)
    return value


KINDS = {"b": "booleans", "i": "integers", "f": "floats"}


def path(name: str, value: Any) -> Path:
    """Return ``value`` as a Path if it names a file or a folder."""
    if not isinstance(value, str | Path):
        raise TypeError(f"{name} must be a path, got {shown(value)}")
    if value == "" or "\0" in str(value):
        raise ValueError(f"{name} must be a path, got {str(value)!r}")
    return Path(value)


def counts(name: str, value: Any, length: int | None = None, least: int = 1) -> tuple[int, ...]:
    """Return ``value``, a sequence of integers of at least ``least``, as a tuple."""
    if isinstance(value, Tensor | np.ndarray) and value.ndim == 1 and not _is_meta(value):
        value = value.tolist()
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        raise TypeError(f"{name} must be a sequence of integers, got {shown(value)}")
    if length is not None and len(value) != length:
        raise ValueError(f"{name} must hold {length} integers, got {shown(value)}")
    return tuple(count(f"{name}[{i}]", item, least) for i, item in enumerate(value))


def device(name: str, value: Any) -> torch.device:
    """Return ``value`` as a device of torch, whether this machine has it or not."""
    try:
        return torch.device(value)
    except (RuntimeError, TypeError) as error:
        raise ValueError(f"{name} must be a device of torch, got {shown(value)}") from error


def usable_device(name: str, value: Any) -> str | None:
    """Return the name of a device that this machine has; None passes and means the default."""
    if value is None:
        return None
    kind = device(name, value).type
    if kind == "cpu" or (kind == "cuda" and torch.cuda.is_available()):
        return str(value)
    raise ValueError(f"{name} must be cpu or a GPU that is here, got {shown(value)}")


def size(name: str, value: Any) -> torch.Size:
    """Return ``value``, the shape of a tensor."""
    return value if isinstance(value, torch.Size) else torch.Size(counts(name, value, least=0))


def options(name: str, value: Any) -> dict[str, Any]:
    """Return ``value``, a mapping from names to values, as a dictionary."""
    if not isinstance(value, Mapping):
        raise TypeError(f"{name} must be a mapping from names to values, got {shown(value)}")
    return {text(f"a name in {name}", key): item for key, item in value.items()}


def optional(check: Callable[..., T], **bounds: Any) -> Callable[[str, Any], T | None]:
    """Return ``check`` with ``bounds``, letting None pass."""
    return lambda name, value: None if value is None else check(name, value, **bounds)


mask = partial(tensor, dtypes=(torch.bool,))
"""The check of a tensor of booleans."""

dense = partial(tensor, dtypes=None)
"""The check of a dense tensor of any dtype."""

at_least_0 = partial(count, least=0)
"""The check of a count that may be 0."""


def shown(value: Any) -> str:
    """Return ``value`` as an error message shows it: in one short line."""
    if isinstance(value, torch.nn.Module | type):
        return value.__name__ if isinstance(value, type) else type(value).__name__
    if isinstance(value, Tensor | np.ndarray):
        return f"{type(value).__name__} of shape {tuple(value.shape)} and dtype {value.dtype}"
    try:
        line = " ".join(repr(value).split())
    except Exception:  # a value that cannot even be shown is named by its type
        return f"a {type(value).__name__}"
    return line if len(line) <= 100 else f"{line[:97]}..."


def _is_meta(value: Any) -> bool:
    return isinstance(value, Tensor) and value.is_meta


def _plain(value: Any) -> Any:
    """Return the Python number that a scalar of NumPy or torch holds; anything else as it is."""
    if type(value) in (bool, int, float):
        return value
    if isinstance(value, Tensor):
        # A meta tensor has no value, and a sparse tensor is not taken for a scalar.
        known = value.ndim == 0 and not _is_meta(value) and value.layout == torch.strided
        return value.item() if known else value
    if isinstance(value, np.generic) or (isinstance(value, np.ndarray) and value.ndim == 0):
        return value.item()
    return value

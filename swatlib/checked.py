"""Type hints that hold: arguments and fields are of the kind that their annotation says.

``@checked`` above a function checks what it is called with, and :func:`checked_fields` in the
``__post_init__`` of a dataclass what it is made of. An ``int`` is an integer and no bool, a
``float`` a finite number, a ``Tensor`` dense and not on the meta device. Other kinds are checked as
:mod:`swatlib.checks` does. What the annotation cannot say, such as a range, is given by name:
``@checked(bits=partial(count, most=16))``.
"""

import sys
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import fields
from functools import cache, cached_property, partial, wraps
from inspect import Parameter, signature
from pathlib import Path
from typing import Any, TypeVar, overload

import numpy as np
import torch
from torch import Tensor

from swatlib import checks
from swatlib.checks import shown

F = TypeVar("F", bound=Callable[..., Any])
Check = Callable[[str, Any], Any]


@overload
def checked(function: F, /) -> F: ...
@overload
def checked(**given: Check | None) -> Callable[[F], F]: ...
def checked(function: Any = None, /, **given: Check | None) -> Any:
    """Return ``function`` with its arguments checked, by their annotation or as ``given`` says.

    The function sees plain values: a count that came as a NumPy integer is an ``int``. Defaults are
    not checked. ``name=None`` skips an argument, which the function then checks itself. Under
    ``torch.compile`` nothing is checked.
    """
    if function is None:
        return partial(checked, **given)
    check = _Arguments(function, given)

    @wraps(function)
    def wrapper(*args: Any, **named: Any) -> Any:
        if torch.compiler.is_compiling():
            return function(*args, **named)
        return function(*check.positional(args), **check.named(named))

    return wrapper


def explained(**given: Check | None) -> Callable[[F], F]:
    """Return a decorator like :func:`checked` for what every layer calls in every step.

    The arguments are checked only after the function has raised, so that a correct call costs
    nothing. If one of them is wrong, that is the error; else the function's own error is raised.
    """

    def decorate(function: Any) -> Any:
        check = _Arguments(function, given)

        @wraps(function)
        def wrapper(*args: Any, **named: Any) -> Any:
            if torch.compiler.is_compiling():
                return function(*args, **named)
            try:
                return function(*args, **named)
            except Exception as error:
                try:
                    check.positional(args)
                    check.named(named)
                except (TypeError, ValueError) as wrong:
                    raise wrong from error
                raise

        return wrapper

    return decorate


class _Arguments:
    """The checks of a function's arguments."""

    def __init__(self, function: Callable[..., Any], given: dict[str, Check | None]):
        kinds = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
        self.function, self.given = function, given
        self.names = [p.name for p in signature(function).parameters.values() if p.kind in kinds]

    @cached_property
    def of(self) -> dict[str, Check]:
        # Only at the first call: a hint may name what is defined further down.
        every = _of_hints(self.function) | self.given
        return {name: check for name, check in every.items() if check is not None}

    def positional(self, args: tuple[Any, ...]) -> list[Any]:
        of = self.of
        plain = [
            of[name](name, value) if name in of else value
            for name, value in zip(self.names, args, strict=False)
        ]
        return [*plain, *args[len(plain) :]]

    def named(self, named: dict[str, Any]) -> dict[str, Any]:
        of = self.of
        return {
            name: of[name](name, value) if name in of else value for name, value in named.items()
        }


def checked_fields(value: Any, **given: Check) -> None:
    """Check the fields of a dataclass and store what the checks return, frozen or not.

    By the field's annotation, or as ``given`` says: ``checked_fields(self, period=count)``.
    """
    if torch.compiler.is_compiling():
        return
    for name, check in (_of_class(value.__class__) | given).items():
        object.__setattr__(value, name, check(name, getattr(value, name)))


@cache
def _of_class(kind: Any) -> dict[str, Check]:
    found = _of_hints(kind)
    return {field.name: found[field.name] for field in fields(kind) if field.name in found}


def _of_hints(owner: Any) -> dict[str, Check]:
    try:
        hints = typing.get_type_hints(owner)
    except NameError:
        # A hint names what is imported under TYPE_CHECKING only. Read the hints one by one, each on
        # a function with the module's globals, and leave out those that cannot be read.
        hints = {}
        for name, hint in owner.__annotations__.items():
            one = types.FunctionType(_of_hints.__code__, vars(sys.modules[owner.__module__]))
            one.__annotations__ = {name: hint}
            with suppress(NameError):
                hints |= typing.get_type_hints(one)
    every = {name: _of_hint(hint) for name, hint in hints.items() if name != "return"}
    return {name: check for name, check in every.items() if check is not None}


PLAIN: dict[Any, Check] = {
    bool: checks.flag,
    int: checks.integer,
    float: checks.number,
    str: checks.any_text,
    Path: checks.path,
    Tensor: partial(checks.tensor, dtypes=None, meta=False),
    np.ndarray: checks.array,
    torch.Size: checks.size,
}


def _of_hint(hint: Any) -> Check | None:
    """Return the check that a type hint stands for, or None if it allows anything."""
    if hint in PLAIN:
        return PLAIN[hint]
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in PLAIN:
        return PLAIN[origin]
    if origin is typing.Annotated:
        return _of_hint(inner[0])
    if origin in (typing.Union, types.UnionType):
        return _of_union(inner)
    if origin is typing.Literal:
        return partial(checks.one_of, allowed=inner)
    if origin is Callable or hint is Callable:
        return _callable
    if origin is tuple and Ellipsis not in inner:
        return partial(_parts, each=[_of_hint(part) for part in inner])
    if origin in (list, tuple, Sequence):
        return partial(_sequence, kind=origin, each=_of_hint(inner[0]))
    if origin in (Iterable, Iterator):
        return partial(_iterable, each=_of_hint(inner[0]))
    if origin in (dict, Mapping):
        return partial(_mapping, keys=_of_hint(inner[0]), values=_of_hint(inner[1]))
    anything = hint in (object, Any) or getattr(hint, "_is_protocol", False)
    if isinstance(hint, type) and not anything:
        return partial(checks.instance, kind=hint)
    return None


def _of_union(options: tuple[Any, ...]) -> Check | None:
    nothing = type(None) in options
    each = [_of_hint(option) for option in options if option is not type(None)]
    if None in each:
        return None

    def check(name: str, value: Any) -> Any:
        if value is None and nothing:
            return None
        wrong: list[str] = []
        for one in each:
            assert one is not None
            try:
                return one(name, value)
            except TypeError as error:
                said = str(error)
                if not said.startswith(f"{name} must be "):  # the kind fits, one item does not
                    raise
                wrong.append(said.removeprefix(f"{name} must be ").rpartition(", got ")[0])
        wanted = " or ".join([*wrong, *(["None"] if nothing else [])])
        raise TypeError(f"{name} must be {wanted}, got {shown(value)}")

    return check


def _callable(name: str, value: Any) -> Any:
    if not callable(value):
        raise TypeError(f"{name} must be callable, got {shown(value)}")
    return value


def _parts(name: str, value: Any, each: list[Check | None]) -> Any:
    _sequence(name, value, tuple, None)
    if len(value) != len(each):
        raise ValueError(f"{name} must hold {len(each)} values, got {shown(value)}")
    plain = [
        item if check is None else check(f"{name}[{i}]", item)
        for i, (check, item) in enumerate(zip(each, value, strict=True))
    ]
    return tuple(plain)


def _sequence(name: str, value: Any, kind: Any, each: Check | None) -> Any:
    if isinstance(value, Tensor | np.ndarray) and value.ndim == 1:
        value = value.tolist()
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        raise TypeError(f"{name} must be a sequence, got {shown(value)}")
    if each is None:
        return value
    plain = [each(f"{name}[{i}]", item) for i, item in enumerate(value)]
    same = all(a is b for a, b in zip(plain, value, strict=True)) and (
        kind is Sequence or isinstance(value, kind)
    )
    return value if same else plain if kind is list else tuple(plain)


def _iterable(name: str, value: Any, each: Check | None) -> Any:
    if not isinstance(value, Iterable) or isinstance(value, str | bytes):
        raise TypeError(f"{name} must be iterable, got {shown(value)}")
    if each is None:
        return value
    # Check each item when it is asked for: all of them together may not fit into memory.
    return (each(f"{name}[{i}]", item) for i, item in enumerate(value))


def _mapping(name: str, value: Any, keys: Check | None, values: Check | None) -> Any:
    if not isinstance(value, Mapping):
        raise TypeError(f"{name} must be a mapping, got {shown(value)}")
    plain = {
        key if keys is None else keys(f"a key of {name}", key): (
            item if values is None else values(f"{name}[{key!r}]", item)
        )
        for key, item in value.items()
    }
    return value if all(plain[key] is item for key, item in value.items()) else plain

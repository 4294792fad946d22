"""Every public callable with one argument at a time replaced by what does not belong there.

The callables are found by walking the package. Each is first called as it should be (its twin, see
``twins.py``); then every argument in turn is replaced. The answer must be a result, where the value
is admissible, or a ValueError, TypeError or OSError that the library raises and that names the
argument; never an error from below, and never a result where the value is of the wrong kind.
"""

import dis
import importlib
import inspect
import os
import pkgutil
import re
import types
import typing
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import left_out
import messages
import numpy as np
import pytest
import torch
import twins
from torch import Tensor, nn

import swatlib

ROOT = Path(swatlib.__file__).parent
OURS = (ValueError, TypeError, OSError)
RAISES = {dis.opmap["RAISE_VARARGS"], dis.opmap["RERAISE"]}


def hints(function: Any) -> dict[str, Any]:
    """Return the annotations of the parameters that can be replaced."""
    owner = inspect.unwrap(function.__init__ if inspect.isclass(function) else function)
    try:
        found = typing.get_type_hints(owner)
    except NameError:  # names that only a type checker imports
        found = {}
    parameters = inspect.signature(function).parameters.values()
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    own = [p.name for p in parameters if p.kind in named and p.name not in ("self", "cls")]
    return {name: found.get(name, Any) for name in own}


def public() -> dict[str, Any]:
    """Return every public callable by its name below ``swatlib``: functions, classes, methods."""
    found: dict[str, Any] = {}
    for module in pkgutil.walk_packages([str(ROOT)], "swatlib."):
        if left_out.reason(module.name.removeprefix("swatlib.") + "."):
            continue
        for name, value in vars(importlib.import_module(module.name)).items():
            if name.startswith("_") or getattr(value, "__module__", None) != module.name:
                continue
            full = f"{module.name}.{name}".removeprefix("swatlib.")
            if inspect.isclass(value):
                found[full] = value
                for method, function in vars(value).items():
                    plain = getattr(function, "__func__", function)
                    if not method.startswith("_") and inspect.isfunction(plain):
                        found[f"{full}.{method}"] = plain
            elif callable(value):
                found[full] = value
    return {name: f for name, f in found.items() if not left_out.reason(name, f) and hints(f)}


PUBLIC = public()


def twin(name: str) -> tuple[Callable[..., Any], dict[str, Any]]:
    """Return what to call and the arguments of a valid call."""
    torch.manual_seed(0)
    function = PUBLIC[name]
    made = twins.TWINS.get(name, dict)()
    bound, arguments = made if isinstance(made, tuple) else (None, made)
    for argument in hints(function):
        parameter = inspect.signature(function).parameters[argument]
        if argument in arguments:
            continue
        if parameter.default is not inspect.Parameter.empty:
            arguments[argument] = parameter.default
        elif argument in twins.VALUES:
            arguments[argument] = twins.VALUES[argument]()
    if bound is not None:
        return getattr(bound, name.rpartition(".")[2]), arguments
    return function, arguments


def call(function: Callable[..., Any], arguments: dict[str, Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = function(**arguments)
        if isinstance(result, Iterator) and inspect.isgenerator(result):
            next(result, None)


NONE, THREE, THING, LIST = None, 3, object(), ["text"]
VECTOR, ARRAY, TEXTS = torch.zeros(2), np.zeros(2), np.array(["a"])
SPARSE = torch.eye(2).to_sparse()
KINDS: dict[Any, list[Any]] = {
    bool: ["text", NONE, THREE, 0.0, LIST],
    int: ["text", NONE, 2.5, True, float("nan"), LIST, VECTOR, THING],
    float: ["text", NONE, True, float("nan"), LIST, VECTOR, 1j, THING],
    str: [NONE, THREE, b"text", LIST, THING],
    Tensor: [NONE, "text", THREE, LIST, ARRAY, SPARSE, THING],
    np.ndarray: [NONE, "text", THREE, LIST, VECTOR, TEXTS, THING],
    Path: [NONE, THREE, "", "a\0b", LIST, THING],
}


def wrong(hint: Any) -> list[Any]:
    """Return values that are of another kind than the annotation says: they must be refused."""
    origin, inner = typing.get_origin(hint) or hint, typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        options = [wrong(option) for option in inner if option is not type(None)]
        if not all(options):
            return []
        same = [w for w in options[0] if all(any(w is v for v in o) for o in options[1:])]
        return [w for w in same if not (w is None and type(None) in inner)]
    if origin in KINDS:
        return KINDS[origin]
    if origin in (list, tuple, Sequence, Iterable):
        return [NONE, "text", THREE, THING]
    if origin in (dict, Mapping):
        return [NONE, "text", THREE, LIST, THING]
    if origin is Callable:
        return [NONE, "text", THREE, LIST]
    protocol = getattr(origin, "_is_protocol", False)
    if isinstance(origin, type) and origin not in (object, Any) and not protocol:
        return [NONE, "text", THREE, THING, LIST]
    return []


def odd(value: Any) -> list[Any]:
    """Return values of the kind of ``value`` that may be out of range: refused or taken."""
    if isinstance(value, bool):
        return [np.bool_(value), torch.tensor(value)]
    if isinstance(value, int):
        return [-1, 0, 1, 10**30, -(10**30), np.int64(value), torch.tensor(value)]
    if isinstance(value, float):
        huge = [-1.0, 0.0, 1.0, 1e308, -1e308, float("inf"), -float("inf"), 10**400]
        return [*huge, np.float32(value), torch.tensor(value)]
    if isinstance(value, str):
        return ["", "no such", "é\n", "x" * 1000, "a\0b", ".."]
    if isinstance(value, Tensor):
        return list(_tensors(value))
    if isinstance(value, np.ndarray):
        none, zero = value[:0], np.zeros((), value.dtype)
        more = [value.astype(np.float32), value.astype(np.int64), value.astype(bool)]
        return [none, zero, value[None], value[0], *more, np.asfortranarray(value)]
    if isinstance(value, nn.Module):
        return [nn.Identity(), nn.Sequential(), nn.Linear(2, 2), nn.Conv1d(2, 2, 1)]
    if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
        return [(), [], [None], ["text"], [THING], [value]]
    if isinstance(value, dict):
        return [{}, {"no such": 1}, {1: 2}, {"no such": None}]
    if isinstance(value, Path):
        Path("a text").write_text("not what is looked for")
        return [Path("no/such/place"), Path("."), Path("a text"), Path("x" * 1000)]
    return []


def _tensors(x: Tensor) -> Iterable[Tensor]:
    for dtype in (torch.int64, torch.bool, torch.float16, torch.bfloat16, torch.float64):
        yield x.to(dtype)
    yield x.to(torch.complex64)
    yield x[:0] if x.ndim else x.reshape(1)[:0]
    yield x.new_zeros(())
    yield x[None]
    yield x[0] if x.ndim else x
    yield torch.zeros(0, dtype=x.dtype)
    if x.is_floating_point():
        yield torch.full_like(x, torch.nan)
        yield torch.full_like(x, torch.inf)
        yield x * 1e30
        yield x.clone().requires_grad_()
    yield torch.empty_like(x, device="meta")
    if x.ndim:
        yield x.repeat_interleave(2, -1)[..., ::2]
        yield x.new_zeros(1).expand(x.shape)
    if x.ndim > 1:
        yield x.transpose(0, -1).contiguous().transpose(0, -1)


def complaint(name: str, argument: str, value: Any, refuse: bool) -> str | None:
    """Say what is bad about the answer to one replaced argument, None if nothing is."""
    function, arguments = twin(name)
    shown = f"{argument}={repr(value)[:60]!s} ({type(value).__name__})"
    try:
        call(function, arguments | {argument: value})
    except Exception as error:
        if _of_the_model(error) or _of_a_path(error, value):
            return None
        if (
            messages.torch_says(name)
            and not refuse
            and isinstance(error, RuntimeError | IndexError)
        ):
            return None
        if not isinstance(error, OURS):
            return f"{shown}: {type(error).__name__}: {error}"
        if not _raised_by_us(error):
            return f"{shown}: from below: {type(error).__name__}: {error}"
        # One value does not fit another: then either may be named, or what was given.
        others = [] if refuse else [*arguments, *messages.ALSO_CALLED.get(argument, [])]
        names = [argument, *messages.ALIASES.get((name, argument), []), *others]
        if any(_says(error, word) for word in names):
            return None
        if not refuse and (repr(value) in str(error) or str(value) in str(error)):
            return None
        return f"{shown}: not named: {error}"
    stands = any(value is known for known in messages.ADMISSIBLE.get((name, argument), []))
    return f"{shown}: taken" if refuse and not stands else None


def _of_the_model(error: BaseException) -> bool:
    """Say whether a model that was given failed by itself, on an input it does not take."""
    trace, frames = error.__traceback__, []
    while trace is not None:
        frames.append(trace.tb_frame.f_code)
        trace = trace.tb_next
    return any(code.co_name == "_call_impl" for code in frames)


def _of_a_path(error: BaseException, value: Any) -> bool:
    """Say whether the operating system says what is wrong with the path, and names it."""
    return isinstance(error, OSError) and isinstance(value, Path) and str(value) in str(error)


def _raised_by_us(error: BaseException) -> bool:
    """Say whether a ``raise`` of the library, and no operation in it, is the error's origin."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    assert trace is not None
    code = trace.tb_frame.f_code
    raised = code.co_code[trace.tb_lasti] in RAISES
    return raised and code.co_filename.startswith(str(ROOT) + os.sep)


def _says(error: Exception, word: str) -> bool:
    return bool(re.search(rf"(?<![a-z]){re.escape(word)}(?![a-z])", str(error)))


def _missing(name: str) -> list[str]:
    _, arguments = twin(name)
    return [argument for argument in hints(PUBLIC[name]) if argument not in arguments]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    """Nothing is read or written outside of a fresh folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SWATLIB_DATA", str(tmp_path))
    monkeypatch.setenv("SWATLIB_CACHE", str(tmp_path))


def test_every_public_callable_has_a_twin_or_a_reason():
    assert not [(name, missing) for name in PUBLIC if (missing := _missing(name))]
    assert not set(twins.TWINS) - set(PUBLIC), "twins of what is not there"


@pytest.mark.parametrize("start", left_out.LEFT_OUT)
def test_what_is_left_out_is_there(start):
    assert pkgutil.resolve_name(f"swatlib.{start.removesuffix('.')}")


@pytest.mark.parametrize("name", PUBLIC)
def test_one_wrong_argument(name):
    function, arguments = twin(name)
    call(function, arguments)
    bad = []
    for argument, hint in hints(PUBLIC[name]).items():
        if messages.anything(name, argument):
            continue
        cases = [(w, True) for w in wrong(hint)] + [(o, False) for o in odd(arguments[argument])]
        bad += [said for w, refuse in cases if (said := complaint(name, argument, w, refuse))]
    assert not bad, "\n".join([f"{len(bad)} bad answers of {name}", *bad])

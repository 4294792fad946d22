"""``swatlib train``: one run from options, those of the methods taken from their own signatures."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import fields
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Union, Unpack, get_args, get_origin, get_type_hints

import typer
from docstring_parser import parse

from swatlib.kernels.fastest import FAST, SETTINGS, products
from swatlib.methods import ALIASES, METHODS, with_options
from swatlib.training.run import Run

ELSEWHERE = ("method", "sparsity", "options")
"""Parameters of methods that become no option of their own here: the command has them already."""

ROLE = re.compile(r":\w+:`~?([^`]+)`")
"""A docstring's reference, of which a terminal shows the name."""


def _read(pairs: list[str]) -> dict[str, Any]:
    """Read ``NAME=VALUE`` pairs; a value is JSON if it can be read as such, else text."""
    options: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not name or not equals:
            raise ValueError(f"option must be NAME=VALUE, got {pair!r}")
        try:
            options[name] = json.loads(text)
        except json.JSONDecodeError:
            options[name] = text
    return options


def _plain(hint: Any) -> Any:
    """Return what a command line can read for a type: "float" for "float | None"."""
    if get_origin(hint) in (Union, UnionType):
        hint = next(kind for kind in get_args(hint) if kind is not NoneType)
    return hint if hint in (bool, int, float, str) else None


def _described(thing: Any) -> dict[str, str]:
    """Return the first sentence that a docstring has for each of its parameters."""
    found = {}
    for one in parse(inspect.getdoc(thing) or "").params:
        text = " ".join(ROLE.sub(r"\1", one.description or "").replace("`", "").split())
        for name in one.arg_name.split(","):
            found[name.strip()] = text and text.partition(". ")[0].rstrip(".") + "."
    return found


def _parameters(function: Callable[..., Any]) -> Iterator[tuple[str, Any, str]]:
    """Yield name, type and description of a method's options, those of a typed dict included."""
    hints, help_ = get_type_hints(inspect.unwrap(function)), _described(function)
    for name, parameter in inspect.signature(function).parameters.items():
        hint = hints.get(name, parameter.annotation)
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            (options,) = get_args(hint) if get_origin(hint) is Unpack else (hint,)
            described = _described(options)
            for inner, kind in get_type_hints(options).items():
                yield inner, kind, described.get(inner, "")
        elif name not in ELSEWHERE:
            yield name, hint, help_.get(name, "")


@cache
def method_options() -> dict[str, tuple[Any, str]]:
    """Return the options of all methods: their type, and a description that names the methods."""
    found: dict[str, tuple[Any, str]] = {}
    takers: dict[str, list[str]] = {}
    for method, row in METHODS.items():
        for name, hint, text in _parameters(row):
            if (kind := _plain(hint)) is not None:
                found.setdefault(name, (kind, text))
                takers.setdefault(name, []).append(method)
    of = {name: f"{text} ({', '.join(takers[name])})" for name, (_, text) in found.items()}
    found = {name: (kind, of[name]) for name, (kind, _) in found.items()}
    for name, hint, text in _parameters(with_options):
        found[name] = (_plain(hint), text)
    return found


def _option(name: str, kind: Any, default: Any, text: str) -> inspect.Parameter:
    flag = name.replace("_", "-")
    # A flag may be on, off or not given; if not given, the method's own default holds.
    switches = (f"--{flag}/--no-{flag}",) if kind is bool else (f"--{flag}",)
    wanted = kind | None if default is None else kind
    hint: Any = Annotated[wanted, typer.Option(*switches, help=text)]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hint)


KEEPING: dict[str, tuple[Any, Any]] = {
    "checkpoint": (
        Annotated[
            Path | None,
            typer.Option(help="Folder to keep the run in, at the ends of epochs.", metavar="DIR"),
        ],
        None,
    ),
    "resume": (
        Annotated[bool, typer.Option("--resume", help="Go on at what --checkpoint has.")],
        False,
    ),
    "checkpoint_every": (
        Annotated[str, typer.Option(help="How often, at most.", metavar="TIME")],
        "60s",
    ),
}
"""Options that say how a run survives: their types and defaults."""


def _kept(run: Run, folder: Path | None, resume: bool, every: str) -> dict[str, Any]:
    """Return what `train_run` is given to keep a run in a folder, and to go on there."""
    from swatlib.records.checkpoint import Checkpoint
    from swatlib.records.sweep import seconds

    if folder is None:
        if resume:
            raise ValueError("resume needs a folder: --checkpoint DIR --resume")
        return {}
    checkpoint = Checkpoint(folder, run, seconds(every, "checkpoint-every"))
    if checkpoint.files and not resume:
        raise ValueError(
            f"checkpoint must be a folder without checkpoints, or --resume goes on there: {folder}"
        )
    return {"checkpoint": checkpoint}


def _signature() -> inspect.Signature:
    run_help, hints = _described(Run), get_type_hints(Run)
    options = []
    for field in fields(Run):
        if field.name == "options":
            options += [
                _option(name, kind, None, text) for name, (kind, text) in method_options().items()
            ]
            continue
        text = run_help.get(field.name, "")
        if field.name == "method":
            text = f"One of {', '.join((*METHODS, *ALIASES))}."
        options.append(_option(field.name, _plain(hints[field.name]), field.default, text))
    more = Annotated[
        list[str] | None,
        typer.Option(help="Any option of the method; may be repeated.", metavar="NAME=VALUE"),
    ]
    as_json = Annotated[bool, typer.Option("--json", help="Print the metrics as JSON.")]
    kind = inspect.Parameter.KEYWORD_ONLY
    options.append(inspect.Parameter("option", kind, default=None, annotation=more))
    options.append(inspect.Parameter("as_json", kind, default=False, annotation=as_json))
    for name, (hint, default) in KEEPING.items():
        options.append(inspect.Parameter(name, kind, default=default, annotation=hint))
    processes = Annotated[int, typer.Option(help="Processes that share every batch.")]
    options.append(inspect.Parameter("nproc", kind, default=1, annotation=processes))
    way = Annotated[str, typer.Option(help=f"How to compute products: {', '.join(SETTINGS)}.")]
    options.append(inspect.Parameter("products", kind, default=FAST, annotation=way))
    return inspect.Signature(options)


def _together(run: Run, nproc: int, kept: dict[str, Any]) -> dict[str, Any]:
    from swatlib.records.executors import LostError
    from swatlib.training.together import train_together

    try:
        return train_together(run, nproc, **kept)
    except LostError as error:
        more = "; --resume goes on at its last checkpoint" if kept else ""
        typer.echo(f"error: {error}{more}", err=True)
        raise typer.Exit(1) from error


def train(**given: Any) -> None:
    """Train one network and print its metrics."""
    from swatlib import checks
    from swatlib.training import train_run

    nproc = checks.count("nproc", given.pop("nproc"))
    setting = checks.one_of("products", given.pop("products"), SETTINGS)
    if nproc > 1 and setting != FAST:
        raise ValueError(f"products must be {FAST} with several processes, got {setting}")
    as_json, more = given.pop("as_json"), given.pop("option") or []
    options = {name: given.pop(name, None) for name in method_options()}
    options = {name: value for name, value in options.items() if value is not None}
    keeping = [given.pop(name) for name in KEEPING]
    run = Run(**given, options=options | _read(more))
    kept = _kept(run, *keeping)
    if nproc == 1:
        with products(setting):
            metrics = train_run(run, **kept)
    else:
        metrics = _together(run, nproc, kept)
    if as_json:
        from swatlib.records import jsonable

        typer.echo(json.dumps(jsonable(metrics), allow_nan=False))
    else:
        _print(metrics)
    if kept:
        kept["checkpoint"].remove()
    if metrics.get("diverged"):
        typer.echo("diverged: the loss is no longer finite; try a smaller --lr", err=True)
        raise typer.Exit(1)


train.__signature__ = _signature()  # type: ignore[attr-defined]
train.__annotations__ = {
    name: parameter.annotation
    for name, parameter in train.__signature__.parameters.items()  # type: ignore[attr-defined]
}


def _print(metrics: dict[str, Any]) -> None:
    for name, value in metrics.items():
        if isinstance(value, list):
            for entry in value:
                typer.echo("  ".join(f"{k} {_short(v)}" for k, v in entry.items()))
        elif name == "observed":
            typer.echo(f"observed {', '.join(value)} (--json prints them)")
        elif isinstance(value, dict):
            for key, inner in value.items():
                typer.echo(f"{name} {key} {_short(inner)}")
        else:
            typer.echo(f"{name} {_short(value)}")


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)

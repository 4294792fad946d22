"""The command line, ``swatlib``: one file per group of commands.

A file holds the command of its own name as a function, or a group of commands as ``app``.
"""

from __future__ import annotations

import sys
import warnings
from importlib import import_module
from typing import TextIO

import typer

INTERRUPTED = 130  # what a shell makes of Ctrl-C
FILES = (
    "sweep",
    "experiments",
    "records",
    "claims",
    "train",
    "info",
    "account",
    "simulate",
    "gpu",
)

app = typer.Typer(
    name="swatlib",
    help="Sparse training of neural networks: run the book's experiments and read their records.",
    epilog="Exit codes: 0 all is well, 1 a run failed or a record differs, 2 bad input.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

for _name in FILES:
    _module = import_module(f"{__name__}.{_name}")
    if hasattr(_module, "app"):
        app.add_typer(_module.app, name=_name)
    else:
        app.command(_name)(getattr(_module, _name))


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Print a warning as one line: where in the library it arose is of no use at the prompt."""
    print(f"warning: {message}", file=sys.stderr)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit: 0 all is well, 1 a run failed, 2 bad input, 130 interrupted.

    A ValueError, TypeError or OSError becomes one line on standard error: it is taken for bad
    input, as a wrong option is. Any other error becomes one line too, with exit code 1;
    ``python -X dev -m swatlib.cli`` shows where such an error arose.
    """
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            code = app(arguments, standalone_mode=False)
        if code == INTERRUPTED:
            _say("interrupted", INTERRUPTED)
    except KeyboardInterrupt:
        code = _say("interrupted", INTERRUPTED)
    except (ValueError, TypeError, OSError) as error:
        code = _say(f"error: {_one_line(error)}", 2)
    except Exception as error:
        code = _other(error)
    sys.exit(code if isinstance(code, int) else 0)


def _other(error: Exception) -> int:
    if sys.flags.dev_mode:
        raise error
    name, code = type(error).__name__, getattr(error, "exit_code", None)
    if name == "Abort":
        return _say("interrupted", INTERRUPTED)
    if isinstance(code, int):  # the usage errors of typer
        message = getattr(error, "format_message", lambda: str(error))()
        context = getattr(error, "ctx", None)
        where = f" (see {context.command_path} --help)" if context is not None else ""
        return _say(f"error: {message}{where}" if message else "", code)
    return _say(f"error: {name}: {_one_line(error)} (python -X dev -m swatlib.cli shows where)", 1)


def _say(text: str, code: int) -> int:
    if text:
        print(text, file=sys.stderr)
    return code


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())

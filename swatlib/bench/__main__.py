"""Run the benchmarks: ``python -m swatlib.bench [TOPIC ...]``, all topics if none is named.

A topic is a file of this folder with a function ``main``, which yields ratios measured within one
process: two numbers from two processes, or from two machines, are not comparable. Ratios are, and
``--compare FILE`` does that with a file that an earlier call wrote.
"""

from __future__ import annotations

import argparse
import ast
import sys
from importlib import import_module
from pathlib import Path

import swatlib
from swatlib.bench.compare import compared
from swatlib.bench.results import (
    Measured,
    Results,
    default_path,
    differences,
    kind,
    load,
    machine,
    now,
    read,
    write,
)
from swatlib.bench.timing import shown


def topics() -> list[str]:
    """Return the names of the topics: the files that define ``main``, read and not imported."""
    found = []
    for path in sorted(Path(__file__).parent.glob("[!_]*.py")):
        statements = ast.parse(path.read_text(encoding="utf-8")).body
        if any(isinstance(s, ast.FunctionDef) and s.name == "main" for s in statements):
            found.append(path.stem)
    return found


def main(arguments: list[str] | None = None) -> int:
    """Run the named topics; return 2 if a name or a file is wrong, 1 if a topic failed, else 0."""
    known = topics()
    parser = argparse.ArgumentParser(prog="python -m swatlib.bench", description="Benchmarks.")
    parser.add_argument("topic", nargs="*", help=f"one of {', '.join(known)}; all if none is named")
    parser.add_argument(
        "--json",
        type=Path,
        metavar="FILE",
        help="where results go; topics that are there and not run again stay "
        "(default: a new file in _bench)",
    )
    parser.add_argument(
        "--compare", type=Path, metavar="FILE", help="show ratios over the ratios in this file"
    )
    options = parser.parse_args(arguments)
    chosen = options.topic or known
    here = machine()
    path = options.json or default_path(here, now())
    try:
        for name in chosen:
            if name not in known:
                raise ValueError(f"unknown topic {name!r}: allowed are {', '.join(known)}")
        then = read(options.compare) if options.compare else None
        results = _begun(path, here)
        write(path, results)  # what cannot be written is not measured
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(_title(here))
    failed = []
    for name in chosen:
        print(f"\n== {name}", flush=True)
        before = load()
        try:
            rows = list(shown(import_module(f"swatlib.bench.{name}").main()))
            measured = Measured(now(), swatlib.__version__, before + load(), rows)
        except Exception as error:  # the other topics are still of use
            print(f"error: {name}: {type(error).__name__}: {error}", file=sys.stderr)
            failed.append(name)
            continue
        results = results.with_topic(name, measured)
        write(path, results)  # after each topic, so that a run that is stopped has what it did
    print(f"\nresults: {path}")
    if then is not None:
        for line in compared(results, then, [name for name in chosen if name not in failed]):
            print(line)
    return 1 if failed else 0


def _begun(path: Path, here: dict[str, object]) -> Results:
    """Return what the file holds, if there is one, which must be of this machine."""
    if not path.exists():
        return Results(here, {})
    results = read(path)
    differing = differences(here, results.machine)
    if differing:
        raise ValueError(f"{path} must be of this kind of machine: {'; '.join(differing)}")
    return Results(here, results.topics)


def _title(here: dict[str, object]) -> str:
    lines = [kind(here)]
    others = {n: v for n, v in here.items() if v and n not in ("processor", "instruction_set")}
    lines.append(", ".join(f"{name} {value}" for name, value in others.items()))
    for value in load():
        busy = " - other work is running, timings will be off" if value > 1 else ""
        lines.append(f"load {value:.1f}{busy}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())

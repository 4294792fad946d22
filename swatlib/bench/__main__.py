"""Run the benchmarks: ``python -m swatlib.bench [TOPIC ...]``, all topics if none is named.

A topic is a file of this folder with a function ``main``, which yields ratios measured within one
process: two numbers from two processes, or from two machines, are not comparable.
"""

from __future__ import annotations

import argparse
import ast
import os
import platform
import sys
from importlib import import_module
from pathlib import Path

from swatlib.bench.timing import shown


def topics() -> list[str]:
    """Return the names of the topics: the files that define ``main``, read and not imported."""
    found = []
    for path in sorted(Path(__file__).parent.glob("[!_]*.py")):
        statements = ast.parse(path.read_text(encoding="utf-8")).body
        if any(isinstance(s, ast.FunctionDef) and s.name == "main" for s in statements):
            found.append(path.stem)
    return found


def machine() -> str:
    """Describe what the numbers were measured on: they mean nothing without it."""
    import torch

    from swatlib.machine import processor

    lines = [
        f"{platform.system()} {platform.machine()}, {processor() or 'unknown processor'}, "
        f"{os.cpu_count()} cores",
        f"Python {platform.python_version()}, torch {torch.__version__}, "
        f"{torch.get_num_threads()} threads",
    ]
    if torch.cuda.is_available():
        lines.append(f"GPU {torch.cuda.get_device_name()}")
    if hasattr(os, "getloadavg"):
        load = os.getloadavg()[0]
        busy = " - other work is running, timings will be off" if load > 1 else ""
        lines.append(f"load {load:.1f}{busy}")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Run the named topics; return 2 if one is not known, 1 if one failed, else 0."""
    known = topics()
    parser = argparse.ArgumentParser(prog="python -m swatlib.bench", description="Benchmarks.")
    parser.add_argument("topic", nargs="*", help=f"one of {', '.join(known)}; all if none is named")
    chosen = parser.parse_args(arguments).topic or known
    for name in chosen:
        if name not in known:
            print(f"error: unknown topic {name!r}: allowed are {', '.join(known)}", file=sys.stderr)
            return 2
    print(machine())
    failed = []
    for name in chosen:
        print(f"\n== {name}", flush=True)
        try:
            list(shown(import_module(f"swatlib.bench.{name}").main()))
        except Exception as error:  # the other topics are still of use
            print(f"error: {name}: {type(error).__name__}: {error}", file=sys.stderr)
            failed.append(name)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

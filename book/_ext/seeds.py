"""Does what the live cells assert hold for other seeds, and with two threads?

    python book/_ext/seeds.py NOTEBOOK ...
    python book/_ext/seeds.py --shifts 1000,2000 --threads 2 NOTEBOOK ...

Every seed that a notebook gives to torch is moved by a shift, in the notebook's own code as in
the library's; nothing is written. What fails for another seed is no finding of that cell. Three
shifts at one and two threads, the default, take six times as long as the notebook.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path

from nbclient import NotebookClient
from nbformat.v4 import new_code_cell

from execute import kernel_environment
from notebooks import read

SHIFTS = (1000, 2000, 3000)
THREADS = (1, 2)
CELL_TIMEOUT = 900  # seconds; two threads on a busy machine wait for each other

# What runs before the first cell. Notebooks set one thread themselves.
PRELUDE = """
import torch

def _shift_seeds(shift, threads, seed_all=torch.manual_seed, kind=torch.Generator):
    class Generator(kind):
        def manual_seed(self, seed):
            return super().manual_seed(seed + shift)

    torch.Generator = Generator
    torch.manual_seed = lambda seed: seed_all(seed + shift)
    torch.set_num_threads(threads)
    torch.set_num_threads = lambda count: None

_shift_seeds({shift}, {threads})
"""


def failures(path: Path, shift: int, threads: int) -> Iterator[str]:
    """Execute a notebook with other seeds and yield what failed: the cell and its error."""
    notebook = read(path)
    notebook.cells.insert(0, new_code_cell(PRELUDE.format(shift=shift, threads=threads)))
    client = NotebookClient(
        notebook,
        timeout=CELL_TIMEOUT,
        kernel_name="python3",
        allow_errors=True,
        extra_arguments=["--IPKernelApp.log_level=40"],
        resources={"metadata": {"path": str(path.parent)}},
    )
    client.execute(env=kernel_environment())
    for position, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                yield f"cell-{position:03d}: {output.ename} {output.evalue}\n{cell.source}"


def integers(text: str) -> list[int]:
    """Return the numbers of a list such as ``1000,2000``."""
    return [int(part) for part in text.split(",")]


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    parser = argparse.ArgumentParser(description="Execute notebooks with other seeds.")
    parser.add_argument("notebooks", nargs="+", type=Path)
    parser.add_argument("--shifts", type=integers, default=SHIFTS, help="added to every seed")
    parser.add_argument("--threads", type=integers, default=THREADS)
    options = parser.parse_args(arguments)
    failed = False
    for path, shift, threads in product(options.notebooks, options.shifts, options.threads):
        found = list(failures(path.resolve(), shift, threads))
        print(
            f"{path.name}, seeds + {shift}, threads {threads}: {len(found)} cells fail", flush=True
        )
        for problem in found:
            print(problem)
        failed = failed or bool(found)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())

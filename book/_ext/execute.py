"""Bring the book's notebooks up to date, or say which are not.

    python book/_ext/execute.py                  execute what is stale
    python book/_ext/execute.py --all            execute everything
    python book/_ext/execute.py NOTEBOOK ...     execute these
    python book/_ext/execute.py --check          only list what is stale; exit code 1 if any is

Two executions of the same notebook give the same bytes: no timings, ids by position, the same
few metadata, one thread, no GPU, only the data that ship with the book.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from tqdm import tqdm

from dependencies import Surroundings
from notebooks import KEY, ROOT, fingerprint, is_stale, read, surroundings, toc_notebooks

CELL_TIMEOUT = 120  # seconds; the notebook check allows as much
WORKERS = 2

KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
LANGUAGE = {"file_extension": ".py", "name": "python", "pygments_lexer": "ipython3"}


def kernel_environment() -> dict[str, str]:
    """Return the environment of a kernel: one thread, no GPU, no data but the embedded."""
    environment = {k: v for k, v in os.environ.items() if k != "SWATLIB_DATA"}
    fixed = {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "PYTHONHASHSEED": "0"}
    return environment | fixed


def tidy(notebook: nbformat.NotebookNode, mark: str | None) -> None:
    """Make everything that is not content the same in every execution, in place."""
    notebook.metadata = nbformat.from_dict({"kernelspec": KERNELSPEC, "language_info": LANGUAGE})
    if mark is not None:
        notebook.metadata[KEY] = {"fingerprint": mark}
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for position, cell in enumerate(notebook.cells, start=1):
        cell.id = f"cell-{position:03d}"
        for key in ("execution", "ExecuteTime", "collapsed", "jupyter", "lines_to_next_cell"):
            cell.metadata.pop(key, None)
        if cell.cell_type == "code":
            cell.outputs = merge_streams(cell.outputs)


def merge_streams(outputs: list[nbformat.NotebookNode]) -> list[nbformat.NotebookNode]:
    """Join neighbouring pieces of one stream; where a kernel cuts them is chance."""
    merged: list[nbformat.NotebookNode] = []
    for output in outputs:
        last = merged[-1] if merged else None
        same = last is not None and last.output_type == output.output_type == "stream"
        if same and last is not None and last.name == output.name:
            last.text += output.text
        else:
            merged.append(output)
    return merged


def write(notebook: nbformat.NotebookNode, path: Path) -> None:
    """Write a notebook whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        nbformat.write(notebook, temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def execute(path: Path, around: Surroundings) -> tuple[float, str]:
    """Execute one notebook and write it back.

    Returns
    -------
    seconds, problem
        The seconds it took, and what went wrong, with the traceback of the cell; empty if
        nothing did. A notebook that fails is left as it was.
    """
    start = time.perf_counter()
    notebook = read(path)
    tidy(notebook, None)
    mark = fingerprint(notebook, around)
    client = NotebookClient(
        notebook,
        timeout=CELL_TIMEOUT,
        kernel_name="python3",
        record_timing=False,
        extra_arguments=["--IPKernelApp.log_level=40"],
        resources={"metadata": {"path": str(path.parent)}},
    )
    problem = ""
    try:
        client.execute(env=kernel_environment())
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        cell = next(
            (c.id for c in reversed(notebook.cells) if c.get("execution_count")), "cell-001"
        )
        problem = (
            f"{path.relative_to(ROOT) if path.is_relative_to(ROOT) else path}, {cell}:\n{error}"
        )
    else:
        tidy(notebook, mark)
        nbformat.validate(notebook)
        write(notebook, path)
    return time.perf_counter() - start, problem


def execute_all(paths: list[Path], around: Surroundings) -> list[str]:
    """Execute notebooks two at a time, with progress; return the problems."""
    problems = []
    with (
        ProcessPoolExecutor(WORKERS, mp_context=get_context("spawn")) as pool,
        tqdm(total=len(paths), unit="notebook", desc="executing") as bar,
    ):
        running = {pool.submit(execute, path, around): path for path in paths}
        for done in as_completed(running):
            seconds, problem = done.result()
            name = f"{running[done].parent.name}/{running[done].name}"
            bar.write(f"{seconds:7.1f} s  {name}{'  FAILED' if problem else ''}")
            bar.update()
            if problem:
                problems.append(problem)
    return problems


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    parser = argparse.ArgumentParser(description="Bring the book's notebooks up to date.")
    parser.add_argument("notebooks", nargs="*", type=Path, help="execute these, stale or not")
    parser.add_argument("--all", action="store_true", help="execute every notebook of the book")
    parser.add_argument("--check", action="store_true", help="list what is stale, execute nothing")
    options = parser.parse_args(arguments)
    missing = [str(path) for path in options.notebooks if not path.is_file()]
    if missing:
        parser.error(f"no such notebook: {', '.join(missing)}")

    around = surroundings()
    chosen = [path.resolve() for path in options.notebooks] or toc_notebooks()
    if options.check:
        stale = [path for path in chosen if is_stale(path, around)]
        for path in stale:
            print(f"stale: {path}")
        return 1 if stale else 0
    if not (options.all or options.notebooks):
        chosen = [path for path in chosen if is_stale(path, around)]
    if not chosen:
        print("every notebook is up to date")
        return 0
    problems = execute_all(chosen, around)
    for problem in problems:
        print(f"\n{problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

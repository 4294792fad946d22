"""Slurm: a sweep as the tasks of a job array, each an ordinary sweep of its share of the runs.

The tasks know nothing of each other. They work on one shared folder, where locks and records see to
it that no run is computed twice; a task that is killed, or whose machine is, has lost what its run
did since the last checkpoint, and the same command submits what is missing again. What else Slurm
must know (account, partition, time limit) it reads from its own variables, ``SBATCH_ACCOUNT`` and
so on.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from swatlib import checks
from swatlib.checked import checked
from swatlib.files import whole

T = TypeVar("T")

TASKS = 16
"""Tasks of an array, if nothing else is said."""


@checked(tasks=checks.count, task=checks.count)
def share(runs: Sequence[T], task: int, tasks: int) -> list[T]:
    """Return the runs of one of several tasks: every ``tasks``-th, by the order of the experiment.

    The shares do not depend on which runs are done. Neighbours in an experiment take about as long
    as each other, so they go to different tasks.

    Parameters
    ----------
    runs : sequence
    task : int
        From 1 to ``tasks``.
    tasks : int

    Examples
    --------
    >>> from swatlib.records.slurm import share
    >>> [share([3, 1, 4, 1, 5], task, 2) for task in (1, 2)]
    [[3, 4, 5], [1, 1]]
    """
    checks.count("task", task, most=tasks)
    return list(runs[task - 1 :: tasks])


@checked(tasks=checks.count)
def unfinished(runs: Sequence[T], tasks: int, done: Callable[[T], bool]) -> list[int]:
    """Return the tasks, counted from 1, that have a run left to do."""
    return [n for n in range(1, tasks + 1) if not all(map(done, share(runs, n, tasks)))]


@checked(numbers=None)
def array_script(name: str, command: Sequence[str], numbers: Sequence[int], output: Path) -> str:
    """Return a batch script for the tasks of these numbers, one processor each.

    Parameters
    ----------
    name : str
        Of the job.
    command : sequence of str
        What a task calls; ``{task}`` in it becomes the task's number.
    numbers : sequence of int
    output : Path
        Folder for what the tasks print.
    """
    task = '"$SLURM_ARRAY_TASK_ID"'
    words = " ".join(task.join(map(shlex.quote, word.split("{task}"))) for word in command)
    return (
        "#!/bin/sh\n"
        f"#SBATCH --job-name={name}\n"
        f"#SBATCH --array={','.join(map(str, numbers))}\n"
        "#SBATCH --ntasks=1 --cpus-per-task=1\n"
        f'#SBATCH --output="{output}/%A-%a.out"\n'
        "export OMP_NUM_THREADS=1\n"
        f"exec {words}\n"
    )


@checked(tasks=checks.count)
def write_array(
    name: str, folder: Path, numbers: Sequence[int], tasks: int, more: Sequence[str] = ()
) -> Path:
    """Write the script of a sweep's array into ``.slurm`` in the folder of its records.

    Parameters
    ----------
    name : str
        The experiment.
    folder : Path
        Of its records, on all machines.
    numbers : sequence of int
        Of the tasks, from 1.
    tasks : int
        How many shares there are.
    more : sequence of str
        Further words of every task's command.

    Returns
    -------
    Path
        The script.
    """
    where = folder.absolute() / ".slurm"
    where.mkdir(parents=True, exist_ok=True)
    (where / ".gitignore").write_text("*\n")
    command = [sys.executable, "-m", "swatlib.cli", "sweep", name, "--share", f"{{task}}/{tasks}"]
    command += ["--records", str(folder.absolute()), *more]
    with whole(where / "array.sh") as stream:
        stream.write(array_script(f"swatlib-{name}", command, numbers, where).encode())
    return where / "array.sh"


@checked
def submit(script: Path) -> str | None:
    """Submit a script and return the number of its job; None where there is no ``sbatch``.

    Raises
    ------
    OSError
        If Slurm refuses it.
    """
    program = shutil.which("sbatch")
    if program is None:
        return None
    done = subprocess.run([program, "--parsable", str(script)], capture_output=True, text=True)
    if done.returncode:
        raise OSError(f"sbatch refused {script}: {(done.stderr or done.stdout).strip()}")
    return done.stdout.strip().partition(";")[0]

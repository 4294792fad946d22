"""Sweeps that are killed at random moments lose the epoch in flight and nothing else.

``make kills`` kills as often as ``KILLS`` says, two hundred times if it says nothing.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from swatlib.records import iterate_records

KILLS = int(os.environ.get("KILLS", "8"))
EPOCHS, STEPS = 3, 4

# A process that has imported everything and trained nothing forks one for each sweep: so it dies
# at a random moment of its sweep and not, nearly always, while it imports.
SCRIPT = """
import os, signal, sys, time
from dataclasses import dataclass
from swatlib.records.sweep import sweep
from swatlib.training import Run, train_run
from swatlib.data import load

@dataclass(frozen=True)
class Logged:
    method: str
    seed: int
    log: str

    def compute(self, checkpoint=None):
        def note(step, model):
            if step % 4 == 1:
                with open(self.log, "a") as log:
                    log.write(f"{self.method} {self.seed} {step // 4}\\n")

        run = Run(
            images=64, batch_size=16, width=4, epochs=3, seed=self.seed, method=self.method,
            sparsity=0.5, shifts=1, observe="topology",
        )
        return train_run(run, "cpu", note, checkpoint)

def runs(log):
    return [Logged(method, seed, log) for seed in range(2) for method in ("swat", "rigl")]

def once(folder):
    while sweep(runs(folder + ".log"), folder, progress=False, every=0.0).busy:
        time.sleep(0.05)

load("digits")
if len(sys.argv) > 1:
    print("ready", flush=True)
    once(sys.argv[1])
    print("done", flush=True)
else:
    print("ready", flush=True)
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            once(line.strip())
            os._exit(0)
        print(pid, flush=True)
        sys.stdin.readline()  # until then its id is nobody else's
        print(os.waitpid(pid, 0)[1], flush=True)
"""


@contextmanager
def started(script: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Start the script in a process of its own, and see that it has nothing to say at its end."""
    process = subprocess.Popen(
        [sys.executable, str(script), *arguments],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
        _, errors = process.communicate(timeout=120)
        assert errors == ""
    finally:
        process.kill()
        process.wait()


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def go(mother: subprocess.Popen[str], folder: Path) -> int:
    """Let a forked process sweep, and return its id."""
    assert mother.stdin is not None
    mother.stdin.write(f"{folder}\n")
    mother.stdin.flush()
    return int(line(mother))


def end(mother: subprocess.Popen[str]) -> int:
    """Wait for the forked process, and return how it ended: 0, or the signal."""
    assert mother.stdin is not None
    mother.stdin.write("\n")
    mother.stdin.flush()
    return int(line(mother))


def checked(folder: Path, expected: dict[tuple[str, int], str], kills: int) -> None:
    """Check records against those of a sweep that nobody killed, and what was done twice."""
    found = {
        (r.specification["method"], r.specification["seed"]): json.dumps(r.metrics)
        for r in iterate_records(folder)
    }
    assert found == expected
    begun = Counter(Path(f"{folder}.log").read_text().splitlines())
    assert len(begun) == EPOCHS * len(expected)
    assert begun.total() - len(begun) <= kills  # done again: what was in flight, and no more
    left = [path for path in folder.rglob("*") if path.suffix in (".tmp", ".checkpoint")]
    assert not left


@pytest.mark.slow
@pytest.mark.parametrize("side_by_side", [1, 2])
def test_nothing_is_lost_but_the_epoch_in_flight(
    side_by_side: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = tmp_path / "sweeps.py"
    script.write_text(SCRIPT)
    random_ = random.Random(side_by_side)
    kills = writing = folders = 0
    with ExitStack() as stack:
        mothers = [stack.enter_context(started(script)) for _ in range(side_by_side)]
        assert [line(mother) for mother in mothers] == ["ready"] * side_by_side
        begin = time.monotonic()
        go(mothers[0], tmp_path / "whole")
        assert end(mothers[0]) == 0
        length = time.monotonic() - begin
        records = list(iterate_records(tmp_path / "whole"))
        expected = {
            (r.specification["method"], r.specification["seed"]): json.dumps(r.metrics)
            for r in records
        }
        assert len(expected) == 4
        while kills < KILLS // 2:
            folder, before = tmp_path / str(folders), kills
            folders += 1
            over = False
            while not over:
                children = [go(mother, folder) for mother in mothers]
                time.sleep(random_.uniform(0, length / 3))
                for child in children:
                    if kills < KILLS // 2:
                        os.kill(child, signal.SIGKILL)
                codes = [end(mother) for mother in mothers]
                assert set(codes) <= {0, signal.SIGKILL}
                kills += sum(code != 0 for code in codes)
                writing += any(folder.rglob(".*.tmp"))
                over = 0 in codes
            checked(folder, expected, kills - before)
    with capsys.disabled():
        if "KILLS" in os.environ:
            print(
                f"\n{side_by_side} at once: {kills} kills, {writing} in writing, {folders} sweeps"
            )


@pytest.mark.slow
def test_nothing_is_lost_at_start_up(tmp_path: Path) -> None:
    """A few more, of processes that start as a user starts them."""
    script = tmp_path / "sweeps.py"
    script.write_text(SCRIPT)
    folder, random_ = tmp_path / "records", random.Random(0)
    for _ in range(max(1, KILLS // 10)):
        with started(script, str(folder)) as process:
            if random_.random() < 0.5:
                line(process)
            time.sleep(random_.uniform(0, 0.5))
            process.kill()
    with started(script, str(folder)) as process:
        assert [line(process), line(process)] == ["ready", "done"]
    assert len(list(iterate_records(folder))) == 4

"""Checkpoints: where a run that has no record yet has come to, so that a killed one goes on there.

A checkpoint is one file: a line of JSON that says whose it is, and what ``torch.save`` made of the
state. A checksum covers both. The files of a run are in a folder of their own, the two newest are
kept, and they go when the run has its record.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import time
import warnings
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

import swatlib
from swatlib import checks, machine
from swatlib.checked import checked
from swatlib.files import whole
from swatlib.records.deadline import Deadline, Paused
from swatlib.records.record import canonical, checksum, key, specification

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

VERSION = 1
EVERY = 60.0
"""Seconds between two checkpoints of a run; they are written at the ends of epochs only."""
KEPT = 2
IGNORE = ".gitignore"
"""In a folder that is made here: what is in it is nothing to commit."""


class Checkpoint:
    """The checkpoints of one run.

    Parameters
    ----------
    folder : Path
        Where they are or will be. What else is there is left alone.
    run : dataclass instance
        Whose they are: its specification tells it from every other run.
    every : float
        Seconds from one to the next, at least.
    deadline : Deadline, optional
        When it allows no more, the next one is due and `Paused` ends the run.

    Attributes
    ----------
    earlier : float
        Seconds of the sittings before this one, once `found` has been asked for.
    """

    @checked(every=partial(checks.number, least=0))
    def __init__(
        self,
        folder: Path,
        run: DataclassInstance,
        every: float = EVERY,
        deadline: Deadline | None = None,
    ) -> None:
        self.folder, self.every, self.deadline = folder, every, deadline
        self.specification = json.loads(canonical(specification(run)))
        self.earlier = 0.0
        self._began = self._last = time.monotonic()

    @property
    def seconds(self) -> float:
        """Wall time of the run so far, in seconds: this sitting and those before it."""
        return self.earlier + time.monotonic() - self._began

    @property
    def is_due(self) -> bool:
        """Whether enough time has passed since the last one, or there is none for another epoch."""
        if self.deadline is not None and not self.deadline.allows_more():
            return True
        return time.monotonic() - self._last >= self.every

    @property
    def files(self) -> list[Path]:
        """The checkpoints that are there, newest first."""
        return sorted(self.folder.glob("[0-9]*.checkpoint"), reverse=True)

    @cached_property
    def found(self) -> dict[str, Any] | None:
        """The state in the newest good one, on the CPU; None if there is none.

        PyTorch has as many threads from here on as it had there: the last bits depend on it.

        Raises
        ------
        ValueError
            If it is of another run, of other versions, or of another kind of processor, where the
            run would not end as it would have ended here. The files stay as they are.
        """
        for scrap in self.folder.glob(".[0-9]*.tmp"):
            scrap.unlink(missing_ok=True)  # of a run that was killed while it wrote
        for path in self.files:
            try:
                about, content = _read(path)
                self._refuse(path, about)
                state = torch.load(io.BytesIO(content), "cpu", weights_only=True)
            except _Damaged as error:
                warnings.warn(f"checkpoint {path} is damaged: {error}", stacklevel=2)
                continue
            torch.set_num_threads(about["threads"])
            self.earlier = about["seconds"]
            return dict(state)
        return None

    def _refuse(self, path: Path, about: dict[str, Any]) -> None:
        there, here = about["specification"], self.specification
        if there != here:
            odd = sorted(n for n in there.keys() | here.keys() if there.get(n) != here.get(n))
            said = ", ".join(f"{n} {there.get(n)!r} and not {here.get(n)!r}" for n in odd)
            raise ValueError(f"checkpoint {path} must be of this run, it is of one with {said}")
        made, now = about["made_with"], _made_with()
        if made != now:
            odd = [name for name in now if made.get(name) != now[name]]
            said = ", ".join(f"{name} {made.get(name)} and not {now[name]}" for name in odd)
            raise ValueError(
                f"checkpoint {path} was made with {said}: go on there, or remove it to begin anew"
            )

    @checked
    def save(self, state: dict[str, Any]) -> None:
        """Write the state of the run, plain values and tensors, and forget all but the two newest.

        If it cannot be written a warning says so, and the run goes on.

        Raises
        ------
        Paused
            If there is a deadline, and no time for another epoch.
        """
        content = io.BytesIO()
        torch.save(state, content)
        about = {
            "version": VERSION,
            "specification": self.specification,
            "made_with": _made_with(),
            "threads": torch.get_num_threads(),
            "seconds": self.seconds,
            "content": hashlib.sha256(content.getbuffer()).hexdigest(),
        }
        line = json.dumps(about | {"checksum": checksum(about)})
        number = max((int(path.stem) for path in self.files), default=0) + 1
        path = self.folder / f"{number:06d}.checkpoint"
        try:
            if not self.folder.is_dir():
                self.folder.mkdir(parents=True, exist_ok=True)
                (self.folder / IGNORE).write_text("*\n")
            with whole(path) as stream:
                stream.write(line.encode() + b"\n" + content.getbuffer())
            for old in self.files[KEPT:]:
                old.unlink(missing_ok=True)
        except OSError as error:
            warnings.warn(f"checkpoint {path} cannot be written: {error}", stacklevel=2)
        self._last = time.monotonic()
        if self.deadline is not None and self.deadline.is_over:
            raise Paused(f"run {key(self.specification)} goes on at its checkpoint {path}")

    def remove(self) -> None:
        """Remove the checkpoints, and their folder if nothing else is in it."""
        for path in (*self.files, *self.folder.glob(".[0-9]*.tmp")):
            path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            if [path.name for path in self.folder.iterdir()] == [IGNORE]:
                (self.folder / IGNORE).unlink()
            self.folder.rmdir()


class _Damaged(ValueError):
    """What is in a file is not what was written."""


def _read(path: Path) -> tuple[dict[str, Any], bytes]:
    """Return what a checkpoint says about itself, and what it holds, if the checksums are right."""
    try:
        line, _, content = path.read_bytes().partition(b"\n")
        about = json.loads(line)
        if checksum(about) != about["checksum"]:
            raise _Damaged("its first line does not have its checksum")
        if hashlib.sha256(content).hexdigest() != about["content"]:
            raise _Damaged("its content does not have its checksum")
    except _Damaged:
        raise
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise _Damaged(f"{type(error).__name__}: {error}") from error
    if about["version"] != VERSION:
        raise ValueError(
            f"checkpoint {path} has version {about['version']!r}, this library knows {VERSION}"
        )
    return about, content


def _made_with() -> dict[str, str | None]:
    """Return what must be the same for a run to end with the same numbers."""
    return {
        "library": swatlib.__version__,
        "torch": torch.__version__,
        "device": machine.device(),
        "instruction_set": machine.instruction_set(),
    }


@checked
def of_records(
    folder: Path,
    run: DataclassInstance,
    every: float = EVERY,
    deadline: Deadline | None = None,
) -> Checkpoint:
    """Return the checkpoints of a run whose record is to be in ``folder``."""
    return Checkpoint(folder / ".checkpoints" / key(specification(run)), run, every, deadline)

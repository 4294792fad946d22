"""A sitting: runs computed one after another for so many minutes, the one in flight kept.

Where a machine is lent for minutes at a time, a sweep that ends with its last whole run would never
finish a run that is longer than they are. Here such a run stops at the end of an epoch, in its
checkpoint, and the next sitting goes on there.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm.auto import tqdm

from swatlib.checked import checked
from swatlib.records.deadline import Deadline, Paused
from swatlib.records.record import key, specification
from swatlib.records.sweep import Summary, check_writable, compute, is_done

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


@checked
def sit(
    runs: Sequence[DataclassInstance],
    folder: Path,
    deadline: Deadline,
    progress: bool = True,
) -> Summary:
    """Compute the runs that have no record in ``folder`` yet, in their order, until time is up.

    Parameters
    ----------
    runs : sequence of dataclass instances
        As :func:`swatlib.records.sweep.sweep` takes them.
    folder : Path
        Of the records; made if it does not exist.
    deadline : Deadline
        No run is begun, and of one with checkpoints no epoch, that would end after it.
    progress : bool
        Show a progress bar on a terminal.

    Returns
    -------
    Summary
        A run that stopped in its checkpoint is among those ``left``.

    Raises
    ------
    StorageError
        If the folder cannot be written.
    """
    folder = Path(folder).absolute()
    check_writable(folder)
    distinct = list({key(specification(run)): run for run in runs}.values())
    missing = [run for run in distinct if not is_done(folder, run)]
    summary = Summary(done=len(distinct) - len(missing), left=len(missing))
    hidden = None if progress else True  # None: shown on a terminal only
    with tqdm(
        missing, initial=summary.done, total=len(distinct), unit="run", disable=hidden
    ) as bar:
        for run in bar:
            if not deadline.allows_more():
                break
            try:
                outcome = compute(run, folder, deadline=deadline)
            except Paused:
                break
            summary.count(outcome)
    return summary

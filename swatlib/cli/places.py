"""Where the commands look for experiments and records."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

import swatlib

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def _folder(text: str) -> Path:
    if not text or "\0" in text:
        raise typer.BadParameter(f"records must be a folder, got {text!r}")
    return Path(text)


EXECUTORS = (
    "sequential, thread, process:N with one CPU thread each, dask:ADDRESS for the workers of a "
    "Dask cluster, or dask for one on this machine"
)
"""What an option ``--executor`` may be, for its help."""


def folder_option(what: str) -> Any:
    """Return the option ``--records`` of a command, a folder; an empty name is refused."""
    return typer.Option("--records", help=what, metavar="DIR", show_default=False, parser=_folder)


def records_root() -> Path:
    """Return ``data/records`` of the checkout the library lies in, else ``records`` right here."""
    checkout = Path(swatlib.__file__).resolve().parents[1]
    if (checkout / "pyproject.toml").is_file() and (checkout / "data").is_dir():
        return checkout / "data" / "records"
    return Path("records")


def records_folder(experiment: str, given: Path | None = None) -> Path:
    """Return the folder of an experiment's records: the one given, or its own under the root."""
    return given if given is not None else records_root() / experiment


def experiment_runs(name: str) -> Sequence[DataclassInstance]:
    """Return the runs of a named experiment.

    Raises
    ------
    ValueError
        If there is none of that name.
    """
    from swatlib.experiments import EXPERIMENTS

    if name not in EXPERIMENTS:
        raise ValueError(f"unknown experiment {name!r}: allowed are {', '.join(EXPERIMENTS)}")
    return EXPERIMENTS[name]()


def is_there(folder: Path, run: DataclassInstance) -> bool:
    """Say whether a run has a good record; whatever else is in its place is named in a warning."""
    from swatlib.records import UnknownVersion
    from swatlib.records.sweep import is_done

    try:
        return is_done(folder, run)
    except (UnknownVersion, OSError) as error:
        warnings.warn(f"not done: {error}", stacklevel=2)
        return False

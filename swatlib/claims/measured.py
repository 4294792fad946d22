"""Measurements that were recorded, by name, for the claims they decide."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from swatlib.checked import checked
from swatlib.claims.judge import RECORDS
from swatlib.claims.quantity import MissingRecords
from swatlib.experiments.measurements import Measurement
from swatlib.records import read_record, record_path

FOLDER = "measurements"


@checked
def measured(name: str, records: Path | str = RECORDS) -> dict[str, Any]:
    """Return the numbers of a recorded measurement.

    Parameters
    ----------
    name : str
        In :data:`swatlib.experiments.measurements.MEASUREMENTS`.
    records : Path
        Folder with one folder of records for each experiment.

    Raises
    ------
    MissingRecords
        If it has no good record; `swatlib sweep measurements` makes one.
    ValueError
        For an unknown name.
    """
    path = record_path(Path(records) / FOLDER, Measurement(name))
    try:
        return read_record(path).metrics
    except (OSError, ValueError) as error:
        raise MissingRecords(f"the measurement {name!r}: `swatlib sweep measurements`") from error

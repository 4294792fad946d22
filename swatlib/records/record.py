"""Records: one small JSON file for each finished training run, named by what was asked for.

A run is a frozen dataclass whose fields are JSON values; the fields are its *specification*. The
name of a record is the hash of its specification, so a run has been done if a file of that name is
there. Files appear whole or not at all. A checksum covers everything else in the file. A
file that is damaged, was changed, or whose content does not belong to its name, is named in a
warning and not used.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import os
import warnings
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from swatlib.checked import checked, checked_fields
from swatlib.files import FROM_A_CHECKOUT, whole

if TYPE_CHECKING:
    import pandas as pd
    from _typeshed import DataclassInstance

VERSION = 2


class UnknownVersion(ValueError):
    """The layout of the record is older or newer than the one this library reads."""


@dataclasses.dataclass(frozen=True)
class Record:
    """One finished run.

    Attributes
    ----------
    specification : dict
        The fields of the run.
    metrics : dict
        What training returned: numbers, and lists with one entry per epoch.
    data : dict or None
        The data set as used, see `swatlib.data.describe`.
    library, torch : str
        Versions.
    device : str
        ``"cpu"`` or the name of the GPU.
    processor : str or None
        Model name of the CPU, None where unknown.
    instruction_set : str or None
        What PyTorch used of it, e.g. ``"AVX2"`` or ``"AVX512"``, None where unknown. Other sets
        round differently, so only records with the same one can agree to the last bit.
    threads : int
        CPU threads PyTorch used.
    seconds : float
        Wall time of the run.
    date : str
        When it ended, ISO 8601, UTC.
    version : int
        Of this layout.
    """

    specification: dict[str, Any]
    metrics: dict[str, Any]
    data: dict[str, Any] | None
    library: str
    torch: str
    device: str
    processor: str | None
    instruction_set: str | None
    threads: int
    seconds: float
    date: str
    version: int = VERSION

    def __post_init__(self) -> None:
        checked_fields(self)

    @property
    def key(self) -> str:
        """The hash of the specification, which is also the name of the file."""
        return key(self.specification)


@runtime_checkable
class Specified(Protocol):
    """A run whose specification is something else than its fields."""

    def specification(self) -> dict[str, Any]:
        """Return JSON values that tell it from every other run."""
        ...


@checked
def specification(run: DataclassInstance) -> dict[str, Any]:
    """Return what tells a run from every other: its fields, if it does not say otherwise.

    Raises
    ------
    TypeError
        If the run is not a dataclass instance, or a field is no JSON value.
    """
    if not dataclasses.is_dataclass(run) or isinstance(run, type):
        raise TypeError(f"run must be an instance of a dataclass, got {run!r}")
    fields = run.specification() if isinstance(run, Specified) else dataclasses.asdict(run)
    canonical(fields)
    return fields


def _plain(value: Any) -> Any:
    """Give equal values one form: 0 and 0.0, tuples and lists, keys in any order."""
    if isinstance(value, dict):
        if not all(isinstance(name, str) for name in value):
            raise TypeError(f"names in a specification must be strings, got {list(value)}")
        return {name: _plain(value[name]) for name in sorted(value)}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


@checked
def canonical(specification: dict[str, Any]) -> str:
    """Return the one JSON text of a specification, from which its hash is taken.

    Fields that are None or an empty list or dict are left out. A field that is added to the run
    later and defaults to one of these changes no hash of an older record.

    Raises
    ------
    TypeError
        If a value is no JSON value (a finite number, text, bool, None, list or dict of them).
    """
    kept = {name: value for name, value in specification.items() if value not in (None, {}, [], ())}
    try:
        return json.dumps(_plain(kept), separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise TypeError(f"a specification must hold JSON values only: {error}") from error


@checked
def key(specification: dict[str, Any]) -> str:
    """Return the name of a specification: the first 24 digits of its canonical text's SHA-256."""
    return hashlib.sha256(canonical(specification).encode()).hexdigest()[:24]


@checked
def record_path(folder: Path, run: DataclassInstance) -> Path:
    """Return where the record of a run is, or would be."""
    return folder / f"{key(specification(run))}.json"


_WORDS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


@checked
def jsonable(value: Any) -> Any:
    """Write non-finite numbers as words: JSON has none, and a diverged run must say that it did."""
    if isinstance(value, dict):
        return {name: jsonable(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def _from_json(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _from_json(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_from_json(item) for item in value]
    return _WORDS.get(value, value) if isinstance(value, str) else value


@checked
def checksum(fields: dict[str, Any]) -> str:
    """Return the SHA-256 of a record's fields as one JSON text, the checksum itself left out.

    The text has sorted names and no blanks, so the layout of the file does not matter; every name
    and every value does, to the last digit.

    Raises
    ------
    ValueError
        If a number is not finite.
    """
    covered = {name: value for name, value in fields.items() if name != "checksum"}
    text = json.dumps(covered, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


@checked
def write_record(folder: Path, record: Record) -> Path:
    """Write a record, atomically, and return its path.

    Raises
    ------
    ValueError, TypeError
        If it could not be read again: a field is of the wrong type or no JSON value.
    OSError
        If it cannot be written.
    """
    fields = dataclasses.asdict(record) | {"metrics": jsonable(record.metrics)}
    return write_fields(folder / f"{record.key}.json", fields)


@checked
def write_fields(path: Path, fields: dict[str, Any]) -> Path:
    """Write the fields of a record with their checksum, see `write_record`."""
    fields = fields | {"checksum": checksum(fields)}
    content = json.dumps(fields, indent=1, sort_keys=True, allow_nan=False) + "\n"
    _record(_parse(content), path)
    with whole(path) as stream:
        stream.write(content.encode())
    return path


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object of its pairs; Python's reader would take the last of two in silence."""
    fields = dict(pairs)
    if len(fields) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{max(names, key=names.count)!r} is there twice")
    return fields


def _no_constant(word: str) -> None:
    raise ValueError(f"{word} is not JSON")


def _parse(content: str) -> Any:
    return json.loads(content, object_pairs_hook=_distinct, parse_constant=_no_constant)


@checked
def read_fields(path: Path, version: int = VERSION) -> dict[str, Any]:
    """Read what is in the file of a record, of this layout or an older one, and check its version.

    Raises
    ------
    OSError
        If there is no such file, or it cannot be read.
    UnknownVersion
        If its layout has another version.
    ValueError
        If it is no JSON object with a version.
    """
    if path.exists() and not path.is_file():
        raise OSError(f"record {path} must be a file")
    try:
        fields = _parse(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"record {path} is damaged: {error}") from error
    if not isinstance(fields, dict) or "version" not in fields:
        raise ValueError(f"record {path} is damaged: it has no version")
    found = fields["version"]
    if type(found) is not int or found != version:
        old = type(found) is int and 1 <= found < VERSION
        hint = f"; `swatlib records upgrade --records {path.parent}` rewrites it" if old else ""
        raise UnknownVersion(
            f"record {path} has version {found!r}, this library knows {version}{hint}"
        )
    return fields


def _is_date(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(datetime.fromisoformat(value))
    except ValueError:
        return False


_TEXT: tuple[str, Callable[[Any], bool]] = ("text", lambda value: type(value) is str)
_TEXT_OR_NULL = ("text or null", lambda value: value is None or type(value) is str)
_OBJECT = ("an object", lambda value: type(value) is dict)
_FIELDS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "specification": _OBJECT,
    "metrics": _OBJECT,
    "data": ("an object or null", lambda value: value is None or type(value) is dict),
    "library": _TEXT,
    "torch": _TEXT,
    "device": _TEXT,
    "processor": _TEXT_OR_NULL,
    "instruction_set": _TEXT_OR_NULL,
    "threads": ("a positive integer", lambda value: type(value) is int and value > 0),
    "seconds": ("0 or more", lambda value: type(value) in (int, float) and value >= 0),
    "date": ("an ISO 8601 date", _is_date),
    "version": ("an integer", lambda value: type(value) is int),
    "checksum": _TEXT,
}


def _check(fields: dict[str, Any]) -> None:
    """Raise ValueError if the fields are not those of a record, or the checksum is not theirs."""
    if fields.keys() != _FIELDS.keys():
        odd = sorted(fields.keys() ^ _FIELDS.keys())
        raise ValueError(f"{', '.join(odd)} missing or not known")
    for name, (wanted, is_right) in _FIELDS.items():
        if not is_right(fields[name]):
            raise ValueError(f"{name} must be {wanted}, got {fields[name]!r}")
    if (found := checksum(fields)) != fields["checksum"]:
        raise ValueError(f"its content has the checksum {found}, not {fields['checksum']}")


def _record(fields: dict[str, Any], path: Path) -> Record:
    """Make a record of the fields in a file, if they are right and belong to its name."""
    try:
        _check(fields)
        rest = {name: value for name, value in fields.items() if name != "checksum"}
        record = Record(**rest | {"metrics": _from_json(fields["metrics"])})
        own = record.key
    except (ValueError, TypeError, RecursionError) as error:
        raise ValueError(f"record {path} is damaged: {error}") from error
    if own != path.stem:
        raise ValueError(f"record {path} does not belong to its name: its hash is {own}")
    return record


@checked
def read_record(path: Path) -> Record:
    """Read one record.

    Raises
    ------
    OSError
        If there is no such file, or it cannot be read.
    UnknownVersion
        If its layout has another version.
    ValueError
        If it is damaged or was changed, is no record, or does not belong to its name.
    """
    return _record(read_fields(path), path)


@checked
def iterate_records(folder: Path) -> Iterator[Record]:
    """Yield the records of a folder in the order of their names.

    Files that are no good are skipped with a warning that names them.

    Raises
    ------
    FileNotFoundError
        If the folder does not exist.
    OSError
        If it cannot be read.
    """
    folder = Path(folder)
    for name in sorted(_listed(folder)):
        if name.startswith(".") or not name.endswith(".json"):
            continue
        path = folder / name
        try:
            record = read_record(path)
        except (ValueError, OSError) as error:
            warnings.warn(f"skipped: {error}", stacklevel=2)
            continue
        yield record


def _listed(folder: Path) -> list[str]:
    """Return the names in a folder; an unreadable folder is an error, not an empty one."""
    if not folder.is_dir():
        raise FileNotFoundError(
            f"records folder {folder} does not exist; for those of the book {FROM_A_CHECKOUT}"
        )
    try:
        return os.listdir(folder)
    except OSError as error:
        raise OSError(f"records folder {folder} cannot be read: {error.strerror}") from error


_OF_THE_RUN = (
    "library",
    "torch",
    "device",
    "processor",
    "instruction_set",
    "threads",
    "seconds",
    "date",
)


def _row(record: Record) -> dict[str, Any]:
    row: dict[str, Any] = {"key": record.key}
    for name, value in record.specification.items():
        if isinstance(value, dict):
            row |= {f"{name}.{inner}": item for inner, item in value.items()}
        else:
            row[name] = value
    for name, value in record.metrics.items():
        row[f"metrics.{name}" if name in row else name] = value
    for name in _OF_THE_RUN:
        row[f"record.{name}" if name in row else name] = getattr(record, name)
    name = "record.fingerprint" if "fingerprint" in row else "fingerprint"
    row[name] = (record.data or {}).get("fingerprint")
    return row


@checked
def read_records(folder: Path | str) -> pd.DataFrame:
    """Read all records of a folder into a table with one row per run.

    Columns are ``key``, the fields of the specification (a dict such as ``options`` becomes
    ``options.NAME``), the metrics (lists stay lists; ``metrics.NAME`` where a field has the name
    already), ``seconds``, ``threads``, ``device``, ``processor``, ``instruction_set``, ``torch``,
    ``library``, ``date`` (``record.NAME`` where a field or a metric has the name already) and the
    ``fingerprint`` of the data.

    Raises
    ------
    FileNotFoundError
        If the folder does not exist.
    """
    import pandas as pd

    return pd.DataFrame([_row(record) for record in iterate_records(Path(folder))])


@checked
def read_epochs(folder: Path | str) -> pd.DataFrame:
    """Read all records of a folder into a table with one row per run and epoch.

    The columns are those of `read_records`, with the entries of ``metrics["epochs"]`` (one dict of
    numbers per epoch) in place of the metrics, and ``epoch`` counting from 1 if the dicts do not.
    A record whose epochs are anything else is skipped with a warning.
    """
    import pandas as pd

    rows = []
    for record in iterate_records(Path(folder)):
        epochs = record.metrics.get("epochs", [])
        if not isinstance(epochs, list) or not all(isinstance(epoch, dict) for epoch in epochs):
            warnings.warn(
                f"skipped: record {record.key}: epochs must be a list of objects", stacklevel=2
            )
            continue
        base = _row(dataclasses.replace(record, metrics={}))
        for number, epoch in enumerate(epochs, start=1):
            rows.append(base | {"epoch": number} | epoch)
    return pd.DataFrame(rows)

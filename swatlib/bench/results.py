"""Results of benchmarks as a file: the machine, and for each topic when, under what load, and rows.

One file belongs to one machine. A topic that is measured again takes the place of its older rows,
and the other topics stay, so that a file can be made topic by topic.
"""

from __future__ import annotations

import json
import os
import platform
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import scipy
import torch

from swatlib.bench.timing import Row
from swatlib.checked import checked_fields
from swatlib.files import whole
from swatlib.machine import instruction_set, processor

FORMAT = "swatlib benchmarks 1"
FOLDER = Path("_bench")
"""Where results go if no file is named."""

COMMITTED = Path(__file__).resolve().parents[2] / "data" / "bench"
"""Results that are shown in the book, beside the package in the repository."""

LIMITS = ("ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA")
"""Variables that keep PyTorch from instructions which the processor has."""

SAME = ("system", "processor", "instruction_set", "limits", "cores", "threads", "gpu")
"""What has to be equal for two machines to be of one kind."""


@dataclass(frozen=True)
class Measured:
    """One topic, measured.

    Attributes
    ----------
    date : str
        When it ended, ISO 8601, UTC.
    library : str
        Version of swatlib.
    load : list of float
        Processes that wanted to run, averaged over a minute, before and after; empty where the
        system does not tell. What is measured adds its own threads to the second.
    rows : list of Row
    """

    date: str
    library: str
    load: list[float]
    rows: list[Row]

    def __post_init__(self) -> None:
        checked_fields(self)
        names = [(row.setting, row.name) for row in self.rows]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"setting and name must tell rows apart, got {name} twice")


@dataclass(frozen=True)
class Results:
    """What was measured on one machine: :func:`machine`'s description, and topics by name."""

    machine: dict[str, Any]
    topics: dict[str, Measured]

    def __post_init__(self) -> None:
        checked_fields(self)

    def with_topic(self, name: str, measured: Measured) -> Results:
        """Return the same with a topic added, or in the place of an older one of this name."""
        return replace(self, topics=self.topics | {name: measured})


def machine() -> dict[str, Any]:
    """Describe what is measured on, as JSON values: numbers mean nothing without it."""
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": processor() or "unknown processor",
        "instruction_set": instruction_set(),
        "limits": {name: os.environ[name] for name in LIMITS if os.environ.get(name)},
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "scipy": scipy.__version__,
    }


def load() -> list[float]:
    """Return the load of the last minute in a list, an empty one where the system has none."""
    return [round(os.getloadavg()[0], 2)] if hasattr(os, "getloadavg") else []


def now() -> str:
    """Return the time as a record's date, to the second, UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def kind(machine: Mapping[str, Any]) -> str:
    """Name a machine's kind, e.g. ``"Xeon, limited to AVX2"`` where variables limit it."""
    limited = "limited to " if machine.get("limits") else ""
    return f"{machine.get('processor')}, {limited}{machine.get('instruction_set')}"


def default_path(machine: Mapping[str, Any], date: str) -> Path:
    """Return ``_bench/PROCESSOR-DATE.json``."""
    words = re.sub(r"[^a-z0-9]+", "-", kind(machine).lower()).strip("-")
    return FOLDER / f"{words}-{re.sub(r'[-:]', '', date)[:15]}.json"


def write(path: Path, results: Results) -> None:
    """Write results whole or not at all; the folder is made.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    fields = {"format": FORMAT, **asdict(results)}
    text = json.dumps(fields, indent=1, ensure_ascii=False, allow_nan=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole(path) as stream:
        stream.write((text + "\n").encode())


def read(path: Path) -> Results:
    """Read what :func:`write` wrote.

    Raises
    ------
    ValueError
        In one line that names the file, if it cannot be read or holds something else.
    """
    wanted = f"a file that `make bench` wrote (format {FORMAT!r})"
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(fields, dict) or fields.get("format") != FORMAT:
            raise ValueError("it has no such format")
        topics = {
            name: Measured(**{**topic, "rows": [Row(**row) for row in topic["rows"]]})
            for name, topic in fields["topics"].items()
        }
        return Results(fields["machine"], topics)
    except OSError as error:
        raise ValueError(f"{path} must be {wanted}: {error.strerror or error}") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise ValueError(f"{path} must be {wanted}: {what}") from error


def differences(machine: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """Return a line for each field in which two machines are not of one kind."""
    return [
        f"{name} {other.get(name)!r} there, {machine.get(name)!r} here"
        for name in SAME
        if machine.get(name) != other.get(name)
    ]


def committed(topic: str) -> pd.DataFrame:
    """Return a topic's rows on every machine whose results are in the repository.

    Returns
    -------
    DataFrame
        ``machine``, its :func:`kind`; and the fields of :class:`swatlib.bench.timing.Row`.

    Raises
    ------
    ValueError
        If no file has the topic, or one is damaged.
    """
    found = {path: read(path) for path in sorted(COMMITTED.glob("*.json"))}
    rows = [
        {"machine": kind(results.machine), **asdict(row)}
        for results in found.values()
        if topic in results.topics
        for row in results.topics[topic].rows
    ]
    if not rows:
        known = sorted({name for results in found.values() for name in results.topics})
        raise ValueError(f"topic must be one of {known}, got {topic!r}")
    return pd.DataFrame(rows)

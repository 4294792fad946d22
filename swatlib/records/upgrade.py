"""Upgrade: rewrite records of the first layout, which had no checksum, in the present one.

Version 1 did not tell on which processor a run was computed; that stays unknown. Every other field,
every digit of it and the name of the file stay what they are.
"""

from __future__ import annotations

import warnings
from pathlib import Path

from swatlib.checked import checked
from swatlib.records import VERSION, UnknownVersion, read_fields, read_record, write_fields

ADDED = {"processor": None, "instruction_set": None, "version": VERSION}


@checked
def upgrade_record(path: Path) -> bool:
    """Rewrite one record in place, atomically; return False if it was of this version already.

    Raises
    ------
    UnknownVersion
        If its layout is of a later version.
    ValueError
        If it is damaged, no record, or does not belong to its name.
    OSError
        If it cannot be read or written.
    """
    try:
        fields = read_fields(path, version=1)
    except UnknownVersion:
        read_record(path)
        return False
    if odd := fields.keys() & {"checksum", "processor", "instruction_set"}:
        raise ValueError(f"record {path} is damaged: version 1 has no {', '.join(sorted(odd))}")
    write_fields(path, fields | ADDED)
    return True


@checked
def upgrade(folder: Path) -> tuple[int, int, int]:
    """Rewrite the records of a folder and of all below it; name in a warning what is no good.

    Returns
    -------
    upgraded, present, skipped : int
        How many were rewritten, had this version already, and cannot be read or are damaged.

    Raises
    ------
    FileNotFoundError
        If the folder does not exist.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"records folder {folder} does not exist")
    upgraded = present = skipped = 0
    for path in sorted(folder.rglob("[!.]*.json")):
        try:
            if upgrade_record(path):
                upgraded += 1
            else:
                present += 1
        except (ValueError, OSError) as error:
            warnings.warn(f"skipped: {error}", stacklevel=2)
            skipped += 1
    return upgraded, present, skipped

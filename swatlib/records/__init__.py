"""Records: one file for each finished run, and the sweeps that compute what is missing."""

from swatlib.records.record import (
    VERSION,
    Record,
    UnknownVersion,
    canonical,
    checksum,
    iterate_records,
    jsonable,
    key,
    read_epochs,
    read_fields,
    read_record,
    read_records,
    record_path,
    specification,
    write_fields,
    write_record,
)

__all__ = [
    "VERSION",
    "Record",
    "UnknownVersion",
    "canonical",
    "checksum",
    "iterate_records",
    "jsonable",
    "key",
    "read_epochs",
    "read_fields",
    "read_record",
    "read_records",
    "record_path",
    "specification",
    "write_fields",
    "write_record",
]

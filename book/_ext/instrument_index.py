"""All instruments of the book, by the names that pages call them by."""

from collections.abc import Callable, Mapping

import instrument_machines
import instrument_tables
import instrument_training
from instrument_table import Table

INSTRUMENTS: Mapping[str, Callable[[], Table]] = {
    **instrument_tables.TABLES,
    **instrument_machines.TABLES,
    **instrument_training.TABLES,
}

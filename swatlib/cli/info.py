"""``swatlib info``: versions, machine, and the data that is found."""

from __future__ import annotations

import platform

import typer

from swatlib.cli.places import records_root


def info() -> None:
    """Show versions, the machine, the data sets that are found and where the records are."""
    import torch

    import swatlib
    from swatlib import machine
    from swatlib.data import found
    from swatlib.data.cache import cache_folder

    for name, value in {
        "swatlib": swatlib.__version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "device": machine.device(),
        "processor": f"{machine.processor() or 'unknown'} ({machine.instruction_set()})",
        "threads": torch.get_num_threads(),
        "data": ", ".join(found()),
        "cache": cache_folder(),
        "records": records_root(),
    }.items():
        typer.echo(f"{name:9} {value}")

"""``swatlib info``: versions, machine, and the data that is found."""

from __future__ import annotations

import platform

import typer

from swatlib.cli.places import records_root


def info() -> None:
    """Show versions, the machine, the data sets that are found and where the records are."""
    import torch

    import swatlib
    from swatlib.data import found
    from swatlib.data.cache import cache_folder

    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
    for name, value in {
        "swatlib": swatlib.__version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        "device": device,
        "threads": torch.get_num_threads(),
        "data": ", ".join(found()),
        "cache": cache_folder(),
        "records": records_root(),
    }.items():
        typer.echo(f"{name:8} {value}")

"""Files are written whole or not at all, and what is not there says where it comes from."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

READABLE = 0o644
"""Rights of a finished file; a temporary one has fewer."""


@contextmanager
def whole(path: Path) -> Iterator[IO[bytes]]:
    """Open a file that takes the place of ``path`` when the block ends without an error.

    Until then, and after an error, a file that was at ``path`` stays. The new content is flushed to
    disk before it appears there.

    Parameters
    ----------
    path : Path
        In a folder that exists. The temporary file beside it is called ``.NAME-*.tmp``.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, READABLE)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


FROM_A_CHECKOUT = "use swatlib from a checkout of its repository (pip install -e .)"


def committed(path: Path) -> Path:
    """Return a file or folder that lies beside the package in its repository.

    Parameters
    ----------
    path : Path

    Raises
    ------
    FileNotFoundError
        If it is not there, as where the package was installed alone.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist; {FROM_A_CHECKOUT}, which has it")
    return path

"""Small pictures and archives of the layout of image folders."""

import io
import tarfile
from pathlib import Path

import numpy as np
from PIL import Image


def add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    tar.addfile(info, io.BytesIO(content))


def png(pixels: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def write_tar(path: Path, pictures: dict[str, np.ndarray], mode: str) -> None:
    with tarfile.open(path, mode) as tar:
        for name, pixels in reversed(pictures.items()):
            add(tar, f"./{name}", png(pixels))

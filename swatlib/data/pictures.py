"""Decode one picture to 8-bit colour, or raise an error that names the file."""

from __future__ import annotations

import io
import warnings

import numpy as np
from PIL import Image

from swatlib.checked import checked

FORMATS = ("BMP", "JPEG", "PNG", "PPM", "WEBP")
LARGEST_PICTURE = 2**26  # pixels; a small file can claim to be larger than any memory
MODES = ("1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBX", "RGBa", "CMYK", "YCbCr")
GREY_16 = ("I", "I;16", "I;16B", "I;16L", "I;16N")


@checked
def decode(content: bytes, name: str) -> Image.Image:
    """Decode the content of a BMP, JPEG, PNG, PPM or WebP file called ``name`` to mode RGB.

    16-bit grey is scaled to 8 bits, grey becomes three equal channels, and transparent pixels are
    blended with black. Of an animation the first frame is taken.

    Raises
    ------
    ValueError
        If it is truncated or damaged, of another kind, larger than `LARGEST_PICTURE`, or has values
        without a known range.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our limit is lower
            image = Image.open(io.BytesIO(content), formats=FORMATS)
        size = image.width * image.height
    except Image.DecompressionBombError:
        size = LARGEST_PICTURE + 1
    except Exception as error:  # damaged bytes can make a decoder raise anything
        raise _damaged(name, error) from error
    if size > LARGEST_PICTURE:
        raise ValueError(f"image {name!r} must have at most {LARGEST_PICTURE} pixels, has more")
    try:
        image.load()
    except Exception as error:
        raise _damaged(name, error) from error
    return _rgb(image, name)


def _damaged(name: str, error: Exception) -> ValueError:
    if isinstance(error, Image.UnidentifiedImageError):
        return ValueError(
            f"image {name!r} is truncated or damaged, or none of {', '.join(FORMATS)}"
        )
    return ValueError(f"image {name!r} is truncated or damaged: {error}")


def _rgb(image: Image.Image, name: str) -> Image.Image:
    if image.mode in GREY_16:
        levels = np.asarray(image).astype(np.int64)
        if levels.min() < 0 or levels.max() > 65535:
            raise ValueError(f"image {name!r} must have levels in [0, 65535], has others")
        image = Image.fromarray(np.round(levels / 257).astype(np.uint8))  # 65535 = 257 * 255
    if image.mode not in MODES:
        raise ValueError(
            f"image {name!r} must have 8-bit colour or 8- or 16-bit grey levels, "
            f"has pixels of mode {image.mode}"
        )
    if image.has_transparency_data:
        black = Image.new("RGBA", image.size, (0, 0, 0, 255))
        image = Image.alpha_composite(black, image.convert("RGBA"))
    return image.convert("RGB")

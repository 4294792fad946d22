"""Pictures of every kind of pixel, and files that are no pictures."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from swatlib.data import load
from swatlib.data import pictures as module
from swatlib.data.pictures import decode

RAMP = np.linspace(0, 65535, 64 * 64).reshape(64, 64)
COLOUR = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)


def stored(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def decoded(image: Image.Image, kind: str = "PNG", **options: object) -> np.ndarray:
    return np.asarray(decode(stored(image, kind, **options), "it")).astype(np.float64)


def test_sixteen_bit_grey() -> None:
    levels = RAMP.astype(np.uint16)
    got = decoded(Image.fromarray(levels))
    assert got.shape == (64, 64, 3)
    assert abs(got - levels[..., None] * 255.0 / 65535).max() <= 0.5
    assert abs(got.mean() - 127.5) < 0.1


@pytest.mark.parametrize(("maxval", "size"), [(65535, 2), (1023, 2), (255, 1), (15, 1)])
def test_grey_ppm_of_any_depth(maxval: int, size: int) -> None:
    levels = np.round(RAMP / 65535 * maxval).astype(f">u{size}")
    content = b"P5 64 64 %d\n" % maxval + levels.tobytes()
    got = np.asarray(decode(content, "it")).astype(np.float64)
    assert abs(got - levels[..., None] * 255.0 / maxval).max() <= 1


def test_sixteen_bit_colour() -> None:
    """A PNG of 16 bits in each of three channels, written by hand: Pillow writes none."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)

    levels = np.stack([RAMP, RAMP[::-1], RAMP / 2], axis=2).astype(">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in levels)
    header = struct.pack(">IIBBBBB", 64, 64, 16, 2, 0, 0, 0)
    content = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    content += chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    got = np.asarray(decode(content, "it")).astype(np.float64)
    assert abs(got - levels * 255.0 / 65535).max() <= 1


def test_grey_palette_and_one_bit() -> None:
    grey = COLOUR[..., 0]
    assert np.array_equal(decoded(Image.fromarray(grey)), np.stack([grey] * 3, axis=2))
    palette = Image.fromarray(COLOUR).quantize(256)
    assert np.array_equal(decoded(palette), np.asarray(palette.convert("RGB")))
    bits = Image.fromarray(grey > 100)
    assert bits.mode == "1"
    assert np.array_equal(decoded(bits)[..., 1], 255.0 * (grey > 100))


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_what_is_transparent_lies_on_black(kind: str) -> None:
    alpha = np.random.default_rng(1).integers(0, 256, (8, 8, 1), dtype=np.uint8)
    image = Image.fromarray(np.concatenate([COLOUR, alpha], axis=2))
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    assert abs(decoded(image, kind, **options) - COLOUR * (alpha / 255.0)).max() <= 1
    opaque = Image.fromarray(np.concatenate([COLOUR, np.full_like(alpha, 255)], axis=2))
    assert np.array_equal(decoded(opaque, kind, **options), COLOUR)


def test_grey_with_alpha_and_a_transparent_colour() -> None:
    pair = np.dstack([COLOUR[..., 0], COLOUR[..., 1]])
    want = pair[..., 0] * (pair[..., 1] / 255.0)
    assert abs(decoded(Image.fromarray(pair))[..., 2] - want).max() <= 1
    key = tuple(int(value) for value in COLOUR[0, 0])
    got = decoded(Image.fromarray(COLOUR), transparency=key)
    assert not got[0, 0].any()
    assert np.array_equal(got[1:], COLOUR[1:])


def test_printing_colours() -> None:
    ink = np.zeros((8, 8, 4), np.uint8)
    ink[..., 0] = 255  # all cyan: no red
    got = decoded(Image.fromarray(ink, "CMYK"), "JPEG")
    assert got[..., 0].max() < 10
    assert got[..., 1:].min() > 245


def test_floats_have_no_known_range() -> None:
    content = b"Pf\n2 2\n-1.0\n" + np.ones(4, "<f4").tobytes()
    with pytest.raises(ValueError, match=r"image 'x\.ppm' must have 8-bit colour .* mode F"):
        decode(content, "x.ppm")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "PPM"])
def test_a_picture_cut_anywhere_is_an_error(kind: str) -> None:
    whole = stored(Image.fromarray(COLOUR), kind)
    want = np.asarray(decode(whole, "it"))
    for length in range(0, len(whole), 7):
        try:
            got = decode(whole[:length], "cut.png")
        except ValueError as error:
            assert "image 'cut.png' is truncated or damaged" in str(error)  # noqa: PT017
        else:
            assert np.array_equal(np.asarray(got), want)  # only what follows the pixels was cut


def test_a_png_changed_anywhere_is_the_same_or_an_error() -> None:
    whole = stored(Image.fromarray(COLOUR))
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 0x21
        try:
            got = decode(bytes(changed), "it")
        except ValueError as error:
            assert "image 'it'" in str(error)  # noqa: PT017
        else:
            assert np.array_equal(np.asarray(got), COLOUR)


@pytest.mark.parametrize(
    "content", [b"", b"GIF89a" + bytes(20), b"%!PS-Adobe-3.0 EPSF-3.0\n", b"II*\0", b"text"]
)
def test_what_is_no_picture(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"image 'a/b\.png' is truncated or damaged, or none of"):
        decode(content, "a/b.png")


@pytest.mark.filterwarnings("error")
def test_a_small_file_of_a_huge_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    for side in (9_000, 12_000, 60_000):  # Pillow is silent, warns, and refuses
        content = b"P4 %d %d\n" % (side, side)
        with pytest.raises(ValueError, match=r"image 'bomb\.ppm' must have at most 67108864 pix"):
            decode(content, "bomb.ppm")
    monkeypatch.setattr(module, "LARGEST_PICTURE", 63)
    with pytest.raises(ValueError, match="at most 63 pixels"):
        decode(stored(Image.fromarray(COLOUR)), "it")


def test_a_sixteen_bit_data_set(own_folders: Path) -> None:
    """From the file to the tensor: what is seen is the ramp, not white."""
    for part in ("train", "test"):
        for label, turned in (("a", RAMP), ("b", RAMP[::-1])):
            folder = own_folders / "ramps" / part / label
            folder.mkdir(parents=True)
            Image.fromarray(turned.astype(np.uint16)).save(folder / "0.png")
    data = load("ramps", pixels=8)
    means = RAMP.reshape(8, 8, 8, 8).mean((1, 3))
    want = (means - means.mean()) / means.std()
    np.testing.assert_allclose(data.train_x[0, 0].numpy(), want, atol=0.02)
    np.testing.assert_allclose(data.test_x[1, 2].numpy(), want[::-1], atol=0.02)

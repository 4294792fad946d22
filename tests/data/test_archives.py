"""CIFAR and image folders, on small archives of the same layout."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from swatlib.data import _load, cifar, describe, found, load
from swatlib.data import folder as folder_module
from swatlib.data.archive import members

TEN = b"\n".join(b"airplane automobile bird cat deer dog frog horse ship truck".split()) + b"\n\n"


def add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    tar.addfile(info, io.BytesIO(content))


def png(pixels: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture
def pictures() -> dict[str, np.ndarray]:
    """Eight 4x4 colour images: two classes, two images in each split."""
    random = np.random.default_rng(0)
    return {
        f"{split}/{kind}/{i:04d}.png": random.integers(0, 256, (4, 4, 3), dtype=np.uint8)
        for split in ("train", "test")
        for kind in ("ant", "bee")
        for i in range(2)
    }


def cifar10_archive(path: Path, per_batch: int = 20) -> np.ndarray:
    """Write a CIFAR-10 of ``6 * per_batch`` random images; return its records."""
    random = np.random.default_rng(1)
    records = random.integers(0, 256, (6 * per_batch, 3073), dtype=np.uint8)
    records[:, 0] = np.arange(len(records)) % 10
    with tarfile.open(path, "w:gz") as tar:
        add(tar, "cifar-10-batches-bin/batches.meta.txt", TEN)
        names = [f"data_batch_{i}.bin" for i in range(1, 6)] + ["test_batch.bin"]
        for i, name in enumerate(names):
            part = records[i * per_batch : (i + 1) * per_batch]
            add(tar, f"cifar-10-batches-bin/{name}", part.tobytes())
    return records


def use(monkeypatch: pytest.MonkeyPatch, name: str, path: Path, url: str | None = None) -> None:
    """Make the small archive the expected one."""
    from swatlib import data

    right = hashlib.md5(path.read_bytes()).hexdigest()
    spec = replace(data.DOWNLOADED[name], md5=right)
    monkeypatch.setitem(data.DOWNLOADED, name, replace(spec, url=url or spec.url))
    _load.cache_clear()


def test_published_checksums() -> None:
    # Printed on the data sets' page.
    assert cifar.CIFAR10.md5 == "c32a1d4ab5d03f1284b67883e8d87530"
    assert cifar.CIFAR100.md5 == "03b5dce01913d631647c71ecec9e9cb8"


def test_cifar10(own_folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = own_folders / "cifar-10-binary.tar.gz"
    records = cifar10_archive(path)
    use(monkeypatch, "cifar10", path)
    data = load("cifar10")
    assert data.train_x.shape == (100, 3, 32, 32)
    assert data.test_x.shape == (20, 3, 32, 32)
    assert data.class_names[1] == "automobile"
    assert data.classes == 10
    assert data.train_y.tolist() == records[:100, 0].tolist()
    image = records[:, 1:].reshape(-1, 3, 32, 32).astype(np.float64)
    mean, std = image[:100].mean((0, 2, 3)), image[:100].std((0, 2, 3))
    want = (image[100:] - mean[:, None, None]) / std[:, None, None]
    np.testing.assert_allclose(data.test_x.numpy(), want, atol=1e-5)


def test_cifar_is_area_averaged(own_folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = own_folders / "cifar-10-binary.tar.gz"
    records = cifar10_archive(path)
    use(monkeypatch, "cifar10", path)
    shrunk = cifar.read_cifar(replace(cifar.CIFAR10, md5=_md5(path)), 8, own_folders)
    image = records[3, 1:].reshape(3, 32, 32).astype(np.float64)
    for c, i, j in ((0, 0, 0), (1, 7, 2), (2, 5, 7)):
        block = [image[c, 4 * i + a, 4 * j + b] for a in range(4) for b in range(4)]
        assert shrunk.train_x[3, c, i, j] == pytest.approx(sum(block) / 16, rel=1e-6)
    assert load("cifar10", pixels=8, images=50).train_x.shape == (50, 3, 8, 8)
    with pytest.raises(ValueError, match="pixels must be a divisor of the image size 32, got 12"):
        load("cifar10", pixels=12)


def _md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes()).hexdigest()


def test_cifar100_takes_the_fine_label(own_folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = own_folders / "cifar-100-binary.tar.gz"
    records = np.random.default_rng(2).integers(0, 256, (300, 3074), dtype=np.uint8)
    records[:, 0] = 19  # coarse
    records[:, 1] = np.arange(300) % 100
    with tarfile.open(path, "w:gz") as tar:
        names = "\n".join(f"class{i}" for i in range(100)).encode()
        add(tar, "cifar-100-binary/fine_label_names.txt", names)
        add(tar, "cifar-100-binary/coarse_label_names.txt", b"not looked at")
        add(tar, "cifar-100-binary/train.bin", records[:200].tobytes())
        add(tar, "cifar-100-binary/test.bin", records[200:].tobytes())
    use(monkeypatch, "cifar100", path)
    data = load("cifar100")
    assert data.classes == 100
    assert data.train_y.tolist() == (np.arange(200) % 100).tolist()


def test_cifar_is_downloaded_once_and_checked(
    own_folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import functools
    import http.server
    import threading

    served = tmp_path / "served"
    served.mkdir()
    path = served / "cifar-10-binary.tar.gz"
    cifar10_archive(path)
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=served)
    monkeypatch.setattr(http.server.SimpleHTTPRequestHandler, "log_message", lambda *a: None)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        url = f"http://127.0.0.1:{server.server_port}/{path.name}"
        use(monkeypatch, "cifar10", path, url)
        assert load("cifar10").train_x.shape[0] == 100
        original = path.read_bytes()
        path.write_bytes(b"something else")
        _load.cache_clear()
        assert load("cifar10").train_x.shape[0] == 100  # from the cache, not asked for again
        (tmp_path / "cache" / path.name).unlink()
        _load.cache_clear()
        with pytest.raises(ValueError, match="wrong checksum"):
            load("cifar10")
        path.write_bytes(original)
    finally:
        server.shutdown()
        server.server_close()
    _load.cache_clear()
    with pytest.raises(FileNotFoundError, match="could not be downloaded"):
        load("cifar10")


def test_cifar_wrong_checksum_in_the_data_folder(own_folders: Path) -> None:
    path = own_folders / "cifar-10-binary.tar.gz"
    cifar10_archive(path)
    _load.cache_clear()
    with pytest.raises(ValueError, match=r"wrong checksum: .* expected c32a1d4ab5d0"):
        load("cifar10")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"test_batch.bin": None}, r"incomplete: \['test_batch.bin'\] missing"),
        ({"test_batch.bin": b"x" * 3000}, "test_batch.bin must hold whole records of 3073 bytes"),
        ({"batches.meta.txt": b"one two"}, "a label has no name, there are 2"),
    ],
)
def test_cifar_layout_errors(tmp_path: Path, change: dict, message: str) -> None:
    whole = tmp_path / "whole.tar.gz"
    cifar10_archive(whole)
    broken = tmp_path / "broken.tar.gz"
    with tarfile.open(broken, "w:gz") as tar:
        for name, content in members(whole):
            content = change.get(Path(name).name, content)
            if content is not None:
                add(tar, name, content)
    with pytest.raises(ValueError, match=message):
        cifar.read_archive(broken, cifar.CIFAR10)


def write_tar(path: Path, pictures: dict[str, np.ndarray], mode: str) -> None:
    with tarfile.open(path, mode) as tar:
        for name, pixels in reversed(pictures.items()):
            add(tar, f"./{name}", png(pixels))


@pytest.mark.parametrize(
    ("suffix", "mode"), [(".tar", "w"), (".tar.xz", "w:xz"), (".tar.gz", "w:gz"), ("", "folder")]
)
def test_image_folder_and_tar(
    own_folders: Path, pictures: dict[str, np.ndarray], suffix: str, mode: str
) -> None:
    if mode == "folder":
        for name, pixels in pictures.items():
            file = own_folders / "insects" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(png(pixels))
    else:
        write_tar(own_folders / f"insects{suffix}", pictures, mode)
    data = load("insects")
    assert data.class_names == ("ant", "bee")
    assert data.train_y.tolist() == [0, 0, 1, 1]
    stack = np.stack([p for n, p in pictures.items() if n.startswith("train")]).astype(np.float64)
    want = ((stack - stack.mean((0, 1, 2))) / stack.std((0, 1, 2))).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(data.train_x.numpy(), want, atol=1e-5)
    small = load("insects", pixels=2, images=2)
    assert small.train_x.shape == (2, 3, 2, 2)
    assert small.train_y.tolist() in ([0, 1], [1, 0])
    assert "insects" in found()


def test_image_folder_averages_areas(tmp_path: Path, pictures: dict[str, np.ndarray]) -> None:
    write_tar(tmp_path / "insects.tar", pictures, "w")
    images = folder_module.image_folder(tmp_path / "insects.tar", pixels=2)
    source = pictures["test/bee/0001.png"].astype(np.float64)
    for c in range(3):
        for i in range(2):
            for j in range(2):
                mean = source[2 * i : 2 * i + 2, 2 * j : 2 * j + 2, c].mean()
                assert abs(float(images.test_x[3, c, i, j]) - mean) <= 1


def test_decoded_images_are_cached_until_the_file_changes(
    own_folders: Path, pictures: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = own_folders / "insects.tar"
    write_tar(path, pictures, "w")
    calls = []
    decode = folder_module._decode
    monkeypatch.setattr(folder_module, "_decode", lambda *a: calls.append(a) or decode(*a))
    first = folder_module.image_folder(path)
    again = folder_module.image_folder(path)
    assert len(calls) == 1
    assert np.array_equal(first.train_x, again.train_x)
    pictures["train/ant/0000.png"][:] = 0
    write_tar(path, pictures, "w")
    os.utime(path, ns=(1, 1))
    assert not folder_module.image_folder(path).train_x[0].any()
    assert len(calls) == 2
    for stored in (own_folders.parent / "cache").glob("*.npz"):
        stored.write_bytes(stored.read_bytes()[:100])
    folder_module.image_folder(path)
    assert len(calls) == 3  # a damaged cache is made again
    assert not list((own_folders.parent / "cache").glob("*.tmp"))


def test_cache_never_unpickles(tmp_path: Path) -> None:
    from swatlib.data.cache import _read

    np.savez(tmp_path / "evil.npz", x=np.array([{"a": 1}], dtype=object))
    assert _read(tmp_path / "evil.npz", lambda arrays: True) is None
    (tmp_path / "evil2.npz").write_bytes(pickle.dumps([1]))
    assert _read(tmp_path / "evil2.npz", lambda arrays: True) is None


@pytest.mark.parametrize(
    ("suffix", "mode"), [(".tar", "w"), (".tar.xz", "w:xz"), (".tar.gz", "w:gz")]
)
@pytest.mark.parametrize("fraction", [0.05, 0.3, 0.5, 0.77])
def test_truncated_archive(
    own_folders: Path, pictures: dict, suffix: str, mode: str, fraction: float
) -> None:
    whole = own_folders / f"whole{suffix}"
    write_tar(whole, pictures, mode)
    content = whole.read_bytes()
    if mode == "w":  # without its last padding, so that every cut loses something
        content = content.rstrip(b"\0")
    (own_folders / f"cut{suffix}").write_bytes(content[: int(fraction * len(content))])
    with pytest.raises(ValueError, match=r"cut\.tar.* is truncated or damaged"):
        load("cut")


def test_tar_cut_between_members_is_truncated(own_folders: Path, pictures: dict) -> None:
    write_tar(own_folders / "whole.tar", pictures, "w")
    with tarfile.open(own_folders / "whole.tar") as tar:
        end = tar.getmembers()[4].offset
    content = (own_folders / "whole.tar").read_bytes()
    (own_folders / "cut.tar").write_bytes(content[:end])
    with pytest.raises(ValueError, match="end-of-archive mark is missing"):
        load("cut")
    (own_folders / "hole.tar").write_bytes(content[:end] + b"\1" * 512 + content[end + 512 :])
    with pytest.raises(ValueError, match="truncated or damaged"):
        load("hole")


def test_archives_are_never_extracted(own_folders: Path, pictures: dict) -> None:
    path = own_folders / "plain.tar"
    with tarfile.open(path, "w") as tar:
        for name, pixels in pictures.items():
            add(tar, name, png(pixels))
        add(tar, "readme.txt", b"not an image")
    before = set(own_folders.parent.rglob("*"))
    assert len(load("plain").train_y) == 4
    new = {p.suffix for p in set(own_folders.parent.rglob("*")) - before if p.is_file()}
    assert new <= {".npz", ".lock"}


def test_huge_member_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("swatlib.data.archive.LARGEST_MEMBER", 10)
    with tarfile.open(tmp_path / "big.tar", "w") as tar:
        add(tar, "train/a/b.png", b"x" * 11)
    with pytest.raises(ValueError, match="has 11 bytes, at most 10"):
        list(members(tmp_path / "big.tar"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"train/ant/0000.png": b"\x89PNG broken"}, "truncated or damaged"),
        ({"train/cat/0000.png": None}, "different sizes: pixels must be given"),
        ({"test/dog/0000.png": b""}, "truncated or damaged"),
    ],
)
def test_bad_images(own_folders: Path, pictures: dict, change: dict, message: str) -> None:
    other = png(np.zeros((6, 5, 3), dtype=np.uint8))
    with tarfile.open(own_folders / "bad.tar", "w") as tar:
        for name, pixels in pictures.items():
            add(tar, name, change.get(name, png(pixels)))
        for name in change.keys() - pictures.keys():
            add(tar, name, other if change[name] is None else change[name])
    with pytest.raises(ValueError, match=message):
        load("bad")


def test_images_of_different_sizes_are_cut_square(own_folders: Path, pictures: dict) -> None:
    wide = np.zeros((4, 8, 3), dtype=np.uint8)
    wide[:, 2:6] = 200
    with tarfile.open(own_folders / "mixed.tar", "w") as tar:
        for name, pixels in {**pictures, "train/ant/wide.png": wide}.items():
            add(tar, name, png(pixels))
    images = folder_module.image_folder(own_folders / "mixed.tar", pixels=2)
    assert (images.train_x[2] == 200).all()
    with pytest.raises(ValueError, match="pixels must be at most 4, the size of"):
        load("mixed", pixels=5)


def test_layout_and_folder_errors(own_folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with tarfile.open(own_folders / "odd.tar", "w") as tar:
        add(tar, "images/a.png", png(np.zeros((2, 2, 3), dtype=np.uint8)))
    with pytest.raises(ValueError, match=r"must hold images as train/<class>/NAME\.jpg"):
        load("odd")
    monkeypatch.setenv("SWATLIB_DATA", str(own_folders / "nowhere"))
    with pytest.raises(FileNotFoundError, match=r"SWATLIB_DATA must name a folder, got .*nowhere"):
        load("insects")
    assert load("digits").classes == 10  # embedded data do not need it
    monkeypatch.delenv("SWATLIB_DATA")
    with pytest.raises(ValueError, match=r"unknown data set 'insects'.*SWATLIB_DATA is not set"):
        load("insects")


def test_truncated_jpeg_is_an_error(own_folders: Path, pictures: dict) -> None:
    stream = io.BytesIO()
    Image.fromarray(np.random.default_rng(3).integers(0, 256, (64, 64, 3), np.uint8)).save(
        stream, "JPEG"
    )
    with tarfile.open(own_folders / "jpeg.tar", "w") as tar:
        for split in ("train", "test"):
            add(tar, f"{split}/a/0.jpg", stream.getvalue()[:-400])
    with pytest.raises(ValueError, match=r"image 'train/a/0\.jpg' is truncated or damaged"):
        load("jpeg")


def test_fingerprint_sees_every_label(own_folders: Path) -> None:
    data = load("digits")
    labels = data.train_y.clone()
    labels[7] = (labels[7] + 1) % 10
    assert describe(data) != describe(data._replace(train_y=labels))


def test_photographs_without_labels(own_folders: Path) -> None:
    """Any layout, a folder or a tar: the same images in the same order, each one once."""
    random = np.random.default_rng(0)
    pictures = {f"a/{i}.png": random.integers(0, 256, (4, 4, 3), dtype=np.uint8) for i in range(6)}
    with tarfile.open(own_folders / "p.tar", "w") as tar:
        add(tar, "readme.txt", b"no image")
        for name, pixels in reversed(pictures.items()):
            add(tar, name, png(pixels))
    (own_folders / "p" / "a").mkdir(parents=True)
    for name, pixels in pictures.items():
        (own_folders / "p" / name).write_bytes(png(pixels))
    whole = folder_module.read_photographs(own_folders / "p.tar", pixels=4)
    assert whole.dtype == np.uint8
    assert sorted(x.tobytes() for x in whole) == sorted(
        p.transpose(2, 0, 1).tobytes() for p in pictures.values()
    )
    assert np.array_equal(whole, folder_module.read_photographs(own_folders / "p", pixels=4))
    some = folder_module.read_photographs(own_folders / "p", pixels=4, images=2)
    assert np.array_equal(some, whole[:2])
    for wrong in (0, 7):
        with pytest.raises(ValueError, match="images must be between 1 and the 6"):
            folder_module.read_photographs(own_folders / "p", pixels=4, images=wrong)
    with pytest.raises(ValueError, match="pixels must be at most 4"):
        folder_module.read_photographs(own_folders / "p", pixels=5)

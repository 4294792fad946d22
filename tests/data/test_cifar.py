"""CIFAR: read, downloaded once, checked."""

from __future__ import annotations

import hashlib
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from data_archives import add

from swatlib.data import _load, cifar, load
from swatlib.data.archive import members

TEN = b"\n".join(b"airplane automobile bird cat deer dog frog horse ship truck".split()) + b"\n\n"


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

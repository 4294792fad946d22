"""The benchmark of compressed saving runs, here on small batches."""

import pytest

from swatlib.bench import compression


def test_main(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(compression, "CASES", (("small_resnet", 2),))
    monkeypatch.setattr(compression, "PIXELS", 8)
    monkeypatch.setattr(compression, "SPARSITIES", (0.9,))
    compression.main()
    *_, row = capsys.readouterr().out.splitlines()
    masked, compressed = (float(word) for word in row.split()[1:4:2])
    assert compressed < masked

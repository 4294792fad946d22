"""The benchmark of compressed saving runs, here on small batches."""

import pytest

from swatlib.bench import compression


def test_main(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compression, "CASES", (("small_resnet", 2),))
    monkeypatch.setattr(compression, "PIXELS", 8)
    monkeypatch.setattr(compression, "SPARSITIES", (0.9,))
    masked, compressed, *steps = compression.main()
    assert (masked.name, compressed.name) == ("masked", "compressed")
    assert compressed.ratio < masked.ratio
    assert [row.name for row in steps] == ["dense", "masked", "compressed"]

"""The benchmark of compressed saving runs, here on small batches."""

import pytest

from swatlib.bench import compression


def test_main(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compression, "CASES", (("small_resnet", 2),))
    monkeypatch.setattr(compression, "PIXELS", 8)
    monkeypatch.setattr(compression, "SPARSITIES", (0.9,))
    rows = list(compression.main())
    names = ["masked", *compression.WAYS]
    size = {row.name: row.ratio for row in rows[: len(names)]}
    assert list(size) == names
    assert size["recomputed, bfloat16"] < size["recomputed"] < size["compressed"] < size["masked"]
    assert [row.name for row in rows[len(names) :]] == ["dense", *names]

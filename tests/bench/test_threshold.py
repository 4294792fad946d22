"""The benchmark of the threshold runs, here on a short vector."""

import pytest

from swatlib.bench import threshold


def test_main(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threshold, "ENTRIES", 2_000)
    *times, density = threshold.main()
    assert times[0].name == times[0].baseline == "torch.topk"
    assert 0.5 < density.ratio < 1.5

"""The benchmark of the threshold runs, here on a short vector."""

import pytest

from swatlib.bench import threshold


def test_main(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(threshold, "ENTRIES", 2_000)
    threshold.main()
    out = capsys.readouterr().out
    assert "x faster than topk" in out
    density = float(out.rsplit(":", 1)[1].split()[0])
    assert 5 < density < 15

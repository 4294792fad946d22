"""The benchmark of the counter runs, here on a small network."""

from typing import Any

import pytest

from swatlib.bench import accounting
from swatlib.models import build_network


def test_main(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def small(name: str, **options: Any) -> Any:
        return build_network("small_resnet", image=32, width=4)

    monkeypatch.setattr(accounting, "build_network", small)
    accounting.main()
    out = capsys.readouterr().out
    assert "forward pass" in out
    assert "trace and count" in out

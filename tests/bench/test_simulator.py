"""The benchmark of the simulator runs, here on small images."""

from typing import Any

import pytest

from swatlib.bench import simulator
from swatlib.models import build_network


def test_main(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def small(name: str, **options: Any) -> Any:
        return build_network("small_vgg", image=8, width=4)

    monkeypatch.setattr(simulator, "build_network", small)
    monkeypatch.setattr(simulator, "IMAGE", 8)
    simulator.main()
    _, _, *rows = capsys.readouterr().out.splitlines()
    assert len(rows) == 2 * 4
    assert all(len(row.split()) >= 5 for row in rows)

"""The benchmark of the simulator runs, here on small images."""

from typing import Any

import pytest

from swatlib.bench import simulator
from swatlib.models import build_network


def test_main(monkeypatch: pytest.MonkeyPatch) -> None:
    def small(name: str, **options: Any) -> Any:
        return build_network("small_vgg", image=8, width=4)

    monkeypatch.setattr(simulator, "build_network", small)
    monkeypatch.setattr(simulator, "IMAGE", 8)
    rows = list(simulator.main())
    assert len({row.name for row in rows}) == len(rows) == 2 * 4
    assert all(row.ratio > 0 for row in rows)

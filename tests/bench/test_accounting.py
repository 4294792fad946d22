"""The benchmark of the counter runs, here on a small network."""

from typing import Any

import pytest

from swatlib.bench import accounting
from swatlib.models import build_network


def test_main(monkeypatch: pytest.MonkeyPatch) -> None:
    def small(name: str, **options: Any) -> Any:
        return build_network("small_resnet", image=32, width=4)

    monkeypatch.setattr(accounting, "build_network", small)
    rows = list(accounting.main())
    assert [row.name for row in rows] == ["forward pass", "trace and count"]
    assert rows[0].ratio == 1

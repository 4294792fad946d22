"""The benchmark of what fully sparse training adds: shares of a step, by name."""

import pytest
from torch import nn

from swatlib.bench import fst_overhead
from swatlib.models import build_network


def small(image: int, layout: str) -> nn.Module:
    return build_network("small_resnet", image=image, width=4)


def test_shares_are_of_the_dense_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fst_overhead, "_model", small)
    rows = fst_overhead.shares(8, 2, "NCHW", repeat=1).set_index("what")["share"]
    assert rows["step, dense"] == 1
    parts = {"S(W)", "S(W^T)", "S(X^T)", "S(G)", "shift"}
    assert parts <= set(rows.index)
    assert (rows >= 0).all()


def test_times_are_medians_of_turns() -> None:
    ran: list[int] = []
    taken = fst_overhead.cpu_seconds({"a": lambda: ran.append(1)}, repeat=3)
    assert list(taken) == ["a"]
    assert len(ran) == 4


def test_main(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fst_overhead, "_model", small)
    monkeypatch.setattr(fst_overhead, "SETTINGS", {(8, 2, "NCHW"): 1})
    rows = {row.name: row for row in fst_overhead.main()}
    assert rows["step, dense"].ratio == 1
    assert rows["S(W)"].baseline == "step, dense"

"""What the claims about the algorithm read from measurements."""

import pytest

from swatlib.claims.claim import NOT_REPRODUCED, REPRODUCED, SAME_DIRECTION
from swatlib.claims.inventory import claim
from swatlib.claims.judge import judge
from swatlib.claims.swat import the_algorithm


def test_zeros_are_counted_by_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [
        {"dW": 0.0, "dX": 0.0, "summands": 28.8},
        {"dW": 0.4, "dX": 0.002, "summands": 14.4},
        {"dW": 0.0, "dX": 0.4, "summands": 1.0},
    ]
    monkeypatch.setattr(the_algorithm, "measured", lambda _: {"layers": rows})
    in_dw, in_dx = the_algorithm.dense_gradients()
    assert (in_dw.ours, in_dw.unit, in_dw.holds, in_dw.direction) == (2, "of 3", False, True)
    # A layer whose entries sum one product or none does not count for dX.
    assert (in_dx.ours, in_dx.unit, in_dx.holds) == (2, "of 2", True)
    assert judge(claim("n-sparse-operand-dense-gradient")).verdict == SAME_DIRECTION
    monkeypatch.setattr(the_algorithm, "measured", lambda _: {"layers": rows[1:2]})
    assert judge(claim("n-sparse-operand-dense-gradient")).verdict == NOT_REPRODUCED


@pytest.mark.parametrize(
    ("least", "verdict"), [(0.9, REPRODUCED), (0.7, SAME_DIRECTION), (0.2, NOT_REPRODUCED)]
)
def test_the_smallest_cosine_decides(
    monkeypatch: pytest.MonkeyPatch, least: float, verdict: str
) -> None:
    rows = [{"sparsity": 0.8, "cosine": c} for c in (0.95, least)]
    rows.append({"sparsity": 0.9, "cosine": 0.1})
    monkeypatch.setattr(the_algorithm, "measured", lambda _: {"layers": rows})
    found = judge(claim("n-swat-approximates-masked"))
    assert (found.verdict, found.grade) == (verdict, "B")

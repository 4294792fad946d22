"""What the papers' own table says of DST and RigL."""

import pytest

from swatlib.claims.claim import NOT_REPRODUCED
from swatlib.claims.inventory import claim
from swatlib.claims.judge import judge
from swatlib.claims.the_field.side_by_side import dst_against_rigl


def test_dst_saves_less_at_80_percent_and_more_at_90() -> None:
    at_80, at_90 = dst_against_rigl()
    # SWAT, NeurIPS 2020, Table 3: 67.1 against 67.2 % and 75.8 against 74.1 %.
    assert at_80.ours == pytest.approx(-0.1)
    assert at_90.ours == pytest.approx(1.7)
    assert judge(claim("n-dst-less-than-rigl")).verdict == NOT_REPRODUCED

"""Records of a trained network, and their absence."""

from swatlib.claims.claim import OPEN
from swatlib.claims.inventory import claim
from swatlib.claims.judge import judge
from swatlib.experiments import trained_network


def test_without_records_it_is_open(monkeypatch, tmp_path):
    real = trained_network.measured
    monkeypatch.setattr(trained_network, "measured", lambda part="rows": real(part, tmp_path))
    found = judge(claim("f-neighbours-close"))
    assert found.verdict == OPEN
    assert "swatlib sweep trained-network" in found.missing[0]

"""Reads and saved elements, against numbers known from elsewhere."""

import pytest

from swatlib.claims.claim import NOT_REPRODUCED, REPRODUCED, SAME_DIRECTION
from swatlib.claims.judge import judge
from swatlib.claims.swat import memory, memory_iclr

CLAIMS = {claim.id: claim for claim in memory_iclr.CLAIMS}


def test_compression_of_activations_follows_from_the_share() -> None:
    share = memory.saved_share("resnet50", 224, 1000)
    assert memory_iclr.figure_8("resnet50", 0.8) == pytest.approx(1 / (1 - 0.8 * share), rel=1e-9)


def test_reads_of_weights_with_an_index() -> None:
    d = 0.5
    assert memory_iclr.parameter_reads("resnet18", 1 - d) == pytest.approx(2, rel=1e-3)
    bits = memory_iclr.parameter_reads("resnet18", 1 - d, "bitmap")
    assert bits == pytest.approx(1 / (d + 1 / 32), rel=1e-3)
    gaps = memory_iclr.parameter_reads("resnet18", 1 - d, "16 bit")
    assert gaps == pytest.approx(1 / (1.5 * d), rel=1e-3)


def test_resnet_50_in_bytes() -> None:
    # 25.56 million weights and 4.09 billion products: torchvision's model table.
    macs, held = judge(CLAIMS["i-cnn-memory-tens-gb"]).quantities
    assert macs.ours == pytest.approx(4.09, rel=5e-3)
    assert 20 < held.ours < 25


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("i-linear-activation-negligible", REPRODUCED),
        ("i-meprop-no-memory-benefit", REPRODUCED),
        ("i-only-topk-saved", SAME_DIRECTION),
    ],
)
def test_verdicts(name: str, verdict: str) -> None:
    assert judge(CLAIMS[name]).verdict == verdict


def test_wrong_bytes_would_be_refuted(monkeypatch: pytest.MonkeyPatch) -> None:
    real = memory_iclr.measured

    def wrong(name: str) -> dict:
        found = real(name)
        return found | {"resnet18": found["resnet18"] | {"compressed": [-1.0] * 6}}

    monkeypatch.setattr(memory_iclr, "measured", wrong)
    assert judge(CLAIMS["i-only-topk-saved"]).verdict == NOT_REPRODUCED

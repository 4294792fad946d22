"""Counts behind the claims about memory, against numbers known from elsewhere."""

import pytest

from swatlib.claims.claim import NOT_REPRODUCED, REPRODUCED
from swatlib.claims.judge import judge
from swatlib.claims.swat import memory, memory_iclr

CLAIMS = {claim.id: claim for claim in memory.CLAIMS}


def test_share_of_saved_elements_of_resnet_18() -> None:
    # CIFAR ResNet-18: 17 convolutions of the body, three shortcuts and the stem; 20 batch norms.
    stem = 3 * 32 * 32
    stage_inputs = {64: 32 * 32, 128: 16 * 16, 256: 8 * 8, 512: 4 * 4}
    conv, norm = stem, 64 * 32 * 32
    previous = 64 * 32 * 32
    for channels, pixels in stage_inputs.items():
        own = channels * pixels
        # Four 3x3 convolutions; the first reads the stage before, and so does a shortcut.
        conv += previous + 3 * own + (previous if channels > 64 else 0)
        norm += 4 * own + (own if channels > 64 else 0)
        previous = own
    assert memory.saved_share("resnet18", 32, 10) == pytest.approx(conv / (conv + norm), rel=1e-12)


def test_rows_of_table_4_are_the_printed_ones() -> None:
    found = memory.activation_cells("swat-table-4")
    assert found["paper"].tolist() == [26.0, 31.2, 36.4, 25.0, 30.0, 35.0]
    assert found["difference"].abs().max() < 0.06


def test_table_2_agrees_where_its_image_size_is_cifars() -> None:
    found = memory.activation_cells("swat-table-2").set_index("network")
    off = found["difference"].abs()
    assert (off["WRN-16-8"] < 0.06).all()
    assert (off["DenseNet-121"] > 0.9).all()
    # At 224 pixels the share is .4885, which gives the printed 44.0.
    share = memory.saved_share("densenet121", 224, 1000)
    assert 90 * share == pytest.approx(44.0, abs=0.05)


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("n-t4-act-reduction", REPRODUCED),
        ("n-act-compressible", REPRODUCED),
        ("n-abs-weight-memory", NOT_REPRODUCED),
    ],
)
def test_verdicts(name: str, verdict: str) -> None:
    assert judge(CLAIMS[name]).verdict == verdict


def test_a_wrong_count_would_be_refuted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_iclr, "counted_saving", lambda sparsity: 90.0)
    assert judge(CLAIMS["n-abs-act-memory"]).verdict != REPRODUCED
    monkeypatch.setattr(memory_iclr, "_held", lambda: dict.fromkeys((0.5, 0.9), -1.0))
    assert judge(CLAIMS["n-abs-act-memory"]).verdict == NOT_REPRODUCED

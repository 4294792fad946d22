"""Counts behind the claims about memory, against numbers known from elsewhere."""

import pytest

from swatlib.claims import memory
from swatlib.claims.claim import NOT_REPRODUCED, REPRODUCED, SAME_DIRECTION
from swatlib.claims.judge import judge

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


def test_compression_of_activations_follows_from_the_share() -> None:
    share = memory.saved_share("resnet50", 224, 1000)
    assert memory.figure_8("resnet50", 0.8) == pytest.approx(1 / (1 - 0.8 * share), rel=1e-9)


def test_reads_of_weights_with_an_index() -> None:
    d = 0.5
    assert memory.parameter_reads("resnet18", 1 - d) == pytest.approx(2, rel=1e-3)
    bits = memory.parameter_reads("resnet18", 1 - d, "bitmap")
    assert bits == pytest.approx(1 / (d + 1 / 32), rel=1e-3)
    gaps = memory.parameter_reads("resnet18", 1 - d, "16 bit")
    assert gaps == pytest.approx(1 / (1.5 * d), rel=1e-3)


def test_resnet_50_in_bytes() -> None:
    # 25.56 million weights and 4.09 billion products: torchvision's model table.
    macs, held = judge(CLAIMS["i-cnn-memory-tens-gb"]).quantities
    assert macs.ours == pytest.approx(4.09, rel=5e-3)
    assert 20 < held.ours < 25


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("n-t4-act-reduction", REPRODUCED),
        ("i-linear-activation-negligible", REPRODUCED),
        ("i-meprop-no-memory-benefit", REPRODUCED),
        ("n-act-compressible", REPRODUCED),
        ("i-pruned-for-free", REPRODUCED),
        ("i-only-topk-saved", SAME_DIRECTION),
        ("n-abs-weight-memory", NOT_REPRODUCED),
    ],
)
def test_verdicts(name: str, verdict: str) -> None:
    assert judge(CLAIMS[name]).verdict == verdict


def test_wrong_numbers_would_be_refuted(monkeypatch: pytest.MonkeyPatch) -> None:
    real = memory.measured

    def wrong(name: str) -> dict:
        found = real(name)
        if name == "saved-memory":
            found = found | {"resnet18": found["resnet18"] | {"compressed": [-1.0] * 6}}
        return found

    monkeypatch.setattr(memory, "measured", wrong)
    assert judge(CLAIMS["i-only-topk-saved"]).verdict == NOT_REPRODUCED
    monkeypatch.setattr(memory, "pruned_outputs", lambda name, sparsity: sparsity < 0.9)
    assert judge(CLAIMS["i-pruned-for-free"]).verdict == SAME_DIRECTION
    monkeypatch.setattr(memory, "counted_saving", lambda sparsity: 90.0)
    assert judge(CLAIMS["n-abs-act-memory"]).verdict == NOT_REPRODUCED

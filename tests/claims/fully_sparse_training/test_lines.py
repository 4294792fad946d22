"""What the paper's tables say."""

from swatlib.claims.inventory import CLAIMS


def test_numbers_of_the_paper_are_read_from_its_tables() -> None:
    # FST, Tables 1, 3, 4 and 5.
    says = {name: one.says for name, one in CLAIMS.items()}
    assert says["f-t1-wg"] == "-3.7 points (67.5 against 71.2)"
    assert says["f-t5-restoration-helps"].startswith("+1.6 points (71.0 against 69.4); -0.2 points")
    assert "-0.3 points (77.0 against 77.3) on ResNet-50" in says["f-t3-fst-loss"]
    assert says["f-restored-beats-sorted"] == "+1.1 points (71.0 against 69.9)"
    assert says["f-24-stricter-gradients"] == "0.1 % against 32.5 % (meProp) and 69.8 % (ReSprop)"
    assert "+0.4 points on VGG16-SSD (76.2 against 75.8)" in says["f-t4-voc"]

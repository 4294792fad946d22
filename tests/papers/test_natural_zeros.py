"""The zeros of the papers' networks, recorded."""

import pytest

from swatlib.papers.natural_zeros import NETWORKS, measure, recorded_zeros


@pytest.mark.parametrize("name", ["vgg16", "densenet121", "wrn16_8"])
def test_recorded_zeros_can_be_measured_again(name: str) -> None:
    image, classes, _ = NETWORKS[name]
    again, recorded = measure(name, image, classes, count=8, seed=1), recorded_zeros(name)
    assert again.keys() == recorded.keys()
    assert sum(again.values()) / len(again) == pytest.approx(
        sum(recorded.values()) / len(recorded), abs=0.02
    )

"""The recipe of meProp."""

import pytest

from swatlib.methods import recipe


def test_dense_and_meprop_have_no_further_options() -> None:
    with pytest.raises(TypeError, match="period"):
        recipe("dense", 0.0, period=3)
    with pytest.raises(TypeError, match="period"):
        recipe("meprop", 0.5, period=3)

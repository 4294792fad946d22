"""Densities of a method by its name."""

from collections.abc import Callable

import pytest
from accounting_models import IMAGE, tiny
from torch import nn

from swatlib import method
from swatlib.accounting import TRAINED, counted, method_densities, trace
from swatlib.methods import METHODS


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("swat-u", 1.0), r"sparsity must be in \[0, 1\), got 1.0"),
        (("swat-u", 0.5, -0.1), r"act-sparsity must be in \[0, 1\)"),
        (("swatt", 0.5), "method must be one of dense, swat, saw"),
        (("swat-m", 0.5), "known only after training"),
    ],
)
def test_bad_methods(arguments: tuple, message: str) -> None:
    name, *rest = arguments
    with pytest.raises(ValueError, match=message):
        method_densities(name, trace(tiny(), (1, 3, 4, 4)), *rest)


def convs() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(inplace=True), nn.Conv2d(8, 8, 3, stride=2))


def test_methods_that_share_a_name_share_their_sparsities() -> None:
    traced = trace(convs(), IMAGE)
    from swatlib.accounting import method_densities

    shared = [name for name in counted() if name in METHODS]
    assert not set(shared) & set(TRAINED)
    assert {"dense", "swat", "saw", "meprop", "sr-ste", "fst"} <= set(shared)

    def taken(call: Callable[[], object]) -> bool:
        try:
            call()
        except ValueError:
            return False
        return True

    for name in shared:
        for s in (0.0, 0.25, 0.5, 0.9):
            by_train, by_account = (
                taken(lambda s=s, name=name: method(name, s)),
                taken(lambda s=s, name=name: method_densities(name, traced, s)),
            )
            assert by_train == by_account, (name, s)

"""What is measured of FST's time: that the parts do what their names say."""

import torch

from swatlib.experiments import measure_fst_cost
from swatlib.kernels.keep import keep
from swatlib.kernels.nm import nm_mask


def test_sorting_and_comparing_keep_the_same() -> None:
    x = torch.randn(6, 32, generator=torch.Generator().manual_seed(0))
    assert torch.equal(measure_fst_cost.sorted_two_of_four(x), keep(x, nm_mask(x, over="C")))


def test_shares_are_of_the_named_function() -> None:
    def work(n: int) -> None:
        for _ in range(n):
            torch.randn(100, 100) @ torch.randn(100, 100)

    found = measure_fst_cost.cpu_shares({"one": lambda: work(20), "ten": lambda: work(200)}, "one")
    assert found["one"] == 1
    assert 2 < found["ten"] < 50

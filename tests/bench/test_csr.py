"""The benchmark of sparse products: all of them are the same product."""

import pytest
import torch

from swatlib.bench import csr


@pytest.mark.parametrize("columns", [1, 5])
def test_every_product_is_that_of_the_largest_weights(columns: int) -> None:
    first, *others = (
        torch.as_tensor(product()) for product in csr.products(6, 10, columns, 0.8).values()
    )
    generator = torch.Generator().manual_seed(0)
    w, x = (torch.randn(shape, generator=generator) for shape in ((6, 10), (10, columns)))
    least = w.abs().flatten().sort(descending=True).values[12 - 1]
    wanted = torch.where(w.abs() >= least, w, 0) @ x
    for found in (first, *others):
        torch.testing.assert_close(found, wanted)


def test_main(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csr, "SHAPES", {"small": (4, 6, 2)})
    monkeypatch.setattr(csr, "SPARSITIES", (0.5, 0.9))
    monkeypatch.setattr(csr, "REPEAT", 1)
    rows = list(csr.main())
    assert [row.setting for row in rows] == ["small, 50%"] * 4 + ["small, 90%"] * 4
    assert {row.baseline for row in rows} == {"dense"}

"""The count of a narrower network agrees with that of the network that is built."""

import pytest
import torch

from swatlib.accounting import count, method_densities, trace
from swatlib.models import build_network


@pytest.mark.parametrize("sparsity", [0.5, 0.8])
def test_it_counts_what_is_built(sparsity: float) -> None:
    with torch.device("meta"):
        whole = build_network("small_vgg", image=32, width=64)
        built = build_network("small_vgg", image=32, width=64, smaller=sparsity)
    shapes, small = (trace(model, (1, 3, 32, 32)) for model in (whole, built))
    found = count(shapes, method_densities("small-dense", shapes, sparsity)).totals()
    real = count(small).totals()
    for name in ("forward", "input_grad", "weight_grad"):
        assert found[name] == pytest.approx(real[name], rel=0.06), name
    for name in ("active_weights", "kept_activations"):
        other = {"active_weights": "weights", "kept_activations": "activations"}[name]
        assert real[other] > 0
    assert found["active_weights"] == pytest.approx(real["weights"], rel=0.02)


def test_at_sparsity_0_it_is_dense() -> None:
    with torch.device("meta"):
        shapes = trace(build_network("small_vgg", image=8), (1, 3, 8, 8))
    result = count(shapes, method_densities("small-dense", shapes, 0.0))
    assert result.train_flops_reduction == 0
    with pytest.raises(ValueError, match="act-sparsity does not apply to small-dense"):
        method_densities("small-dense", shapes, 0.5, 0.5)

"""What a run has cost, from the densities it recorded."""

import pytest
from torch import nn

import swatlib
from swatlib.accounting import EXACT, Density, count, densities, trace, trained_densities
from swatlib.data import load
from swatlib.training import Run, build, train_run

SHAPES = trace(nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 8)), (1, 8))


def cost(name: str, recorded: float, steps: int | None = None, **options: object) -> list[float]:
    """Return the three products of the second layer, as fractions of the dense ones."""
    method = swatlib.method(name, 0.9, **options)
    found = trained_densities(SHAPES, method, {"1": recorded}, steps, epoch_steps=10)
    frame = count(SHAPES, found, EXACT).to_frame()
    assert frame.iloc[0]["forward"] == frame.iloc[0]["forward_dense"]
    return [float(frame.iloc[1][p] / 64) for p in ("forward", "input_grad", "weight_grad")]


@pytest.mark.parametrize(
    ("name", "recorded", "dw"),
    [
        ("static", 0.1, 0.1),
        ("set", 0.1, 0.1),  # random growth reads no gradients
        ("itop-set", 0.1, 0.1),
        ("snfs", 0.2, 1.0),  # the momentum takes all of them in
        ("dsr", 0.3, 0.3),
        ("gmp", 0.4, 0.4),
        ("dpf", 0.5, 1.0),  # all weights are updated
    ],
)
def test_each_method_costs_what_its_row_says(name: str, recorded: float, dw: float) -> None:
    found = cost(name, recorded, steps=100)
    assert found == [pytest.approx(recorded), pytest.approx(recorded), pytest.approx(dw)]


def test_rigl_pays_for_dense_gradients_in_its_updates() -> None:
    # The authors count (3 f_S T + 2 f_S + f_D) / (T + 1) for T steps and the update between them.
    # Here the update takes its gradients from one of the T steps.
    forward, dx, dw = cost("rigl", 0.1, steps=10_001, every=100, until=1.0)
    sparse, dense, period = 0.1, 1.0, 100
    wanted = (3 * sparse * period - sparse + dense) / period
    assert forward + dx + dw == pytest.approx(wanted, rel=1e-3)
    theirs = (3 * sparse * period + 2 * sparse + dense) / (period + 1)
    assert forward + dx + dw == pytest.approx(theirs, rel=0.02)
    assert cost("rigl", 0.1, every=100)[2] == pytest.approx(0.1)


@pytest.mark.parametrize("allocation", ["erk", "momentum"])
def test_activations_share_the_density_that_is_spread_over_the_layers(allocation: str) -> None:
    method = swatlib.method("swat", 0.8, allocation=allocation)
    spread = densities(SHAPES, method.recipe, (0.3, 0.1))
    assert trained_densities(SHAPES, method, {"0": 0.3, "1": 0.1}) == spread
    uniform = trained_densities(SHAPES, swatlib.method("swat", 0.8), {"1": 0.1})
    assert uniform[1].weight_grad_activation == pytest.approx(0.2)


def test_layers_that_a_method_leaves_out_by_name_are_dense() -> None:
    method = swatlib.method("swat", 0.8, only="1", first_layer_dense=False)
    left_out, sparse = trained_densities(SHAPES, method, {"1": 0.2})
    assert left_out == Density()
    assert sparse.weight_grad_activation == pytest.approx(0.2)


def test_a_run_records_what_is_counted() -> None:
    run = Run(
        width=4, epochs=1, images=256, batch_size=32, method="gmp", sparsity=0.8,
        options={"every": 1}, observe="active-weights",
    )  # fmt: skip
    observed = train_run(run, "cpu")["observed"]
    model = build(run, load("digits", images=256))
    shapes = trace(model, (1, 1, 8, 8))
    mean, last = (
        count(shapes, trained_densities(shapes, run.plan, observed[key], steps=8))
        for key in ("mean", "last")
    )
    final = count(shapes, densities(shapes, run.plan.recipe))
    assert last.inference_flops_reduction == pytest.approx(final.inference_flops_reduction, abs=0.5)
    assert mean.train_flops_reduction < last.train_flops_reduction - 10


def test_bad_values() -> None:
    method = swatlib.method("static", 0.5)
    with pytest.raises(ValueError, match="recorded must be of 0, 1; got 7"):
        trained_densities(SHAPES, method, {"7": 0.5})
    with pytest.raises(ValueError, match=r"recorded\['1'\] must be in \[0, 1\], got 2"):
        trained_densities(SHAPES, method, {"1": 2.0})
    with pytest.raises(ValueError, match="steps must be at least 1, got 0"):
        trained_densities(SHAPES, method, {"1": 0.5}, steps=0)

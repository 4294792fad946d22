"""Angles against loops, brute force over masks, Monte Carlo and textbook integrals."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from torch import nn

from swatlib.analysis import angles as geo


def angle_by_definition(x, y):
    """arccos of the normalised inner product, entry by entry in float64."""
    dot = sum(float(a) * float(b) for a, b in zip(x, y, strict=True))
    norms = math.sqrt(sum(float(a) ** 2 for a in x)) * math.sqrt(sum(float(b) ** 2 for b in y))
    return math.degrees(math.acos(max(-1.0, min(1.0, dot / norms))))


vectors = st.lists(
    st.floats(-100, 100).filter(lambda v: v == 0 or abs(v) > 1e-3), min_size=1, max_size=9
).filter(any)


@given(vectors, st.data())
def test_angle_of_any_mask_is_the_angle_by_definition(values, data):
    keep = data.draw(st.lists(st.booleans(), min_size=len(values), max_size=len(values)))
    x, mask = torch.tensor(values, dtype=torch.float64), torch.tensor(keep)
    kept = (x * mask).tolist()
    want = angle_by_definition(values, kept) if any(kept) else 90.0
    assert geo.sparsification_angle(x, mask) == pytest.approx(want, abs=2e-5)


@given(vectors, st.floats(0, 0.99))
@settings(deadline=None)
def test_no_mask_of_k_entries_turns_a_vector_less_than_top_k(values, sparsity):
    """Lemma B.1, by trying every mask."""
    x = torch.tensor(values, dtype=torch.float64)
    k = math.ceil(round((1 - sparsity) * len(values), 10))
    angles = []
    for kept in itertools.combinations(range(len(values)), k):
        mask = torch.zeros(len(values), dtype=torch.bool)
        mask[list(kept)] = True
        angles.append(float(geo.sparsification_angle(x, mask)))
    assert geo.topk_angle(x, sparsity) == pytest.approx(min(angles), abs=2e-5)


def test_angles_worked_by_hand():
    x = torch.tensor([3.0, -4.0])
    assert geo.topk_angle(x, 0.5) == pytest.approx(math.degrees(math.atan2(3, 4)))
    assert geo.topk_angle(torch.ones(4), 0.75) == pytest.approx(60)  # keeps a quarter of the energy
    assert geo.topk_angle(torch.tensor([5.0, 0, 0, 0]), 0.75) == 0
    assert geo.topk_angle(x, 0) == 0
    right_angle = geo.angle_between(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 2.0]))
    assert right_angle == pytest.approx(90)
    assert geo.angle_between(x, -x) == pytest.approx(180)


def test_a_zero_tensor_loses_nothing_and_has_no_direction():
    zero = torch.zeros(3)
    assert geo.topk_angle(zero, 0.5) == 0
    assert geo.sparsification_angle(zero, torch.zeros(3, dtype=torch.bool)) == 0
    assert np.isnan(geo.angle_between(zero, torch.ones(3)))


def test_curve_angle_and_components_agree_on_every_k():
    x = torch.randn(4, 50, generator=torch.Generator().manual_seed(0))
    curve = geo.energy_curve(x, dim=1)
    assert curve.shape == (4, 50)
    assert np.all(np.diff(curve, axis=1) >= 0)
    assert np.allclose(curve[:, -1], 1)
    for k in (1, 7, 25, 50):
        angles = geo.topk_angle(x, 1 - k / 50, dim=1)
        assert geo.energy_to_angle(curve[:, k - 1]) == pytest.approx(angles, abs=1e-5)
    for row in range(4):
        fraction = float(geo.components_needed(x[row], 30))
        k = round(fraction * 50)
        assert geo.topk_angle(x[row], 1 - k / 50) <= 30 < geo.topk_angle(x[row], 1 - (k - 1) / 50)


def test_dim_and_memory_format_do_not_matter():
    x = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(1))
    last = x.to(memory_format=torch.channels_last)
    assert geo.topk_angle(last, 0.7) == pytest.approx(float(geo.topk_angle(x, 0.7)))
    along = geo.topk_angle(x, 0.5, dim=1)
    assert along.shape == (2, 4, 5)
    assert along[1, 2, 3] == pytest.approx(float(geo.topk_angle(x[1, :, 2, 3], 0.5)))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions(dtype):
    x = torch.randn(2000, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    assert geo.topk_angle(x.to(dtype), 0.9) == pytest.approx(float(geo.topk_angle(x, 0.9)), abs=0.1)


# Upper-tail values of the standard normal from Abramowitz and Stegun, Table 26.1 and 26.5:
# t with Q(t) = 0.15, 0.10, 0.05 and the density phi(t) there.
@pytest.mark.parametrize(
    ("sparsity", "t", "phi"),
    [(0.7, 1.036433, 0.233159), (0.8, 1.281552, 0.175498), (0.9, 1.644854, 0.103136)],
)
def test_gaussian_closed_form_from_tables(sparsity, t, phi):
    assert geo.gaussian_energy(sparsity) == pytest.approx(
        2 * (t * phi + (1 - sparsity) / 2), abs=2e-6
    )


DISTRIBUTIONS = {
    "gaussian": stats.norm(),
    "laplace": stats.laplace(scale=0.3),
    "uniform": stats.uniform(-2, 4),
    "student 3": stats.t(3),
    "half-normal": stats.halfnorm(),
    "shifted": stats.norm(0.7, 1.0),
    "skewed": stats.gamma(2.0, loc=-1.0),
}


@pytest.mark.parametrize("sparsity", [0.0, 0.5, 0.7, 0.9, 0.98])
def test_quadrature_against_what_can_be_integrated_by_hand(sparsity):
    density = 1 - sparsity
    assert geo.expected_energy(stats.norm(scale=5), sparsity) == pytest.approx(
        float(geo.gaussian_energy(sparsity)), abs=1e-9
    )
    # Uniform on [-a, a]: t = s a, dropped energy s**3.
    uniform = geo.expected_energy(DISTRIBUTIONS["uniform"], sparsity)
    assert uniform == pytest.approx(1 - sparsity**3, abs=1e-9)
    # Laplace, scale 1: t = -log d, kept energy d (t**2 + 2 t + 2) / 2.
    t = -math.log(density)
    laplace = geo.expected_energy(DISTRIBUTIONS["laplace"], sparsity)
    assert laplace == pytest.approx(density * (t * t + 2 * t + 2) / 2, abs=1e-9)


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_quadrature_against_a_large_sample(name):
    distribution = DISTRIBUTIONS[name]
    x = torch.from_numpy(distribution.rvs(400_000, random_state=np.random.default_rng(3)))
    sampled = geo.energy_curve(x)
    for sparsity in (0.5, 0.8, 0.95):
        k = round((1 - sparsity) * x.numel())
        # Student t with 3 degrees of freedom has no fourth moment: its sample is noisy.
        wide = 0.05 if name == "student 3" else 0.005
        assert geo.expected_energy(distribution, sparsity) == pytest.approx(
            sampled[k - 1], abs=wide
        )


@pytest.mark.parametrize("name", DISTRIBUTIONS)
@pytest.mark.parametrize("angle", [5.0, 30.0, 70.0])
def test_components_and_energy_are_inverse(name, angle):
    density = geo.expected_components(DISTRIBUTIONS[name], angle)
    energy = geo.expected_energy(DISTRIBUTIONS[name], 1 - density)
    assert geo.energy_to_angle(energy) == pytest.approx(angle, abs=1e-3)


@given(st.floats(0, 90))
def test_angle_and_energy_are_inverse(angle):
    assert geo.energy_to_angle(geo.angle_to_energy(angle)) == pytest.approx(angle, abs=1e-5)


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.norm = nn.BatchNorm2d(8)
        self.head = nn.Linear(8, 4)

    def forward(self, x):
        return self.head(torch.relu(self.norm(self.conv(x))).mean((2, 3)))


def test_layer_angles_are_the_angles_of_what_each_layer_sees():
    torch.manual_seed(0)
    model, x = Small(), torch.randn(6, 3, 5, 5)
    state = {name: value.clone() for name, value in model.state_dict().items()}
    table = geo.layer_angles(model, x, 0.7).set_index(["layer", "operand"])
    assert list(table.index) == [
        ("conv", "weight"), ("conv", "activation"), ("head", "weight"), ("head", "activation")
    ]  # fmt: skip
    assert table.loc[("conv", "activation"), "angle"] == pytest.approx(
        float(geo.topk_angle(x, 0.7))
    )
    hidden = torch.relu(nn.functional.batch_norm(model.conv(x), None, None, training=True))
    seen = table.loc[("head", "activation")]
    assert seen["angle"] == pytest.approx(float(geo.topk_angle(hidden.mean((2, 3)), 0.7)), abs=1e-2)
    assert seen["elements"] == 48
    for name, value in model.state_dict().items():
        assert torch.equal(value, state[name]), f"{name} changed"
    assert not model.conv._forward_pre_hooks
    each = geo.layer_angles(model, x, 0.7, over_batch=False).set_index(["layer", "operand"])
    samples = [float(geo.topk_angle(sample, 0.7)) for sample in x]
    assert each.loc[("conv", "activation"), "angle"] == pytest.approx(np.mean(samples))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: geo.topk_angle(torch.ones(3), 1.2), r"sparsity must be in \[0, 1\), got 1.2"),
        (lambda: geo.topk_angle(torch.tensor([1.0, math.nan]), 0.5), "x must be finite"),
        (lambda: geo.topk_angle(torch.empty(0), 0.5), "x must have at least one entry"),
        (lambda: geo.angle_between(torch.ones(2), torch.ones(3)), "one shape"),
        (lambda: geo.sparsification_angle(torch.ones(2), torch.ones(2)), "mask must be boolean"),
        (lambda: geo.energy_to_angle(1.5), r"energy must be in \[0, 1\], got 1.5"),
        (lambda: geo.angle_to_energy(91), r"angle must be in \[0, 90\] degrees, got 91"),
        (lambda: geo.gaussian_energy(1.0), r"sparsity must be in \[0, 1\), got 1.0"),
        (
            lambda: geo.expected_energy(stats.norm(), -0.1),
            r"sparsity must be in .* got -0.1",
        ),
        (lambda: geo.expected_energy(stats.t(2), 0.5), "finite, positive second moment"),
        (lambda: geo.expected_components(stats.norm(), 0), r"angle must be in \(0, 90\)"),
        (
            lambda: geo.layer_angles(nn.ReLU(), torch.ones(1), 0.5),
            "must contain a Conv2d",
        ),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_integer_tensor_is_refused():
    with pytest.raises(TypeError, match=r"x must be a floating-point tensor, got torch\.int64"):
        geo.topk_angle(torch.arange(4), 0.5)

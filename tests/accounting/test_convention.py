"""Conventions: what the papers count, and what is computed."""

from accounting_models import tiny
from torch import nn

from swatlib.accounting import EXACT, PAPER, Convention, count, densities, trace
from swatlib.methods import method, swat


def test_bitmap_costs_a_bit_an_element_and_never_more_than_dense() -> None:
    traced = trace(tiny(), (1, 3, 4, 4))
    frame = count(traced, densities(traced, swat(0.5)), EXACT).to_frame(index_bits=1)
    conv2 = frame.iloc[2]
    assert conv2["activation_bytes"] == 64 * 4 / 2 + 64 / 8
    frame = count(traced, densities(traced, swat(0.5)), EXACT).to_frame(index_bits=32)
    assert frame.iloc[2]["activation_bytes"] == 64 * 4


def test_full_map_is_stride_squared_times_exact() -> None:
    model = nn.Sequential(nn.Conv2d(2, 2, 1), nn.Conv2d(2, 4, 3, stride=2, padding=1))
    traced = trace(model, (1, 2, 8, 8))
    exact = count(traced, convention=EXACT).to_frame()["input_grad_dense"]
    full = count(traced, convention=Convention("full_map")).to_frame()["input_grad_dense"]
    assert full.iloc[1] == 4 * exact.iloc[1]


def test_the_papers_count_all_of_dw_and_the_exact_convention_what_is_updated() -> None:
    traced = trace(nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 8)), (1, 8))
    for name, own in (("static", 0.25), ("dpf", 1.0), ("swat", 0.25)):
        recipe = method(name, 0.75).recipe
        found = densities(traced, recipe)
        exact = count(traced, found, EXACT).to_frame()
        assert exact["weight_grad"].tolist() == [64, 64 * own]
        paper = count(traced, found, PAPER).to_frame()
        assert paper["weight_grad"].tolist() == [64, 16 if name == "swat" else 64]

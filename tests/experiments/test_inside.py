"""What is measured inside a network, on a toy."""

import numpy as np
import pytest
import torch
from torch import nn

from swatlib.analysis.angles import topk_angle
from swatlib.analysis.similarity import column_correlation, column_similarity
from swatlib.experiments.inside import (
    chosen_layers,
    differences,
    filled,
    look,
    similar,
    sparsified,
)


def test_layers_with_neighbours_are_chosen_in_the_order_of_calls(toy):
    x = torch.randn(1, 3, 16, 16)
    assert chosen_layers(toy, x, "all") == ["0", "3", "5"]  # the last one sees a single pixel
    assert chosen_layers(toy, x, "depths") == ["0", "3"]


def test_rows_are_what_the_functions_say_of_the_image(toy):
    x = torch.rand(30, 3, 16, 16)
    rows, confidence = similar(toy, x, ["0"], 20, torch.Generator().manual_seed(0))
    (row,) = rows
    whole, part = column_similarity(x), column_similarity(x[:20])
    assert row["images"] == 30
    assert row["entropy"] == pytest.approx(whole.entropy, abs=1e-4)
    assert row["similarity"] == pytest.approx(whole.similarity, abs=1e-4)
    assert row["found"] == pytest.approx(part.similarity, abs=1e-4)
    assert row["shuffled"] == pytest.approx(part.similarity, rel=0.05)  # noise: all of it is bias
    assert row["correlation"] == pytest.approx(column_correlation(x), abs=0.02)
    assert row["zeros"] == 0
    assert 0.2 < confidence < 1
    assert (row["kernel"], row["stride"], row["width"], row["pairs"]) == (3, 2, 16, 3 * 16 * 15)


def test_a_look_is_repeatable_and_tells_smooth_from_noise(toy, ramps):
    first, second = look(toy, ramps(), 20), look(toy, ramps(), 20)
    assert first == second
    rows = {(row["input"], row["layer"]): row for row in first["rows"]}
    kinds = ("photographs", "Gaussian noise", "uniform noise")
    assert set(rows) == {(kind, layer) for kind in kinds for layer in ("0", "3", "5")}
    smooth, *noise = (rows[kind, "0"] for kind in kinds)
    assert smooth["correlation"] > 0.8 > 0.1 > max(abs(one["correlation"]) for one in noise)
    assert smooth["near"] > 0.9 > noise[0]["near"]
    assert smooth["filled left"] < 0.1 < noise[0]["filled left"]
    assert [row["layer"] for row in first["layers"]] == ["0", "3", "5"]


def test_noise_has_the_mean_and_variance_of_the_photographs(toy, ramps):
    seen = []
    toy[0].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    look(toy, ramps(40), 40)
    # One example, then four batches of each kind of input.
    photographs, gaussian, uniform = (torch.cat(seen[1 + i : 5 + i]) for i in (0, 4, 8))
    for noise in (gaussian, uniform):
        for statistic in (torch.mean, torch.std):
            of_noise, of_images = statistic(noise, (0, 2, 3)), statistic(photographs, (0, 2, 3))
            assert torch.allclose(of_noise, of_images, atol=0.04)
    assert uniform.amax() < gaussian.amax()


def test_differences_that_are_near_zero_and_those_on_edges():
    """One step of full height in the middle of every row, and a channel of zeros."""
    image = torch.zeros(1, 1, 4, 9)
    image[..., 5:] = 1
    feature = torch.cat([1 + image, torch.zeros_like(image)], 1)
    found = differences(feature, image)
    assert found["near"] == pytest.approx(7 / 8)  # pairs of two zeros are left out
    assert found["on edges"] == 1
    # A faint channel is near zero on the image's range, not on its own.
    found = differences(torch.cat([1 + image, 0.01 * image], 1), image)
    assert found["near"] == pytest.approx(1 - 4 / 48)
    assert found["near, own range"] == pytest.approx(1 - 8 / 48)


def test_filling_a_column_by_hand():
    found = filled(torch.tensor([3.0, 4.0, 1.0, 1.0]).reshape(1, 1, 1, 4))
    assert found["filled left"] == pytest.approx(1 / 17)
    assert found["filled right"] == pytest.approx(1 / 10)
    assert found["row mean"] == pytest.approx((2**2 + 1**2) / 17)


def test_angles_are_those_of_the_library(toy):
    x = torch.randn(20, 3, 16, 16)
    generator = torch.Generator().manual_seed(0)
    first = sparsified(toy, x, ["0", "3"], generator)[0]
    assert first["weight 90 %"] == pytest.approx(float(topk_angle(toy[0].weight, 0.9)), abs=1e-4)
    halves = [float(topk_angle(batch, 0.5)) for batch in x.split(10)]
    assert first["activation 50 %"] == pytest.approx(np.mean(halves), abs=1e-4)
    assert 0 < first["gradient 50 %"] < first["gradient 90 %"] < 90
    assert {f"restored (Eq. 10): {what}" for what in ("error", "cosine")} <= first.keys()


def test_a_map_of_zeros_gives_no_number_that_json_lacks(toy):
    nn.init.zeros_(toy[0].weight)
    nn.init.zeros_(toy[0].bias)
    rows, _ = similar(toy, torch.randn(20, 3, 16, 16), ["3"], 20, torch.Generator())
    assert rows[0]["zeros"] == 1
    assert rows[0]["near"] is None
    assert rows[0]["filled left"] is None

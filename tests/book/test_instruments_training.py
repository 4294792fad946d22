"""What the instruments of Part V show is what the library computes."""

import math

import numpy as np
import pytest
import torch

import instrument_training as training
from swatlib.analysis.similarity import entropy
from swatlib.experiments.measure_two_of_four import cosine
from swatlib.kernels.nm import nm_mask
from swatlib.papers import paper_number
from swatlib.plotting.chapter import records


def xorshift(seed: int) -> int:
    """The next of the script's numbers."""
    seed ^= (seed << 13) % 2**32
    seed ^= seed >> 17
    return (seed ^ (seed << 5)) % 2**32


def drawn(pairs: int, levels: int, copied: float) -> tuple[torch.Tensor, torch.Tensor]:
    """The two sequences that the script draws."""
    shift, seed, left, here = 32 - int(math.log2(levels)), 1, [], []
    for _ in range(pairs):
        first = xorshift(seed)
        second = xorshift(first)
        seed = xorshift(second)
        left.append(first >> shift)
        here.append(left[-1] if seed < copied * 2**32 else second >> shift)
    return torch.tensor(left), torch.tensor(here)


def shuffled(symbols: torch.Tensor, turn: int) -> torch.Tensor:
    """The script's shuffle of a sequence."""
    order, seed = symbols.tolist(), turn * 0x9E3779B9 % 2**32
    for i in range(len(order) - 1, 0, -1):
        seed = xorshift(seed)
        j = seed * (i + 1) // 2**32
        order[i], order[j] = order[j], order[i]
    return torch.tensor(order)


def true_similarity(levels: int, copied: float) -> float:
    """Mutual information from the table of all pairs' probabilities, in bits."""
    joint = np.full((levels, levels), (1 - copied) / levels**2) + copied * np.eye(levels) / levels
    independent = np.outer(joint.sum(1), joint.sum(0))
    there = joint > 0
    return float((joint[there] * np.log2(joint[there] / independent[there])).sum())


@pytest.mark.browser
def test_bias(instrument):
    shown = instrument("bias")
    for pairs, levels, copied, turns in (
        (1_000, 256, 0.0, 0),
        (3_000, 16, 0.3, 1),
        (300, 2, 1.0, 2),
    ):
        shown.choose("pairs", str(pairs))
        shown.choose("levels", str(levels))
        shown.set("second is a copy of the first", 100 * copied)
        if turns:
            shown.press("shuffle again")
        left, here = drawn(pairs, levels, copied)
        found = training.similarity(left, here)
        control = training.similarity(left, shuffled(here, turns + 1))
        assert shown.said("found") == pytest.approx(found, abs=6e-4)
        assert shown.said("shuffled") == pytest.approx(control, abs=6e-4)
        assert shown.said("less") == pytest.approx(found - control, abs=6e-4)
        assert shown.said("truth") == pytest.approx(true_similarity(levels, copied), abs=6e-4)
        formula = (levels - 1) ** 2 / (2 * pairs * math.log(2))
        assert shown.said("formula") == pytest.approx(formula, abs=6e-4)


@pytest.mark.browser
def test_many_drawn_pairs_have_the_bias_of_the_formula(instrument):
    shown = instrument("bias")
    shown.choose("pairs", "1000000")
    for said in ("found", "shuffled"):
        assert shown.said(said) == pytest.approx(shown.said("formula"), rel=0.05)
    shown.set("second is a copy of the first", 50)
    assert shown.said("less") == pytest.approx(shown.said("truth"), abs=0.05)


def test_symbols_of_the_script_are_spread_evenly():
    left, _ = drawn(20_000, 16, 0.0)
    assert entropy(left) == pytest.approx(4, abs=2e-3)


@pytest.mark.parametrize("zeros", [0.0, 0.5, 0.8])
def test_two_of_four_keep_what_is_expected(zeros):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(100_000, 4, generator=generator, dtype=torch.float64)
    x *= torch.rand(x.shape, generator=generator) >= zeros
    largest = x.square().sort(1, descending=True).values[:, :2].sum()
    assert training.kept_of_four(zeros) == pytest.approx(
        float(largest / x.square().sum()), abs=3e-3
    )


def test_cosines_of_independent_layers_multiply():
    generator = torch.Generator().manual_seed(0)
    right = torch.randn(256, 64, generator=generator)
    pruned = right.clone()
    for _ in range(5):
        weight = torch.randn(256, 256, generator=generator)
        right, pruned = weight @ right, (weight * nm_mask(weight)) @ pruned
    assert cosine(pruned, right) == pytest.approx(training.kept_of_four(0.0) ** 2.5, abs=0.02)


@pytest.mark.browser
def test_error_depth(instrument):
    shown = instrument("error-depth")
    for strategy, layers, gradients, activations in (
        ("WX", 13, 0.5, 0.5),
        ("GG", 30, 0.8, 0.0),
        ("GX", 1, 0.0, 0.95),
        ("WG", 7, 0.25, 0.5),
    ):
        shown.choose("strategy", strategy)
        shown.set("layers above", layers)
        shown.set("zeros among the gradients", 100 * gradients)
        shown.set("zeros among the activations", 100 * activations)
        zeros = {"W": 0.0, "G": gradients, "X": activations}
        kept = {name: training.kept_of_four(share) for name, share in zeros.items()}
        arriving = kept[strategy[0]] ** (layers / 2)
        assert shown.said("arriving") == pytest.approx(arriving, abs=0.006)
        weight = arriving * math.sqrt(kept[strategy[1]])
        assert shown.said("weight") == pytest.approx(weight, abs=0.006)
        for name, share in kept.items():
            assert shown.said(name) == pytest.approx(100 * share, abs=0.06)


def numbers(text: str) -> list[float]:
    """The numbers of a text, whatever its minus sign."""
    words = text.replace("−", "-").replace("(", "").replace(")", "").split()
    return [float(word) for word in words if word != "to"]


@pytest.mark.browser
@pytest.mark.parametrize("data", training.ABLATIONS)
def test_table_5(instrument, data):
    shown = instrument("table-5")
    shown.choose("data", data)
    runs = records(training.ABLATIONS[data]).groupby("method")["test_accuracy"].mean()
    paper = [paper_number("fst-table-5", "accuracy", level=str(line)) for line in range(1, 6)]
    boxes = shown.box.get_by_role("checkbox")
    assert shown.said("line") == 5
    for line, other in ((2, 1), (5, 4), (4, 3), (1, 5), (3, 2)):
        shown.choose("compared with line", str(other))
        # Off with the first, then on with the last that the line has: it brings those before it.
        boxes.first.set_checked(False)
        if line > 1:
            boxes.nth(line - 2).set_checked(True)
        assert [box.is_checked() for box in boxes.all()] == [part < line - 1 for part in range(4)]
        assert shown.said("line") == line
        assert shown.said("accuracy") == pytest.approx(runs[training.LINES[line - 1]], abs=0.06)
        exact = training.line_differences(data)[line - 1][other - 1]
        assert exact["mean"] == pytest.approx(
            runs[training.LINES[line - 1]] - runs[training.LINES[other - 1]]
        )
        ours = [exact[name] for name in ("mean", "low", "high")]
        assert numbers(shown.words("ours")) == pytest.approx(ours, abs=0.006)
        assert numbers(shown.words("paper")) == pytest.approx([paper[line - 1] - paper[other - 1]])
    assert shown.said("seeds") == 5


def test_work_and_accuracy_are_those_of_the_records():
    points = {(p["method"], p["sparsity"]): p for p in training.methods_and_work()}
    assert len(points) == 1 + 3 * len(training.COMPARED)
    runs = [
        one
        for one in training.iterate_records(training.RECORDS / training.METHOD_POINTS)
        if one.specification["method"] == "rigl" and one.specification["sparsity"] == 0.9
    ]
    frame = training.compared(runs)
    frame = frame[frame["method"] == "RigL"]
    point = points["RigL", 90]
    assert len(frame) == 5
    assert point["accuracy"] == pytest.approx(frame["accuracy"].mean())
    training_, inference = point["work"]["active weights of dW (RigL)"]
    assert training_ == pytest.approx(frame["training"].mean(), abs=0.3)
    assert inference == pytest.approx(frame["inference"].mean(), abs=0.3)


@pytest.mark.browser
def test_work_budget(instrument):
    shown = instrument("work-budget")
    points = training.methods_and_work()
    boxes = shown.box.get_by_role("checkbox")
    names = list(training.COMPARED)
    for budget, kind, count, without in (
        (25, 0, 0, []),
        (60, 0, 1, []),
        (10, 1, 0, ["RigL-ERK", "DSR"]),
        (5, 0, 1, ["small-dense"]),
    ):
        shown.set("work at most, of the dense", budget)
        shown.choose("work of", ("training", "inference")[kind])
        label = list(training.COUNTS)[count]
        shown.choose("counted", label)
        for number, name in enumerate(names):
            boxes.nth(number).set_checked(name not in without)
        chosen = [p for p in points if p["method"] in names and p["method"] not in without]
        fit = [p for p in chosen if p["work"][label][kind] <= budget]
        assert shown.words("fit") == f"{len(fit)} of {len(chosen)}"
        if not fit:
            assert shown.words("best") == "none"
            continue
        best = max(fit, key=lambda p: p["accuracy"])
        assert shown.words("best") == f"{best['method']} at {best['sparsity']} %"
        assert shown.said("accuracy") == pytest.approx(best["accuracy"], abs=0.06)
        near = [
            p for p in fit if p is not best and p["accuracy"] >= best["accuracy"] - best["half"]
        ]
        words = ", ".join(f"{p['method']} at {p['sparsity']} %" for p in near)
        assert shown.words("near") == (words or "none")
        assert shown.said("cost") == pytest.approx(best["work"][label][kind], abs=0.06)


@pytest.mark.browser
def test_attention(instrument):
    shown = instrument("attention")
    for tokens, width, sparsity, sparse in (
        (196, 384, 0.9, (True, True)),
        (16_384, 64, 0.98, (True, True)),
        (1_024, 768, 0.5, (False, True)),
        (16, 192, 0.8, (True, False)),
    ):
        shown.choose("tokens", str(tokens))
        shown.choose("channels of a token", str(width))
        shown.set("sparsity", 100 * sparsity)
        shown.ticks("sparse layers", list(sparse))
        exact = training.left_of_block(tokens, width, sparsity, *sparse)
        assert shown.said("left") == pytest.approx(100 * exact, abs=0.06)
        # Nothing of the layers' products is left at full sparsity, all of attention's own is.
        dense = 1 - (1 - exact) / sparsity
        assert shown.said("limit") == pytest.approx(1 / dense, abs=0.06, rel=2e-3)
        if all(sparse):
            assert shown.said("tokens") == pytest.approx(100 * dense, abs=0.06)

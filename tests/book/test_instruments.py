"""What an instrument shows in a page is what the library computes."""

import json
import math

import pytest
import torch
from instrument_page import PLACES, WIDTHS, Instrument
from scipy import stats

import instrument_tables as tables
from instrument_index import INSTRUMENTS
from swatlib import accounting, swat
from swatlib.accounting.convention import PAPER
from swatlib.analysis.angles import energy_to_angle, topk_angle
from swatlib.claims.fully_sparse_training.step_shares import amdahl
from swatlib.claims.intervals import half_width, seeds_needed
from swatlib.core.operands import OPERANDS
from swatlib.papers.swat_tables import row_count, shapes
from swatlib.selectors import kept_count


def test_every_instrument_has_its_page():
    assert set(PLACES) == set(INSTRUMENTS)


@pytest.mark.parametrize("name", INSTRUMENTS)
def test_the_static_form_is_a_table(name):
    made = INSTRUMENTS[name]()
    assert len(made.rows) >= 3
    assert all(len(row) == len(made.columns) for row in made.rows)


def test_the_formulas_of_the_tables_are_the_papers_numbers():
    swat_row = {operand.name: swat(0.8).named()[operand.name] is not None for operand in OPERANDS}
    assert tables.speedup(swat_row, 0.8, 0.1) == pytest.approx(1 / (0.1 + 0.9 * 0.2))
    # Half of a rectified vector is zero, and long vectors turn as the closed forms say.
    x = torch.randn(200_000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for shape, vector in (("Gaussian", x), ("Gaussian after a ReLU", x.relu())):
        for sparsity in (0.4, 0.7, 0.9):
            exact = float(energy_to_angle(tables.energy(shape, sparsity)))
            assert exact == pytest.approx(float(topk_angle(vector, sparsity)), abs=0.2)
    printed = row_count("swat-table-3", "ResNet-50", "SWAT-U", "80", PAPER)
    traced = shapes(*tables.NETWORKS["ResNet-50"])
    ours = accounting.count(
        traced, accounting.densities(traced, swat(0.8)), tables.counting(True, True)
    )
    assert ours.train_flops_reduction == pytest.approx(printed.train_flops_reduction)


@pytest.mark.browser
def test_six_operands(instrument):
    shown = instrument("six-operands")
    assert shown.said("speedup") == 3.57
    assert shown.said("limit") == 10
    for name, method in tables.METHODS.items():
        shown.choose("method", name)
        for sparsity, other in ((0.5, 0.1), (0.9, 0.3)):
            shown.set("sparsity", 100 * sparsity)
            shown.set("time outside the products", 100 * other)
            sparse = {operand.name: s is not None for operand, s in method(sparsity).items()}
            expected = tables.speedup(sparse, sparsity, other)
            assert shown.said("speedup") == pytest.approx(expected, abs=0.006)
    box = shown.box.get_by_role("checkbox", name="forward X")
    box.press("Space")
    assert shown.box.get_by_label("method").input_value() == "your own"
    box.press("Space")
    assert shown.box.get_by_label("method").input_value() == "meProp"


@pytest.mark.browser
def test_threshold(instrument):
    shown = instrument("threshold")
    for sparsity, sample in ((0.5, 100), (0.9, 1_000), (0.99, 100_000)):
        shown.set("sparsity", 100 * sparsity)
        shown.choose("entries in the sample", str(sample))
        tail = (1 - sparsity) / 2
        assert shown.said("threshold") == pytest.approx(stats.norm.isf(tail), abs=6e-4)
        error = 100 * math.sqrt(sparsity * (1 - sparsity) / sample)
        assert shown.said("error") == pytest.approx(error, abs=0.006)


@pytest.mark.browser
@pytest.mark.parametrize("shape", tables.SHAPES)
def test_angle(instrument, shape):
    shown = instrument("angle")
    assert shown.said("angle") == 27.7
    shown.choose("entries", shape)
    for sparsity in (0, 0.3, 0.7, 0.99):
        shown.set("sparsity", 100 * sparsity)
        kept = tables.energy(shape, sparsity)
        assert shown.said("angle") == pytest.approx(float(energy_to_angle(kept)), abs=0.06)
        assert shown.said("energy") == pytest.approx(100 * kept, abs=0.06)


@pytest.mark.browser
def test_gradient_length(instrument):
    shown = instrument("gradient-length")
    for sparsity, layers in ((0.5, 1), (0.9, 7), (0.95, 20)):
        shown.set("sparsity of the forward weights", 100 * sparsity)
        shown.set("layers above", layers)
        factor = 1 / math.sqrt(tables.energy("Gaussian", sparsity))
        assert shown.said("factor") == pytest.approx(factor, abs=6e-4)
        assert shown.said("total") == pytest.approx(factor**layers, rel=1e-3, abs=0.06)


@pytest.mark.browser
def test_block(instrument):
    shown = instrument("block")
    cells = shown.box.locator(".instrument-cells button")
    assert cells.count() == 16
    for turn in range(6):
        values = tuple(int(text) for text in cells.all_inner_texts())
        kept = tables.kept_of_block(values)
        for name in ("rows", "columns", "both"):
            assert shown.said(name) == pytest.approx(100 * kept[name], abs=0.06)
        assert shown.said("agree") == kept["agree"]
        if turn == 0:
            assert values == tables.BLOCK
            cells.first.press("Enter")
            assert cells.first.inner_text() == "6"
        else:
            shown.box.get_by_role("button", name="another block").press("Enter")


@pytest.mark.browser
def test_restoration(instrument):
    shown = instrument("restoration")
    for cosine, helps in ((0, "no"), (0.3, "no"), (0.5, "neither"), (0.8, "yes")):
        shown.set("cosine between paired columns", 100 * cosine)
        assert shown.said("without") == pytest.approx(math.sqrt(0.5), abs=0.006)
        assert shown.said("restored") == pytest.approx(math.sqrt(1 - cosine), abs=0.006)
        assert shown.box.locator('[data-name="helps"]').inner_text().startswith(helps)


@pytest.mark.browser
def test_step_share(instrument):
    shown = instrument("step-share")
    assert shown.said("speedup") == 1.82
    for share, gain, overhead in ((0.9, 2.0, 0.023), (0.5, 3.5, 0.1), (1.0, 2.0, 0.0)):
        shown.set("products' share of a dense step", 100 * share)
        shown.set("products run faster by", gain)
        shown.set("overhead", 100 * overhead)
        expected = amdahl(share, 3, overhead, gain)
        assert shown.said("speedup") == pytest.approx(expected, abs=0.006)


@pytest.mark.browser
@pytest.mark.parametrize("network", tables.NETWORKS)
def test_convention(instrument, network):
    shown = instrument("convention")
    assert shown.said("training") == 76.1
    assert shown.said("inference") == 77.7
    shown.choose("network", network)
    traced = shapes(*tables.NETWORKS[network])
    boxes = [shown.box.get_by_role("checkbox").nth(number) for number in range(2)]
    for switches in ((True, True), (False, True), (False, False), (True, False)):
        for box, on in zip(boxes, switches, strict=True):
            box.set_checked(on)
        for sparsity in (0.5, 0.9):
            shown.set("sparsity", 100 * sparsity)
            counted = accounting.count(
                traced, accounting.densities(traced, swat(sparsity)), tables.counting(*switches)
            )
            for name, exact in (
                ("training", counted.train_flops_reduction),
                ("inference", counted.inference_flops_reduction),
            ):
                assert shown.said(name) == pytest.approx(exact, abs=0.06)


@pytest.mark.browser
def test_granularity(instrument):
    shown = instrument("granularity")
    assert shown.said("hw") == 11.1
    for sparsity, kernel, channels in ((0.5, 3, 3), (0.9, 1, 64), (0.98, 5, 17)):
        shown.set("sparsity asked for", 100 * sparsity)
        shown.choose("kernel", f"{kernel}x{kernel}")
        shown.set("input channels", channels)
        for name, n in (("hw", kernel**2), ("chw", kernel**2 * channels)):
            exact = 100 * kept_count(n, sparsity) / n
            assert shown.said(name) == pytest.approx(exact, abs=0.06)


@pytest.mark.browser
@pytest.mark.parametrize("network", tables.NETWORKS)
def test_layers(instrument, network):
    shown = instrument("layers")
    shown.choose("network", network)
    for sparsity in (0.2, 0.9, 0.98):
        shown.set("sparsity of all weights", 100 * sparsity)
        exact = tables.budget(network, sparsity)
        assert exact["weights"] == pytest.approx(100 * (1 - sparsity))
        for name in ("first", "sparsest", "work"):
            assert shown.said(name) == pytest.approx(exact[name], abs=0.06)
        assert shown.said("times") == pytest.approx(exact["times"], abs=0.006)


def test_channels_that_no_filter_reads_are_as_drawn_ones():
    generator = torch.Generator().manual_seed(0)
    filters, channels, kept = 4, 10, 3
    order = torch.rand(20_000, filters, channels, generator=generator).argsort(-1)
    unread = ~(order < kept).any(1)
    assert float(unread.float().mean()) == pytest.approx(0.7**filters, abs=0.005)


@pytest.mark.browser
def test_unused_channels(instrument):
    shown = instrument("unused-channels")
    for sparsity, filters, channels in ((0.7, 64, 64), (0.9, 3, 10), (0.98, 200, 33)):
        shown.set("slices that each filter drops", 100 * sparsity)
        shown.set("filters", filters)
        shown.set("input channels", channels)
        assert shown.said("unused") == pytest.approx(100 * sparsity**filters, rel=0.006)
        assert shown.said("expected") == pytest.approx(channels * sparsity**filters, rel=0.006)
        assert shown.said("input") == channels - kept_count(channels, sparsity)


@pytest.mark.browser
def test_weights_per_output(instrument):
    shown = instrument("weights-per-output")
    for sparsity, inputs, outputs in ((0.98, 128, 10), (0.99, 64, 10), (0.9, 8, 3)):
        shown.set("sparsity", 100 * sparsity)
        shown.set("inputs", inputs)
        shown.set("classes", outputs)
        kept = kept_count(inputs * outputs, sparsity)
        assert shown.said("each") == pytest.approx(kept / outputs, abs=0.06)
        none = tables.empty_output(inputs, outputs, sparsity)
        assert shown.said("none") == pytest.approx(100 * none, rel=0.006)
        assert shown.said("expected") == pytest.approx(outputs * none, rel=0.006)


@pytest.mark.browser
def test_seeds(instrument):
    shown = instrument("seeds")
    for spread, count, margin in ((8.6, 5, 0.2), (1.0, 2, 0.5), (0.4, 40, 1.0)):
        shown.set("standard deviation over seeds", spread)
        shown.set("number of seeds", count)
        shown.set("difference to be seen", margin)
        half = half_width(spread / math.sqrt(count), count - 1)
        assert shown.said("half") == pytest.approx(half, abs=0.006)
        assert shown.said("needed") == seeds_needed(spread, margin, most=50_000)


@pytest.mark.browser
def test_boxes(instrument):
    shown = instrument("boxes")
    assert shown.said("iou") == 0.78
    for size, right, down in ((8, 1, 1), (16, 3, 0), (2, 5, 0), (32, 16, 16), (5, 0, 0)):
        shown.set("size of the object", size)
        shown.set("found too far right", right)
        shown.set("found too far down", down)
        exact = tables.overlap(size, right, down)
        assert shown.said("iou") == pytest.approx(exact, abs=0.006)
        assert shown.said("reached") == sum(exact >= one for one in tables.THRESHOLDS)


@pytest.mark.browser
def test_link_bytes(instrument):
    shown = instrument("link-bytes")
    boxes = [shown.box.get_by_role("checkbox").nth(number) for number in range(2)]
    for sparsity in (0.5, 0.9):
        shown.set("sparsity of the activations", 100 * sparsity)
        for switches in ((True, True), (False, True), (False, False), (True, False)):
            for box, on in zip(boxes, switches, strict=True):
                box.set_checked(on)
            exact = tables.bytes_kept(1 - sparsity, *switches)
            assert shown.said("bytes") == pytest.approx(exact, abs=0.006)
            assert shown.said("share") == pytest.approx(100 * exact / 8, abs=0.6)


@pytest.mark.browser
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", PLACES)
def test_an_instrument_fits_and_is_labelled(visit, name, width):
    shown = Instrument(visit, name, width, color_scheme="dark")
    controls = shown.box.locator("input, select, .instrument-controls button")
    assert controls.count() >= 1
    for number in range(controls.count()):
        control = controls.nth(number)
        if control.evaluate("(c) => c.tagName") != "BUTTON":
            assert control.evaluate("(c) => c.labels.length") == 1
        if control.get_attribute("type") == "range":
            assert control.bounding_box()["width"] >= 120
    wide = shown.box.evaluate(
        "(box) => [...box.querySelectorAll('*')].filter((one) => !one.closest('details, svg')"
        " && one.getBoundingClientRect().right > box.getBoundingClientRect().right + 1).length"
    )
    assert wide == 0
    assert not shown.box.locator("table").is_visible()
    assert shown.box.get_by_role("status").is_visible()
    assert not shown.seen.problems


@pytest.mark.browser
@pytest.mark.parametrize("name", PLACES)
def test_without_scripts_there_is_a_table(visit, name):
    shown = Instrument(visit, name, 390, java_script_enabled=False)
    table = shown.box.locator("table")
    assert table.is_visible()
    made = INSTRUMENTS[name]()
    texts = [row.inner_text() for row in table.locator("tbody tr").all()]
    assert len(texts) == len(made.rows)
    for text, row in zip(texts, made.rows, strict=True):
        assert text.split() == " ".join(row).split()
    given = shown.box.get_attribute("data-values")
    assert json.loads(given or "{}") == made.values

"""What every chapter shows in the same way."""

import ast
from functools import wraps

import pandas as pd
import pytest

from swatlib.experiments import EXPERIMENTS
from swatlib.plotting.chapter import (
    NETWORK_LABELS,
    RECORDS,
    epochs,
    labelled,
    records,
    show_source,
    source,
    table,
)

RUNS = pd.DataFrame({"s": [0.5, 0.9], "method": ["saw", "swat"], "accuracy": [98.26, 97.5]})


def test_table_rounds_and_leaves_out_the_index():
    shown = table(RUNS, 1).data
    assert "<td>98.3</td>" in shown
    assert "<td>97.5</td>" in shown
    assert shown.count("<th>") == len(RUNS.columns)


def test_table_prints_all_digits_where_asked():
    assert "<td>97.50</td>" in table(RUNS, 2, fixed=True).data


@pytest.mark.parametrize("fixed", [False, True])
def test_table_shows_what_stands_for_a_missing_value(fixed):
    wide = RUNS.pivot(index="s", columns="method", values="accuracy").reset_index()
    assert table(wide, 1, fixed, missing="-").data.count("<td>-</td>") == 2


@pytest.mark.parametrize("values", ["accuracy", ["accuracy", "s"]])
def test_table_has_no_column_for_the_name_that_pivoting_gives_the_columns(values):
    wide = RUNS.assign(row=RUNS["s"]).pivot(index="row", columns="method", values=values)
    shown = table(wide).data
    assert "method" not in shown
    assert "<th></th>" not in shown


def test_table_has_one_decimal_place_by_default():
    assert table(RUNS).data == table(RUNS, 1).data


def test_records_are_one_row_a_run():
    runs = records("detection-coco")
    assert list(runs.index) == list(range(len(runs)))
    assert set(runs["method"]) == {"dense", "fst"}
    assert {"AP", "seed"} <= set(runs.columns)


def test_records_of_several_experiments_stand_one_below_the_other():
    together = records("fst-ablation-digits", "saliency-digits")
    apart = [len(records(name)) for name in ("fst-ablation-digits", "saliency-digits")]
    assert len(together) == sum(apart)
    assert together.index.is_unique


def test_epochs_are_one_row_an_epoch():
    runs, rows = records("detection-coco"), epochs("detection-coco")
    assert len(rows) == runs["epochs"].sum()
    assert rows.groupby("method")["epoch"].max().eq(60).all()
    twice = epochs("detection-coco", "detection-coco")
    assert len(twice) == 2 * len(rows)
    assert twice.index.is_unique


@pytest.mark.parametrize("read", [records, epochs])
def test_an_experiment_without_records_is_named(read):
    with pytest.raises(ValueError, match="no records of an experiment 'digits-of-pi'"):
        read("detection-coco", "digits-of-pi")


def test_records_lie_where_experiments_are_named():
    folders = {path.name for path in RECORDS.iterdir() if path.is_dir()}
    assert folders & set(EXPERIMENTS)


def test_labelled_gives_labels_and_keeps_what_has_none():
    runs = pd.DataFrame({"method": ["swat", "no such method"], "network": "small_vgg"})
    assert list(labelled(runs, "method")["method"]) == ["SWAT", "no such method"]
    assert set(labelled(runs, "network", NETWORK_LABELS)["network"]) == {"plain"}
    assert list(runs["method"]) == ["swat", "no such method"], "the frame itself has changed"


def announced(function):
    @wraps(function)
    def wrapper(*args):
        return function(*args)

    return wrapper


@announced
def double(x):
    """Return twice ``x``."""
    # Adding is enough.
    return x + x


class Pair:
    """Two numbers."""

    def __init__(self, first, second):
        self.first, self.second = first, second

    @property
    def total(self):
        """Their sum."""
        return self.first + self.second

    def without(self): ...


def test_source_of_a_decorated_function_has_its_decorator():
    text = source(double)
    assert text.startswith("@announced\ndef double(x):")
    assert "Adding is enough" in text
    assert not text.endswith("\n")


def test_source_without_docstring_has_all_the_rest():
    text = source(double, docstring=False)
    assert "Return twice" not in text
    assert text.replace(" ", "") == source(double).replace(
        '"""Return twice ``x``."""\n', ""
    ).replace(" ", "")


def test_source_of_a_method_and_a_property_starts_at_the_left_margin():
    assert source(Pair.__init__).startswith("def __init__(self, first, second):\n    self.first")
    assert source(Pair.total).startswith('@property\ndef total(self):\n    """Their sum."""\n')
    assert "Their sum" not in source(Pair.total, docstring=False)


def test_source_of_a_class_without_its_docstring_keeps_those_of_its_methods():
    text = source(Pair, docstring=False)
    assert "Two numbers" not in text
    assert "Their sum" in text


def test_what_has_no_docstring_stays_as_it_is():
    assert source(Pair.without, docstring=False) == source(Pair.without)
    assert source(Pair.__init__, docstring=False) == source(Pair.__init__)


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("swatlib.kernels.nm.nm_mask", "@explained(x=checks.tensor)"),
        ("swatlib.core.products.Product", "class Product(Function):"),
        ("swatlib.core.products.Product.backward", "@staticmethod"),
        ("swatlib.core.sparse_layer.SparseLayer.recipe", "@property"),
        ("swatlib.methods.recipe", "@checked(sparsity=checks.sparsity)"),
    ],
)
def test_source_by_dotted_name(name, first):
    text = source(name)
    assert text.startswith(first)
    assert ast.parse(text)


def test_source_of_a_custom_operator_is_found_by_name():
    text = source("swatlib.kernels.nm._nm_mask")
    assert text.startswith('@torch.library.custom_op("swatlib::nm_mask"')
    assert "def _nm_mask(" in text


@pytest.mark.parametrize("docstring", [True, False])
def test_dotted_name_and_thing_have_one_source(docstring):
    from swatlib.kernels.nm import beaten_by

    assert source(beaten_by, docstring) == source("swatlib.kernels.nm.beaten_by", docstring)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nm_mask", "must be a dotted name of the library, got 'nm_mask'"),
        ("swotlib.kernels.nm", "must be a dotted name of the library, got 'swotlib.kernels.nm'"),
        ("swatlib.kernels.nm.mn_mask", "names nothing: there is no 'mn_mask'"),
        ("swatlib.methods.saw", "names nothing: there is no 'saw'"),  # defined elsewhere
        ("swatlib.core.products.Product.sideways", "names nothing: there is no 'sideways'"),
    ],
)
def test_a_name_of_nothing_is_refused(name, message):
    with pytest.raises(ValueError, match=message):
        source(name)


def test_show_source_shows_things_one_below_the_other():
    shown = show_source(double, "swatlib.kernels.nm.beaten_by", docstring=False)
    expected = (source(double, False), source("swatlib.kernels.nm.beaten_by", False))
    assert shown.data == "\n\n".join(expected)
    assert "highlight" in shown._repr_html_()

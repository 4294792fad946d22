"""The printed numbers: complete, sourced, and consistent with themselves."""

import pandas as pd
import pytest

from swatlib.papers import paper_number, paper_table, paper_tables, paper_wide

OWN = [name for name in paper_tables() if name.startswith(("swat-", "iclr-", "fst-"))]


@pytest.mark.parametrize("name", OWN)
def test_every_number_has_a_source_and_stands_once(name: str) -> None:
    frame = paper_table(name)
    assert (frame["source"].str.len() > 0).all()
    assert (frame["quantity"].str.len() > 0).all()
    assert not frame.duplicated(["item", "network", "method", "level", "quantity"]).any()


@pytest.mark.parametrize(
    ("name", "rows", "columns"),
    [
        ("swat-table-2", 13, 9),
        ("swat-table-3", 18, 9),
        ("swat-table-4", 6, 10),
        ("swat-table-5", 10, 10),
        ("swat-table-6", 3, 2),
        ("fst-table-3", 21, None),
    ],
)
def test_tables_are_complete(name: str, rows: int, columns: int | None) -> None:
    frame = paper_table(name)
    assert len(frame[["network", "method", "level"]].drop_duplicates()) == rows
    if columns:
        assert frame["quantity"].nunique() == columns


@pytest.mark.parametrize("name", ["swat-table-2", "swat-table-3", "swat-table-4", "swat-table-5"])
def test_accuracy_change_is_accuracy_less_baseline(name: str) -> None:
    # Catches a slip of the typist: three printed columns must agree up to their rounding.
    wide = paper_wide(name)
    change = wide["accuracy"] - wide["baseline_accuracy"]
    assert (change - wide["accuracy_change"]).abs().max() < 0.1001


@pytest.mark.parametrize("name", ["swat-table-2", "swat-table-3", "swat-table-4"])
def test_compression_follows_from_weight_sparsity(name: str) -> None:
    wide = paper_wide(name)
    # SET and DSR leave downsampling layers dense (section 4.2): their compression is lower.
    wide = wide[~wide["method"].isin(["SET", "DSR"])]
    expected = 1 / (1 - wide["weight_sparsity"] / 100)
    assert ((expected - wide["model_compression"]).abs() < 0.07 + 0.01 * expected).all()


def test_words_are_kept_and_not_numbers() -> None:
    frame = paper_table("swat-table-3")
    default = frame[frame["value"] == "DS"]
    assert len(default) == 20
    assert default["number"].isna().all()


def test_stated_figures() -> None:
    text = paper_table("iclr-text").set_index(["item", "level"])["number"]
    assert text["Figure 7", "70"] == 3.3
    # The element counts of FST's section 4 give its factor of "about 12000".
    fst = paper_table("fst-text").set_index("quantity")["number"]
    assert fst["x_elements"] / fst["w_elements"] == pytest.approx(12_544)


def test_wide_keeps_the_order_of_the_paper() -> None:
    wide = paper_wide("swat-table-6")
    assert wide["level"].tolist() == ["0", "80", "90"]
    assert wide["backward_speedup"].tolist() == [1, 3.4, 6.3]
    assert isinstance(wide, pd.DataFrame)


def test_unknown_table() -> None:
    with pytest.raises(ValueError, match=r"name must be one of .*swat-table-1.*got 'table-9'"):
        paper_table("table-9")


def test_one_number_is_found_by_what_tells_it_from_others() -> None:
    assert paper_number("swat-text", "train_flops_reduction", item="abstract") == 80
    with pytest.raises(ValueError, match="swat-text has 2 numbers"):
        paper_number("swat-text", "remaining_flops_ratio", item="section 4.2")

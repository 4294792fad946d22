"""What every chapter shows in the same way."""

import pandas as pd
import pytest

from swatlib.plotting.chapter import table

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

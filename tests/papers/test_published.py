"""Published accuracies: each with a place, and those of SWAT's Table 2 as that table has them."""

import pytest

from swatlib.papers import paper_table
from swatlib.papers.published import published_results


def test_every_result_has_a_place_and_is_a_percentage() -> None:
    found = published_results()
    assert found["place"].str.len().min() > 5
    assert found["accuracy"].between(50, 100).all()
    assert found["sparsity"].between(0, 100, inclusive="neither").all()
    assert not found.duplicated(["source", "network", "method", "sparsity"]).any()
    assert (found["dense"].isna() | found["dense"].between(90, 100)).all()


def test_a_change_is_accuracy_less_dense() -> None:
    # SRigL's notebook: ResNet-18, 95.45 dense, 95.06 with RigL at 90 %.
    found = published_results().set_index(["source", "method", "sparsity"])
    assert found.loc[("SRigL", "RigL", 90.0), "change"] == pytest.approx(-0.39)


def test_what_swat_quotes_is_in_its_table() -> None:
    table = paper_table("swat-table-2")
    printed = table[table["quantity"] == "accuracy"]["number"].tolist()
    quoted = published_results().query("source == 'SWAT'")["accuracy"]
    assert len(quoted) == 4
    assert all(value in printed for value in quoted)

"""Paired differences against a calculation by hand."""

import pandas as pd
import pytest

from swatlib.analysis.statistics import paired_difference

RUNS = pd.DataFrame(
    [
        {"method": m, "sparsity": 0.9, "seed": s, "test_accuracy": a}
        for m, accuracies in (("a", (90.0, 80.0, 70.0)), ("b", (89.0, 78.0, 67.0)))
        for s, a in enumerate(accuracies)
    ]
)


def test_mean_and_interval_over_pairs() -> None:
    (row,) = paired_difference(RUNS, "a", "b", "sparsity").to_dict("records")
    # Differences 1, 2, 3: mean 2, standard deviation 1, t(2) at 97.5 % is 4.3027.
    assert row["mean"] == pytest.approx(2)
    assert row["high"] - row["mean"] == pytest.approx(4.302653 / 3**0.5, rel=1e-5)
    assert row["n"] == 3
    assert row["all_positive"]
    assert not paired_difference(RUNS, "b", "a", "sparsity")["all_positive"].item()


def test_unpaired_runs_are_left_out() -> None:
    (row,) = paired_difference(RUNS.iloc[:-1], "a", "b", ["sparsity"]).to_dict("records")
    assert row["n"] == 2


@pytest.mark.parametrize("frame", [RUNS[RUNS.method == "a"], pd.concat([RUNS, RUNS])])
def test_no_pairs_or_doubled_runs_are_refused(frame: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match="must"):
        paired_difference(frame, "a", "b", "sparsity")

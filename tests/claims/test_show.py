"""Tables of findings: small scale is said with the verdict, what is missing is named."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from claims_toys import BASE, SWAT, TOYS, toy_claim, write
from scipy import stats

from swatlib.claims.claim import OPEN
from swatlib.claims.effect import DENSELY, Effect
from swatlib.claims.show import contrasts, findings, frame, verdicts, word
from swatlib.training import DENSE

EFFECT = Effect("90 %", SWAT, DENSELY, "below", 1.0)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    every = [
        replace(BASE, **(DENSE | dict(one)), seed=seed)
        for one in (DENSELY, SWAT)
        for seed in range(3)
    ]
    write(tmp_path, lambda run: 90.0 - 5 * bool(run.sparsity), every)
    return tmp_path


def test_small_scale_is_said_with_the_verdict(root: Path) -> None:
    found = findings([toy_claim(EFFECT)], records=root)
    assert word(found["n-toy"]) == "reproduced, at small scale"
    row = frame(found.values()).iloc[0]
    assert row["grade"] == "B"
    assert row["ours"] == "90 %: -5.00 [-5.00, -5.00] points"
    assert row["stands on"] == "toys: dense 90.0 %, 120 steps, 3 seeds, 6 runs"
    assert "at small scale" in verdicts(found).data


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    found = findings([toy_claim(EFFECT)], records=tmp_path)
    row = frame(found.values()).iloc[0]
    assert row["verdict"] == OPEN
    assert row["grade"] == ""
    assert "missing: swat 0.9 small_resnet on digits, seeds 0, 1, 2" in row["ours"]


def test_other_scales_follow(root: Path) -> None:
    twice = replace(TOYS, name="toys again")
    found = findings([toy_claim(EFFECT, scales=(TOYS, twice))], records=root)
    assert len(frame(found.values())) == 2
    assert len(frame(found.values(), scales=False)) == 1


def runs_of(**values: tuple[float, ...]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"method": method, "seed": seed, "test_accuracy": value}
            for method, each in values.items()
            for seed, value in enumerate(each)
        ]
    )


def test_contrasts_pair_where_it_helps() -> None:
    runs = runs_of(a=(1.0, 2.0, 3.0), b=(0.0, 1.1, 1.9), c=(3.0, 2.0, 0.5), d=(9.0,))
    found = contrasts(runs, {"a - b": ("a", "b"), "a - c": ("a", "c")}).set_index("difference")
    low, high = stats.t.interval(0.95, 2, 1.0, stats.sem([1.0, 0.9, 1.1]))
    assert found.loc["a - b", ["mean", "low", "high"]].tolist() == pytest.approx([1.0, low, high])
    welch = stats.ttest_ind((1, 2, 3), (3, 2, 0.5), equal_var=False).confidence_interval()
    assert found.loc["a - c", ["low", "high"]].tolist() == pytest.approx([welch.low, welch.high])
    assert found["paired"].tolist() == [True, False]
    assert found["seeds"].tolist() == [3, 3]
    with pytest.raises(ValueError, match="two seeds of 'a' and 'd'"):
        contrasts(runs, {"a - d": ("a", "d")})

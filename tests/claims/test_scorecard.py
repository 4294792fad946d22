"""The scorecard: one row for each claim, safe HTML, counts that add up."""

from dataclasses import replace
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from claims_toys import BASE, SWAT, toy_claim, write

from swatlib.claims.claim import VERDICTS, Claim
from swatlib.claims.effect import DENSELY, Effect
from swatlib.claims.judge import Finding
from swatlib.claims.scorecard import counts, most_telling, open_claims, scorecard, weaknesses
from swatlib.claims.show import findings
from swatlib.training import DENSE

CLAIM = toy_claim(Effect("90 %", SWAT, DENSELY, "below", 1.0))
OPEN = Claim(
    "f-open", "F", "Table <1>", "A & B are <equal>.", "1 < 2", "exact", "toys/01-toys", "a count"
)


@pytest.fixture
def found(tmp_path: Path) -> dict[str, Finding]:
    every = [
        replace(BASE, **(DENSE | dict(one)), seed=seed)
        for one in (DENSELY, SWAT)
        for seed in range(3)
    ]
    write(tmp_path, lambda run: 90.0 - 5 * bool(run.sparsity), every)
    return findings([CLAIM, replace(OPEN, weakness="one run")], records=tmp_path)


def test_every_claim_is_a_row_with_its_verdict_and_chapter(found: dict[str, Finding]) -> None:
    table = BeautifulSoup(scorecard(found.values(), "../").data, "html.parser")
    rows = table.select("tbody tr")
    assert [row["data-verdict"] for row in rows] == ["reproduced", "open"]
    assert [row["data-grade"] for row in rows] == ["B", "open"]
    assert [row["data-paper"] for row in rows] == ["N", "F"]
    assert {link["href"] for link in table.select("a")} == {"../toys/01-toys.html"}
    assert all(len(row.select("td")) == len(table.select("th")) for row in rows)
    assert "A & B are <equal>." in rows[1].text
    assert table.select("thead th[scope=col]")


def test_counts_add_up(found: dict[str, Finding]) -> None:
    for by in ("grade", "paper", "kind"):
        frame = counts(found.values(), by)
        assert frame[list(VERDICTS)].to_numpy().sum() == len(found)
    assert list(counts(found.values())["grade"]) == ["B", "open"]


def test_open_claims_say_what_it_takes(found: dict[str, Finding]) -> None:
    text = open_claims(found.values()).data
    assert "a count" in text
    assert "Toys" not in text


def test_weaknesses_and_the_most_telling(found: dict[str, Finding]) -> None:
    assert "one run" in weaknesses(found.values()).data
    assert "Toys do not mind." in most_telling(found, ("n-toy",)).data
    with pytest.raises(KeyError):
        most_telling(found, ("n-none",))

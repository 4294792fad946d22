"""How a chapter and the scorecard show what is known of claims."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd
from IPython.display import HTML

from swatlib.checked import checked
from swatlib.claims.claim import OPEN, PAPERS, Claim
from swatlib.claims.intervals import MOST_SEEDS, difference, half_width
from swatlib.claims.judge import RECORDS, Estimate, Finding, judge
from swatlib.claims.quantity import Quantity
from swatlib.plotting.chapter import table

_MOST_NAMED = 3


@checked(claims=None)
def findings(claims: Iterable[Claim], records: Path | str = RECORDS) -> dict[str, Finding]:
    """Judge claims and return the findings by the claims' names.

    Parameters
    ----------
    claims : iterable of Claim
        Such as a chapter's ``CLAIMS``.
    records : Path
        Folder with one folder of records for each experiment.
    """
    return {one.id: judge(one, records) for one in claims}


def word(finding: Finding) -> str:
    """Return the verdict as a reader is told it: small scale is said with the verdict itself."""
    return f"{finding.verdict}, at small scale" if finding.grade == "B" else finding.verdict


def ours(finding: Finding) -> str:
    """Return our numbers in words, each with its interval; empty if there is none."""
    found = [_words(estimate) for estimate in finding.estimates]
    found += [_said(quantity) for quantity in finding.quantities]
    return "; ".join(found)


def _words(estimate: Estimate) -> str:
    name = f"{estimate.effect.name}: " if estimate.effect.name else ""
    text = (
        f"{name}{estimate.mean:+.2f} [{estimate.low:+.2f}, {estimate.high:+.2f}] "
        f"{estimate.effect.unit}"
    )
    if estimate.diverged:
        text += f", {estimate.diverged} of {estimate.runs} runs diverged"
    if estimate.verdict == OPEN:
        more = max(estimate.needed, estimate.seeds + 1)
        many = f"more than {MOST_SEEDS:,}" if more >= MOST_SEEDS else f"about {more}"
        text += f", undecided: {many} seeds would do"
    return text


def _said(quantity: Quantity) -> str:
    name = f"{quantity.name}: " if quantity.name else ""
    unit = f" {quantity.unit}" if quantity.unit else ""
    return f"{name}{quantity.ours:.4g}{unit}"


def missing_words(finding: Finding) -> str:
    """Return what is missing in words, the first few by name; empty if nothing is."""
    if not finding.missing:
        return ""
    named = "; ".join(finding.missing[:_MOST_NAMED])
    more = len(finding.missing) - _MOST_NAMED
    return f"missing: {named}" + (f" and {more} more" if more > 0 else "")


def frame(found: Iterable[Finding], scales: bool = True) -> pd.DataFrame:
    """Return findings as a table, one row each.

    Parameters
    ----------
    found : iterable of Finding
    scales : bool
        Whether the claim's other scales with records follow, one row each.

    Returns
    -------
    DataFrame
        Columns ``claim``, ``verdict``, ``grade``, ``ours``, ``the paper`` and ``stands on``.
    """
    rows = []
    for finding in found:
        claim = finding.claim
        rows.append(_row(finding, claim.statement, f"{claim.says} ({PAPERS[claim.paper]})"))
        if scales:
            rows += [_row(one, "", "") for one in finding.others if one.estimates]
    return pd.DataFrame(rows)


def ground(finding: Finding) -> str:
    """Return what a finding stands on, and a larger scale whose runs are there and undecided."""
    text = ": ".join(part for part in (finding.scale, finding.stands_on) if part)
    if (larger := finding.larger) is None:
        return text
    return f"{text}; {larger.scale}, complete ({larger.stands_on}): {ours(larger)}"


def _row(finding: Finding, statement: str, says: str) -> dict[str, str]:
    return {
        "claim": statement,
        "verdict": word(finding),
        "grade": "" if finding.grade == OPEN else finding.grade,
        "ours": ours(finding) or missing_words(finding),
        "the paper": says,
        "stands on": ground(finding),
    }


def verdicts(found: dict[str, Finding], *names: str) -> HTML:
    """Show findings as a chapter's table of verdicts, all of them or those named."""
    return table(frame(found[name] for name in names or found))


@checked(questions=None)
def contrasts(
    runs: pd.DataFrame,
    questions: Mapping[str, tuple[str, str]],
    value: str = "test_accuracy",
    column: str = "method",
) -> pd.DataFrame:
    """Compare kinds of runs as claims are judged: paired by seed where that helps.

    Parameters
    ----------
    runs : DataFrame
        One row for each run, with its ``seed``.
    questions : mapping
        What is asked, with the two values of ``column`` whose difference answers it.
    value, column : str
        What is compared, and what tells the two apart.

    Returns
    -------
    DataFrame
        ``difference``; ``mean``, ``low`` and ``high`` of its 95 % interval, see
        :func:`swatlib.claims.intervals.difference`; ``seeds`` that both have; ``correlation`` of
        the two over the seeds, and whether they are ``paired``.

    Raises
    ------
    ValueError
        If two runs of one kind have one seed, or two kinds have fewer than two seeds in common.
    """
    rows = []
    for question, pair in questions.items():
        chosen = runs[runs[column].isin(pair)]
        wide = chosen.pivot(index="seed", columns=column, values=value).dropna()
        if len(wide) < 2 or not {*pair} <= {*wide.columns}:
            raise ValueError(f"runs must hold two seeds of {pair[0]!r} and {pair[1]!r}")
        first, second = (wide[name].to_numpy(float) for name in pair)
        mean, error, freedom, paired, correlation = difference(first, second)
        half = half_width(error, freedom)
        rows.append(
            {
                "difference": question,
                "mean": mean,
                "low": mean - half,
                "high": mean + half,
                "seeds": len(wide),
                "correlation": correlation,
                "paired": paired,
            }
        )
    return pd.DataFrame(rows)

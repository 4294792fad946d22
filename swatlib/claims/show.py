"""How a chapter and the scorecard show what is known of claims."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd
from IPython.display import HTML

from swatlib.checked import checked
from swatlib.claims.claim import OPEN, PAPERS, Claim
from swatlib.claims.judge import RECORDS, Finding, judge
from swatlib.plotting.chapter import table

_MOST_NAMED = 3


@checked(claims=None)
def findings(
    claims: Iterable[Claim], chapter: str | None = None, records: Path | str = RECORDS
) -> dict[str, Finding]:
    """Judge claims, all or those of one chapter, and return the findings by the claims' names.

    Parameters
    ----------
    claims : iterable of Claim
    chapter : str, optional
        As :attr:`~swatlib.claims.claim.Claim.chapter` has it.
    records : Path
        Folder with one folder of records for each experiment.

    Raises
    ------
    ValueError
        If the chapter has no claim.
    """
    chosen = [one for one in claims if chapter is None or one.chapter == chapter]
    if not chosen:
        raise ValueError(f"chapter {chapter!r} has no claim")
    return {one.id: judge(one, records) for one in chosen}


def word(finding: Finding) -> str:
    """Return the verdict as a reader is told it: small scale is said with the verdict itself."""
    return f"{finding.verdict}, at small scale" if finding.grade == "B" else finding.verdict


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


def _row(finding: Finding, statement: str, says: str) -> dict[str, str]:
    ground = ": ".join(part for part in (finding.scale, finding.stands_on) if part)
    return {
        "claim": statement,
        "verdict": word(finding),
        "grade": "" if finding.grade == OPEN else finding.grade,
        "ours": finding.ours or missing_words(finding),
        "the paper": says,
        "stands on": ground,
    }


def verdicts(found: dict[str, Finding], *names: str) -> HTML:
    """Show findings as a chapter's table of verdicts, all of them or those named."""
    return table(frame(found[name] for name in names or found))

"""The scorecard: every claim in one table, and the counts of its verdicts.

The table is plain HTML that a page's script may make sortable and filterable; without a script it
reads as it is. Each row carries its paper, verdict and grade as ``data-`` attributes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

import pandas as pd
from IPython.display import HTML

from swatlib.checked import checked
from swatlib.claims.claim import PAPERS, VERDICTS
from swatlib.claims.judge import Finding
from swatlib.claims.show import frame, missing_words, ours
from swatlib.plotting.chapter import table

GRADES = ("exact", "A", "B", "open")

MOST_TELLING = (
    "n-fwd-weights-beat-activations",
    "n-bwd-wa-robust",
    "i-bwd-grad-below-wa",
    "n-negligible-impact",
    "n-t3-u-accuracy",
    "i-50-beneficial",
    "n-fig6-best-tradeoff",
    "n-nonuniform-better",
    "n-freeze-early-harms",
    "n-mask-gradients-harm",
    "n-period-1000-free",
    "n-threshold-constant",
    "i-pruned-for-free",
    "i-only-topk-saved",
    "n-abs-act-memory",
    "n-t6-training-33",
    "f-t1-gradients-collapse",
    "f-t5-restoration-helps",
    "f-fst-2x",
)
"""The fifteen claims that matter most to a reader, some with the claim that goes with it."""

_HEADINGS = ("claim", "paper", "verdict", "grade", "ours", "the paper's", "stands on", "chapter")


@checked(found=None)
def scorecard(found: Iterable[Finding], page: str = "") -> HTML:
    """Return every finding as a row of one HTML table.

    Parameters
    ----------
    found : iterable of Finding
    page : str
        The path from the page to the book's root, such as ``"../"``, before links to chapters.
    """
    head = "".join(f'<th scope="col">{escape(one)}</th>' for one in _HEADINGS)
    rows = "\n".join(_row(one, page) for one in found)
    head = f"<thead><tr>{head}</tr></thead>"
    return HTML(f'<table class="scorecard">{head}\n<tbody>\n{rows}\n</tbody></table>')


def _row(finding: Finding, page: str) -> str:
    claim = finding.claim
    (shown,) = frame([finding], scales=False).to_dict("records")
    link = f'<a href="{page}{claim.chapter}.html">{escape(claim.chapter.split("/")[-1])}</a>'
    cells = (
        f"{escape(claim.statement)} <code>{claim.id}</code>",
        f"{escape(PAPERS[claim.paper])}, {escape(claim.place)}",
        escape(shown["verdict"]),
        escape(finding.grade),
        escape(ours(finding) or missing_words(finding)),
        escape(claim.says),
        escape(shown["stands on"]),
        link,
    )
    attributes = (
        f'data-paper="{claim.paper}" data-verdict="{finding.verdict}" data-grade="{finding.grade}"'
    )
    return f"<tr {attributes}>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


@checked(found=None)
def counts(found: Iterable[Finding], by: str = "grade") -> pd.DataFrame:
    """Count verdicts by grade, or by what else a claim has: its paper or its kind.

    Parameters
    ----------
    found : iterable of Finding
    by : str
        "grade", "paper" or "kind".

    Returns
    -------
    DataFrame
        A row for each value, a column for each verdict.
    """
    pairs = [(one.grade if by == "grade" else getattr(one.claim, by), one.verdict) for one in found]
    every = pd.DataFrame(pairs, columns=[by, "verdict"])
    seen = [grade for grade in GRADES if grade in set(every[by])] if by == "grade" else None
    wide = every.groupby([by, "verdict"]).size().unstack("verdict", fill_value=0)
    wide = wide.reindex(columns=list(VERDICTS), fill_value=0)
    return (wide.reindex(seen) if seen else wide).rename_axis(columns=None).reset_index()


@checked(found=None)
def open_claims(found: Iterable[Finding]) -> HTML:
    """Return the claims that are open with what it would take to decide each."""
    rows = [
        {
            "claim": one.claim.statement,
            "decided by": one.claim.needs,
            "so far": ours(one) or missing_words(one),
        }
        for one in found
        if one.verdict == "open"
    ]
    return table(pd.DataFrame(rows, columns=["claim", "decided by", "so far"]))


@checked(found=None)
def weaknesses(found: Iterable[Finding]) -> HTML:
    """Return where a paper contradicts itself or another, or has little to show for a claim."""
    rows = [
        {
            "claim": one.claim.statement,
            "paper": PAPERS[one.claim.paper],
            "its own evidence": one.claim.weakness,
        }
        for one in found
        if one.claim.weakness
    ]
    return table(pd.DataFrame(rows, columns=["claim", "paper", "its own evidence"]))


def most_telling(found: dict[str, Finding], names: Sequence[str] = MOST_TELLING) -> HTML:
    """Return the claims that matter most to a reader as a chapter's table of verdicts."""
    return table(frame((found[name] for name in names), scales=False))

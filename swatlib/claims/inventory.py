"""All claims of the three papers, by their names."""

from collections.abc import Iterable
from itertools import chain

from swatlib.checked import checked
from swatlib.claims import (
    accelerator,
    algorithm,
    allocation,
    counting,
    field,
    foundations,
    fst,
    fst_cost,
    memory,
    sensitivity,
    similarity,
    swat,
)
from swatlib.claims.claim import Claim


def collect(claims: Iterable[Claim]) -> dict[str, Claim]:
    """Return claims by their names.

    Raises
    ------
    ValueError
        If two claims have one name.
    """
    found: dict[str, Claim] = {}
    for one in claims:
        if one.id in found:
            raise ValueError(f"claims must have names of their own, {one.id!r} is there twice")
        found[one.id] = one
    return found


_TOPICS = (
    foundations,
    sensitivity,
    algorithm,
    allocation,
    swat,
    memory,
    counting,
    accelerator,
    fst,
    similarity,
    fst_cost,
    field,
)

CLAIMS = collect(chain.from_iterable(topic.CLAIMS for topic in _TOPICS))
"""Every claim, in the order of the book."""


@checked
def claim(name: str) -> Claim:
    """Return a claim by its name.

    Raises
    ------
    ValueError
        If there is none; the message says which are near.
    """
    if name not in CLAIMS:
        from difflib import get_close_matches

        near = get_close_matches(name, CLAIMS, n=3)
        hint = f"; near it are {', '.join(near)}" if near else ""
        raise ValueError(f"unknown claim {name!r}: `swatlib claims list` shows all{hint}")
    return CLAIMS[name]

"""All claims of the three papers, by their names."""

from collections.abc import Iterable
from itertools import chain

from swatlib.checked import checked
from swatlib.claims.claim import Claim
from swatlib.claims.counting_and_hardware import (
    counting_operations,
    sparse_accelerator,
    table_1,
    table_6,
    what_limits_it,
)
from swatlib.claims.foundations import geometry, top_k, why_train_sparsely
from swatlib.claims.fully_sparse_training import (
    ablation,
    detection,
    information_restoration,
    saliency,
    spatial_similarity,
    two_to_four,
    what_it_costs,
)
from swatlib.claims.swat import (
    accuracy_against_sparsity,
    exploring_topologies,
    how_much_where,
    is_top_k_affordable,
    memory,
    pruned_for_free,
    structured,
    the_algorithm,
    which_entries,
)
from swatlib.claims.the_field import scorecard, side_by_side
from swatlib.claims.what_can_be_dropped import backward, forward


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


_CHAPTERS = (
    why_train_sparsely,
    top_k,
    geometry,
    forward,
    backward,
    the_algorithm,
    which_entries,
    how_much_where,
    structured,
    is_top_k_affordable,
    exploring_topologies,
    accuracy_against_sparsity,
    memory,
    pruned_for_free,
    counting_operations,
    table_1,
    sparse_accelerator,
    table_6,
    what_limits_it,
    two_to_four,
    saliency,
    spatial_similarity,
    information_restoration,
    ablation,
    what_it_costs,
    detection,
    side_by_side,
    scorecard,
)

CLAIMS = collect(chain.from_iterable(chapter.CLAIMS for chapter in _CHAPTERS))
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

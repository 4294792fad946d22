"""Why SWAT-U falls behind a mask that never changes: a question of the book, not of a paper.

The scorecard leaves it out. Its margin was declared before the runs of the suspects: three points,
a quarter of what separated static from SWAT-U in the runs that raised the question. A suspect that
brings back less does not explain the distance.
"""

from dataclasses import replace

from swatlib.claims.claim import Claim, Trained
from swatlib.claims.effect import Effect, way
from swatlib.claims.the_field.side_by_side import CHAPTER, FIELD_PATCHES
from swatlib.experiments.grid import MORE_SEEDS
from swatlib.experiments.suspects import SUSPECTED, WITHOUT

MARGIN = 3.0

SUSPECTS = replace(
    FIELD_PATCHES,
    experiments=("field-patches", "field-suspects-patches"),
    seeds=MORE_SEEDS,
    more=(),
    margin=MARGIN,
)

SWAT_U = way("swat", SUSPECTED)
ERK = way("swat", SUSPECTED, allocation="erk")
STATIC = way("static", SUSPECTED)


def _without(name: str) -> Effect:
    """Return SWAT-U with a suspect taken away, minus SWAT-U."""
    return Effect(name, way("swat", SUSPECTED, **WITHOUT[name]), SWAT_U, "above")


QUESTION = Claim(
    id="n-behind-static",
    paper="N",
    place="Section 4.2",
    statement="Each of these by itself explains more than three of the points by which SWAT-U at "
    "95 % falls behind a random mask that never changes.",
    says="nothing",
    kind="training",
    chapter=CHAPTER,
    needs="SWAT-U at 95 % with one suspect taken away at a time, five seeds on patches.",
    limits="Small networks and photograph patches.",
    decision=Trained(
        (
            Effect("static", STATIC, SWAT_U, "above"),
            _without("activations dense"),
            _without("weights chosen once"),
            _without("weights chosen in the first epoch"),
            _without("first layer sparse"),
            _without("classifier dense"),
            Effect("ERK", ERK, SWAT_U, "above"),
            Effect(
                "activations dense under ERK",
                way("swat", SUSPECTED, **WITHOUT["activations dense, ERK"]),
                ERK,
                "above",
            ),
            Effect(
                "static against the largest weights, chosen once, activations dense",
                STATIC,
                way("swat", SUSPECTED, **WITHOUT["activations dense, weights chosen once"]),
                "above",
            ),
        ),
        (SUSPECTS,),
    ),
)
"""Static minus SWAT-U, SWAT-U without each suspect minus SWAT-U, and two that tell them apart."""

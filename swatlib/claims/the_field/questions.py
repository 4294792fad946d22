"""Questions of the book that no paper answers, asked and judged as claims are.

The scorecard leaves them out. All margins were declared before the runs.
"""

from dataclasses import replace

from swatlib.claims.claim import Claim, Trained
from swatlib.claims.effect import DENSELY, Effect, Scale, Way, way
from swatlib.claims.the_field.side_by_side import CHAPTER, FIELD_PATCHES
from swatlib.experiments.dsg_order import NORM_FIRST, RELU_FIRST
from swatlib.experiments.grid import DIGITS, MORE_SEEDS, PATCHES
from swatlib.experiments.suspects import SUSPECTED, WITHOUT
from swatlib.experiments.transformer import BLOCKS, DOWN, FEED_FORWARD, SQUARED, TRANSFORMER_DIGITS

EXPLAINS = 3.0
"""Points that a suspect brings back: a quarter of what static was found to be above SWAT-U."""

SUSPECTS = replace(
    FIELD_PATCHES,
    experiments=("field-patches", "field-suspects-patches"),
    seeds=MORE_SEEDS,
    more=(),
    margin=EXPLAINS,
)

SWAT_U = way("swat", SUSPECTED)
ERK = way("swat", SUSPECTED, allocation="erk")
STATIC = way("static", SUSPECTED)


def _without(name: str) -> Effect:
    """Return SWAT-U with a suspect taken away, minus SWAT-U."""
    return Effect(name, way("swat", SUSPECTED, **WITHOUT[name]), SWAT_U, "above")


BEHIND_STATIC = Claim(
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
"""Static minus SWAT-U, SWAT-U without each suspect minus SWAT-U, and two that tell them apart.

A suspect counts if taking it away brings back more than the margin; "not reproduced" says that it
does not.
"""


def _in_order(network: str, method: str, sparsity: float = 0.0) -> Way:
    return {**way(method, sparsity), "network": network}


def _loss(name: str, network: str) -> Effect:
    """Return DSG at 50 % minus dense in one order."""
    dsg, dense = _in_order(network, "dsg", 0.5), _in_order(network, "dense")
    return Effect(name, dsg, dense, -3.0)


_NORM_FIRST, _RELU_FIRST = _loss("norm first", NORM_FIRST), _loss("ReLU first", RELU_FIRST)

DSG_ORDER = Claim(
    id="n-dsg-order",
    paper="N",
    place="Section 2",
    statement="DSG at 50 % loses three points, and less in the order of its own paper.",
    says="-3 points; nothing of the order",
    kind="training",
    chapter=CHAPTER,
    needs="DSG at 50 % and dense on a plain network in both orders, five seeds.",
    limits="A small plain network, digits and photograph patches.",
    decision=Trained(
        (
            _NORM_FIRST,
            _RELU_FIRST,
            replace(
                _RELU_FIRST,
                name="ReLU first less norm first",
                expected="above",
                less=_NORM_FIRST,
            ),
        ),
        tuple(
            Scale(name, (base,), (experiment,), seeds=MORE_SEEDS, more=(), margin=1.5)
            for name, base, experiment in (
                ("photograph patches", PATCHES, "dsg-order-patches"),
                ("digits", DIGITS, "dsg-order-digits"),
            )
        ),
    ),
)

_THIN = {**way("activations-2to4", 0.5, only=DOWN), "network": SQUARED}
_SQUARED = {**DENSELY, "network": SQUARED}


def _level(name: str, one: Way, dense: Way = DENSELY) -> Effect:
    return Effect(name, one, dense, "level", 1.0)


TRANSFORMER = Claim(
    id="f-transformer",
    paper="F",
    place="Section 8",
    statement="What costs nothing in convolutional networks costs nothing in a transformer.",
    says="future work",
    kind="training",
    chapter="6-the-field/03-a-transformer",
    needs="The same at full size.",
    decision=Trained(
        (
            _level("SWAT 80%", way("swat", 0.8, only=BLOCKS)),
            _level("SWAT 90%", way("swat", 0.9, only=BLOCKS)),
            _level("SAW 90%", way("saw", 0.9, only=BLOCKS)),
            _level("SR-STE", way("sr-ste", 0.5, only=BLOCKS)),
            _level("FST, weights only", way("fst-weights", 0.5, only=BLOCKS)),
            _level("Hu 2:4", way("hu-2to4", 0.5, only=BLOCKS)),
            _level("S-STE", way("s-ste", 0.5, only=BLOCKS)),
            _level("Hu 2:4, feed-forward only", way("hu-2to4", 0.5, only=FEED_FORWARD)),
            _level("S-STE, feed-forward only", way("s-ste", 0.5, only=FEED_FORWARD)),
            _level("2:4 activations", _THIN, _SQUARED),
            _level("squared ReLU, dense", _SQUARED),
        ),
        (
            Scale(
                "digits, two blocks",
                (TRANSFORMER_DIGITS,),
                ("transformer-digits",),
                seeds=MORE_SEEDS,
                more=(),
            ),
        ),
    ),
)
"""Each way minus the dense network of its own kind: within a point or apart by more."""

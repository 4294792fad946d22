"""Claims about what becomes of gradients that are dropped: lost, reused, or learnt without.

meProp drops them, ReSprop takes the step before's in their place, and SAW keeps them and drops
what they are multiplied by.
"""

from swatlib.claims.claim import Claim, Trained
from swatlib.claims.effect import DENSELY, Effect, Way, against_dense, way
from swatlib.claims.scales import FULL, HUNDRED, SMALL_DIGITS, SMALL_PATCHES, spelled
from swatlib.papers import paper_number
from swatlib.records import Record

CHAPTER = "2-what-can-be-dropped/02-backward"

_TINY_FOR = "100 classes of Tiny ImageNet would stand for ImageNet"

_ONE_RUN = "Curves of single runs over 50 epochs; the dense accuracy is not stated."

_GRADIENTS_DIFFER = (
    "meProp at 50 % ends below 45 % here and at 32.5 % in FST's Table 3, where ReSprop, which also "
    "drops half of the gradient but reuses old ones, keeps 69.8 %: how gradients are dropped "
    "decides as well."
)


def generalisation_gap(record: Record) -> float:
    """Return training minus test accuracy in points, the mean over the first half of the epochs.

    >>> from types import SimpleNamespace
    >>> epoch = {"train_accuracy": 90.0, "test_accuracy": 80.0}
    >>> generalisation_gap(SimpleNamespace(metrics={"epochs": [epoch, epoch | {"x": 0}]}))
    10.0
    """
    epochs = record.metrics["epochs"]
    first = epochs[: (len(epochs) + 1) // 2]
    return sum(one["train_accuracy"] - one["test_accuracy"] for one in first) / len(first)


def _gap(one: Way) -> Way:
    return {**one, "training_accuracy": True}


def _reused_at_once(one: Way) -> Way:
    if one.get("method") != "resprop":
        return one
    return {**one, "options": {**one.get("options", {}), "warmup": 0}}


def _resprop_minus_dense() -> float:
    with_resprop, dense = (
        paper_number("fst-table-3", "accuracy", network="ResNet-18", method=method)
        for method in ("ReSprop", "Baseline")
    )
    return round(with_resprop - dense, 1)


_RESPROP = tuple(
    spelled(scale, f"{scale.name}, no warm-up", _reused_at_once)
    for scale in (SMALL_PATCHES, SMALL_DIGITS)
)


CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="i-meprop-30-converges",
        paper="I",
        place="Section 2.2, Figure 2c",
        statement="meProp at 30 % ends near dense accuracy on a hard task.",
        says="a good solution (no number)",
        kind="training",
        chapter=CHAPTER,
        needs="meProp at 30 % minus dense on a hundred classes (1.5 points) and on CIFAR-10 "
        "(1 point), three and five seeds.",
        decision=Trained(against_dense("meprop", (0.3,), "level"), (FULL,)),
        limits=_TINY_FOR,
        weakness=_ONE_RUN,
    ),
    Claim(
        id="i-meprop-50-fails",
        paper="I",
        place="Section 2.2, Figure 2c; F Table 3",
        statement="meProp at 50 % ends far below dense accuracy on a hard task.",
        says="at most 45 %, 19 points below SAW at 80 %; in F 32.5 against 71.2 %",
        kind="training",
        chapter=CHAPTER,
        needs="meProp at 50 % minus dense and minus SAW at 80 % on a hundred classes and on "
        "CIFAR-10, with the classifier sparse and dense, three and five seeds; 10 points below "
        "dense would reproduce it.",
        decision=Trained(
            (
                Effect("50 %, minus dense", way("meprop", 0.5), DENSELY, "below", 10.0),
                Effect("minus SAW at 80 %", way("meprop", 0.5), way("saw", 0.8), "below", 10.0),
            ),
            (HUNDRED, FULL),
        ),
        limits=_TINY_FOR,
        weakness=f"{_ONE_RUN} {_GRADIENTS_DIFFER}",
    ),
    Claim(
        id="i-meprop-overfits",
        paper="I",
        place="Section 2.2, Figure 2c",
        statement="During the first learning rate, meProp at 50 % has a larger gap between "
        "training and test accuracy than dense training.",
        says="overfits between epochs 5 and 30",
        kind="training",
        chapter=CHAPTER,
        needs="Training accuracy in evaluation mode after every epoch, of meProp at 50 % and dense "
        "on a hundred classes, three seeds; 2 points.",
        decision=Trained(
            (
                Effect(
                    "training minus test accuracy, meProp minus dense",
                    _gap(way("meprop", 0.5)),
                    _gap(DENSELY),
                    "above",
                    2.0,
                    metric=generalisation_gap,
                ),
            ),
            (HUNDRED, SMALL_PATCHES, SMALL_DIGITS),
        ),
        limits=f"{_TINY_FOR}, and the first half of a short run for the first learning rate",
        weakness=_ONE_RUN,
    ),
    Claim(
        id="i-saw-80-converges",
        paper="I",
        place="Section 2.2, Figure 2c",
        statement="SAW at 80 % trains on a hard task and ends above meProp at 50 %.",
        says="64 % against at most 45 %",
        kind="training",
        chapter=CHAPTER,
        needs="SAW at 80 % minus meProp at 50 % and minus dense on a hundred classes and on "
        "CIFAR-10, three and five seeds.",
        decision=Trained(
            (Effect("minus meProp at 50 %", way("saw", 0.8), way("meprop", 0.5), "above"),),
            (HUNDRED, FULL),
        ),
        limits=_TINY_FOR,
        weakness=_ONE_RUN,
    ),
    Claim(
        id="n-resprop-90-backward",
        paper="N",
        place="Section 2, of Goli and Aamodt",
        statement="ReSprop does without up to 90 % of the backward pass's work at little loss.",
        says="up to 90 % of the operations, minimum loss",
        kind="training",
        chapter=CHAPTER,
        needs="ReSprop at 70 and 90 % minus dense on CIFAR-10, five seeds.",
        decision=Trained(against_dense("resprop", (0.7, 0.9), "level"), (FULL, *_RESPROP)),
        weakness="Taken over from ReSprop's paper.",
    ),
    Claim(
        id="f-t3-resprop",
        paper="F",
        place="Table 3, row ReS",
        statement="ReSprop at 50 % loses 1.4 points and ends above meProp at 50 %.",
        says="-1.4 points to dense, +37.3 to meProp",
        kind="training",
        chapter=CHAPTER,
        needs="ReSprop and meProp at 50 % and dense on a hundred classes and on CIFAR-10, three "
        "and five seeds.",
        decision=Trained(
            (
                Effect("minus dense", way("resprop", 0.5), DENSELY, _resprop_minus_dense()),
                Effect("minus meProp", way("resprop", 0.5), way("meprop", 0.5), "above"),
            ),
            (HUNDRED, FULL, *_RESPROP),
        ),
        limits=_TINY_FOR,
        weakness=_GRADIENTS_DIFFER,
    ),
)

"""A claim: what a paper says, where, and what decides it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from swatlib import checks
from swatlib.checked import checked_fields
from swatlib.claims.effect import Effect, Scale
from swatlib.claims.quantity import Quantity

REPRODUCED = "reproduced"
SAME_DIRECTION = "same direction"
NOT_REPRODUCED = "not reproduced"
OPEN = "open"
VERDICTS = (REPRODUCED, SAME_DIRECTION, NOT_REPRODUCED, OPEN)

PAPERS = {
    "N": "SWAT, NeurIPS 2020",
    "I": "SWAT, ICLR 2020 submission",
    "F": "FST, AAAI 2022",
}
KINDS = ("exact", "training", "measurement", "simulation")


@dataclass(frozen=True)
class Trained:
    """A claim that training runs decide.

    Parameters
    ----------
    effects : tuple of Effect
        All of them must hold; they are one family, decided with Holm's correction.
    scales : tuple of Scale
        Where the runs are, the most telling first. The first scale that decides gives the verdict;
        the others are shown beside it.
    """

    effects: tuple[Effect, ...]
    scales: tuple[Scale, ...]

    def __post_init__(self) -> None:
        checked_fields(self)
        for name in ("effects", "scales"):
            if not getattr(self, name):
                raise ValueError(f"{name} must not be empty")
        names = [effect.name for effect in self.effects]
        if len(set(names)) < len(names):
            raise ValueError(f"effects must have names of their own, got {names}")


Decision = Trained | Callable[[], tuple[Quantity, ...]] | None
"""Runs, or a function that returns what it found, or None: nothing here decides it."""


@dataclass(frozen=True)
class Claim:
    """One claim of a paper.

    Parameters
    ----------
    id : str
        Its name: small letters, digits and hyphens, the first letter the paper's.
    paper : str
        "N", "I" or "F", see :data:`PAPERS`.
    place : str
        Section, figure or table; other papers' places after a semicolon.
    statement : str
        What is claimed, in one sentence of ours.
    says : str
        The paper's number, or the direction if it gives none.
    kind : str
        "exact", "training", "measurement" or "simulation".
    chapter : str
        The notebook that treats it, as a path under ``book/`` without its ending.
    needs : str
        What would decide it in full: the runs, or the count.
    decision : Trained, callable or None
        What decides it here. None leaves it open.
    limits : str
        What stands here for the paper's setting, where that cannot be had.
    weakness : str
        Where the paper contradicts itself on it or another one, or has little to show for it.
    trained : str
        Of a measurement on networks that were trained here at small scale: which ones, as a reader
        is told beside the verdict. Its grade is then B.
    """

    id: str
    paper: str
    place: str
    statement: str
    says: str
    kind: str
    chapter: str
    needs: str
    decision: Decision = None
    limits: str = ""
    weakness: str = ""
    trained: str = ""

    def __post_init__(self) -> None:
        checked_fields(
            self,
            id=_identifier,
            paper=partial(checks.one_of, allowed=tuple(PAPERS)),
            place=checks.text,
            statement=checks.text,
            says=checks.text,
            kind=partial(checks.one_of, allowed=KINDS),
            chapter=checks.text,
            needs=checks.text,
            decision=_decision,
            limits=checks.any_text,
            weakness=checks.any_text,
            trained=checks.any_text,
        )
        if self.id[0] != self.paper.lower():
            raise ValueError(f"id must begin with the paper's letter, got {self.id!r}")
        if self.decision is not None:
            trained = isinstance(self.decision, Trained)
            if trained != (self.kind == "training"):
                raise ValueError(f"decision of {self.id!r} does not fit its kind {self.kind!r}")
        if self.trained and self.kind != "measurement":
            raise ValueError(f"trained is said of a measurement only, got a claim of {self.kind!r}")


def _identifier(name: str, value: object) -> str:
    text = checks.text(name, value)
    if not (text.isascii() and text == text.lower() and text.replace("-", "").isalnum()):
        raise ValueError(f"{name} must be small letters, digits and hyphens, got {text!r}")
    return text


def _decision(name: str, value: object) -> object:
    if value is None or isinstance(value, Trained) or callable(value):
        return value
    raise TypeError(f"{name} must be Trained, a function or None, got {value!r}")

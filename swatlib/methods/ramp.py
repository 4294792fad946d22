"""Ramps: what changes in the course of a run, as pure functions of how far the run has come.

The share of weights that an update exchanges falls as a cosine (Dettmers and Zettlemoyer 2019,
Evci et al. 2020); the sparsity rises as a cubic (Zhu and Gupta 2017, Eq. 1).
"""

from dataclasses import dataclass
from functools import partial
from math import cos, pi

from swatlib import checks
from swatlib.checked import checked, checked_fields
from swatlib.methods.method import Progress

LEAST = 20
"""How many updates a whole run has at least, however short, if their period is not given."""

share = partial(checks.number, least=0, most=1)
"""The check of a fraction that may be 0 or 1."""


@checked
def cosine(fraction: float, first: float = 1.0, last: float = 0.0) -> float:
    """Return what falls from ``first`` to ``last`` as half a cosine; constant after fraction 1.

    Examples
    --------
    >>> from swatlib.methods.ramp import cosine
    >>> cosine(0.0, 0.3), round(cosine(0.5, 0.3), 10), cosine(1.0, 0.3)
    (0.3, 0.15, 0.0)
    """
    return last + (first - last) * (1 + cos(pi * _within(fraction))) / 2


@checked
def cubic(fraction: float, first: float = 0.0, last: float = 1.0) -> float:
    """Return what goes from ``first`` to ``last``, fast in the beginning; constant after 1.

    last + (first - last) (1 - fraction)**3 (Zhu and Gupta 2017, Eq. 1): at half of the way seven
    eighths of the change are done.

    Examples
    --------
    >>> from swatlib.methods.ramp import cubic
    >>> cubic(0.0, 0.5, 0.9), cubic(0.5), cubic(2.0, 0.5, 0.9)
    (0.5, 0.875, 0.9)
    """
    return last + (first - last) * (1 - _within(fraction)) ** 3


def _within(fraction: float) -> float:
    return min(max(fraction, 0.0), 1.0)


@dataclass(frozen=True)
class Updates:
    """When a method updates its masks.

    An update follows the optimizer's step, and is due when the number of steps taken is a multiple
    of the period. There is none before the first step, and never one after the last, because what
    it grows could not be trained.

    Parameters
    ----------
    every : int, optional
        Optimizer steps between two updates. If not given, ``usual``, but fewer in a short run, so
        that it would have :data:`LEAST` updates.
    usual : int
        As the paper has it in its long runs. 0 stands for an epoch.
    begin, until : float
        Fractions of the run between which there are updates.
    closing : bool
        Whether there is one at the very end of that time, so that what rises arrives.

    Raises
    ------
    ValueError
        For a period below 1, or fractions outside [0, 1] or in the wrong order.

    Examples
    --------
    >>> from swatlib import Progress
    >>> from swatlib.methods.ramp import Updates
    >>> when = Updates(every=3, until=0.8)
    >>> [step + 1 for step in range(12) if when.due(Progress(step, 12, 4))]
    [3, 6, 9]
    """

    every: int | None = None
    usual: int = 100
    begin: float = 0.0
    until: float = 1.0
    closing: bool = False

    def __post_init__(self) -> None:
        checked_fields(
            self,
            every=checks.optional(checks.count),
            usual=partial(checks.count, least=0),
            begin=share,
            until=share,
        )
        if not self.begin < self.until:
            raise ValueError(f"until must be above begin, {self.begin:g}, got {self.until:g}")

    @checked
    def period(self, progress: Progress) -> int:
        """Return the optimizer steps between two updates."""
        if self.every is not None:
            return self.every
        if not self.usual:
            return progress.epoch_steps
        return max(1, min(self.usual, progress.steps // LEAST))

    @checked
    def end(self, progress: Progress) -> int:
        """Return after how many steps the last update may be: before the last step of the run."""
        return max(1, min(int(self.until * progress.steps), progress.steps - 1))

    @checked
    def due(self, progress: Progress) -> bool:
        """Say whether there is an update after the present step."""
        done, end = progress.step + 1, self.end(progress)
        if not self.begin * progress.steps < done <= min(end, progress.steps - 1):
            return False
        return done % self.period(progress) == 0 or (self.closing and done == end)

    def __str__(self) -> str:
        if self.every is not None:
            period = f"every {self.every} steps"
        else:
            period = f"every {self.usual} steps or less" if self.usual else "after every epoch"
        return period + (f" until {self.until:g} of the run" if self.until < 1 else "")

    @checked
    def fraction(self, progress: Progress) -> float:
        """Return how far the run has come from ``begin`` to the last update, in [0, 1]."""
        begin = self.begin * progress.steps
        return _within((progress.step + 1 - begin) / max(1.0, self.end(progress) - begin))

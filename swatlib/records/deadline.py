"""A deadline for work that comes in pieces, each of which must not be cut."""

from __future__ import annotations

import time
from functools import partial

from swatlib import checks
from swatlib.checked import checked


class Paused(Exception):
    """A run stopped in time, with its state in a checkpoint, at which it will go on."""


class Deadline:
    """When to stop, judged by the longest piece of work so far.

    A piece of work is an epoch of a training, or a whole run that keeps no checkpoints.

    Parameters
    ----------
    seconds : float
        From now on.
    longest : float
        Seconds that a piece is taken to last before any has been seen.

    Attributes
    ----------
    is_over : bool
        What was last said: there is no time for another piece.

    Examples
    --------
    >>> from swatlib.records.deadline import Deadline
    >>> Deadline(60).allows_more(), Deadline(60, longest=61).allows_more()
    (True, False)
    """

    @checked(seconds=partial(checks.number, above=0), longest=partial(checks.number, least=0))
    def __init__(self, seconds: float, longest: float = 0.0) -> None:
        self._usual = longest
        self.begin()
        self._end = self._last + seconds
        self.is_over = False

    def begin(self) -> None:
        """Begin work of another kind: how long its pieces are has not been seen yet."""
        self._last, self.longest = time.monotonic(), self._usual

    def allows_more(self) -> bool:
        """Say whether another piece would end in time; call it between any two."""
        now = time.monotonic()
        self.longest = max(self.longest, now - self._last)
        self._last = now
        self.is_over = now + self.longest > self._end
        return not self.is_over

"""Learning-rate schedules: the rate, as a fraction of its peak, over the course of a run."""

from functools import partial
from math import cos, pi

from swatlib import checks
from swatlib.checked import checked

SCHEDULES = ("cosine", "steps", "constant", "one-cycle")


@checked(
    schedule=partial(checks.one_of, allowed=SCHEDULES),
    progress=partial(checks.number, least=0, most=1),
)
def rate(schedule: str, progress: float) -> float:
    """Return the learning rate, as a fraction of its peak, at ``progress`` in [0, 1] of a run."""
    if schedule == "one-cycle":
        return min((progress + 1e-3) / 0.2, (1 - progress) / 0.8)
    warm_up = min(1.0, (progress + 1e-3) / 0.05)
    if schedule == "cosine":
        return warm_up * 0.5 * (1 + cos(pi * progress))
    if schedule == "steps":
        return warm_up * 0.1 ** ((progress >= 1 / 3) + (progress >= 2 / 3))
    return warm_up

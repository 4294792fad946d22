"""Training: a run as a value, and the loop that the book's records come from."""

from swatlib.training.loop import (
    build,
    evaluate,
    memory_format,
    pretrain_,
    steps,
    train,
    train_run,
)
from swatlib.training.rate import SCHEDULES, rate
from swatlib.training.run import DENSE, PRECISIONS, Run

__all__ = [
    "DENSE",
    "PRECISIONS",
    "SCHEDULES",
    "Run",
    "build",
    "evaluate",
    "memory_format",
    "pretrain_",
    "rate",
    "steps",
    "train",
    "train_run",
]

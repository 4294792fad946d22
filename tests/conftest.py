"""What every test relies on: one thread, a fixed seed, the embedded data, repeatable examples."""

import os
import signal

import pytest
import torch
from hypothesis import HealthCheck, settings

# Timings on a shared machine are chance, and a check that fails once must fail again.
settings.register_profile(
    "swatlib",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("swatlib")

os.environ.pop("SWATLIB_DATA", None)
torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def seeded() -> None:
    """Start every test from the same random state."""
    torch.manual_seed(0)


@pytest.fixture(autouse=True, scope="session")
def _interruptible() -> None:
    """Undo what a shell does to jobs in the background: they, and all they start, ignore SIGINT."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)

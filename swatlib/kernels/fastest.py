"""Which of several ways computes a product: the dense one, the rule's, or the one measured fastest.

A sparse product can be computed in ways that agree up to rounding: as a dense product with zeros in
it, or as a smaller one. Which is fastest depends on shapes, memory format, threads and processor.
:func:`products` says who decides:

    setting   way
    "exact"   the dense-shaped product, always
    "fast"    a fixed rule of shapes: the same way, and so the same bits, in every process (default)
    "auto"    the fastest of all ways, timed once per case in each process, see :func:`choices`

Under "auto" two processes may choose differently, and their results then differ by rounding. Ranks
of one training still agree, because they share the averaged gradient. Sweeps, whose records have
to come out again, always use the default. A step compiled by ``torch.compile`` or captured in a
CUDA graph cannot be timed within: there "auto" is the rule.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from swatlib import checks
from swatlib.clock import times

EXACT, FAST, AUTO = SETTINGS = ("exact", "fast", "auto")
"""What :func:`products` takes."""

DENSE = "dense"
"""The name of the way whose operands have the dense product's shapes."""

ROUNDS, LEAST = 5, 0.1
"""How often a way is timed, the fastest time counts; and the seconds that all rounds take at least,
because short times are disturbed more."""

HOPELESS = 1.5
"""A way that takes so many times the fastest is not timed again."""

MARGIN = 0.95
"""The rule's way stays unless another takes less than this share of its time."""


@dataclass(frozen=True)
class Choice:
    """What was measured once, and chosen since.

    Parameters
    ----------
    product : str
        What is computed.
    case : str
        Shapes, types, memory formats and devices of the operands, and whatever else matters.
    threads : int
        PyTorch's, within an operator.
    seconds : dict
        Of every way, by name.
    way : str
        The one chosen.
    """

    product: str
    case: str
    threads: int
    seconds: dict[str, float]
    way: str


_chosen: dict[tuple[str, str, int], Choice] = {}
# Not a context variable: the backward pass on a GPU runs in a thread of its own.
_setting = FAST


@contextmanager
def products(setting: str) -> Iterator[None]:
    """Have products computed exactly, by rule or as measured, within a ``with`` statement.

    It holds for the whole process, backward passes included, until the statement ends.

    Parameters
    ----------
    setting : str
        "exact": dense-shaped products. "fast", the default everywhere: by a fixed rule of shapes.
        "auto": the fastest way for a case, timed when the case first occurs.

    Raises
    ------
    ValueError
        For any other setting.

    Examples
    --------
    >>> import swatlib, torch
    >>> layer = swatlib.sparsify_(torch.nn.Conv2d(3, 4, 3), swatlib.fst())
    >>> with swatlib.products("auto"):
    ...     layer(torch.randn(2, 3, 8, 8)).sum().backward()
    """
    global _setting
    before, _setting = _setting, checks.one_of("setting", setting, SETTINGS)
    try:
        yield
    finally:
        _setting = before


def current() -> str:
    """Return the setting that holds now: "exact", "fast" or "auto"."""
    return _setting


def choices() -> list[Choice]:
    """Return what this process has measured, in that order; ``pandas.DataFrame`` makes a table."""
    return list(_chosen.values())


def forget() -> None:
    """Forget what was measured: every case is timed again when it next occurs."""
    _chosen.clear()


def way(
    product: str,
    operands: Sequence[Tensor],
    ways: Mapping[str, Callable[[], object]],
    rule: str,
    more: object = "",
) -> str:
    """Return the name of the way to compute a product, as the current setting has it.

    Parameters
    ----------
    product : str
        What is computed, for the table of :func:`choices`.
    operands : sequence of Tensor
        Their shapes, types, memory formats and devices tell one case from another.
    ways : mapping
        Functions without arguments that compute the product, by name; one is "dense". They must
        agree up to rounding and change nothing. They are called only to be timed.
    rule : str
        The way that the fixed rule chooses.
    more : object, optional
        What else tells one case from another, such as a convolution's geometry.
    """
    if _setting == EXACT:
        return DENSE
    if _setting == FAST or len(ways) == 1 or _untimed():
        return rule
    threads = torch.get_num_threads()
    case = ", ".join([*map(_described, operands), *filter(None, [str(more)])])
    key = product, case, threads
    if key not in _chosen:
        taken = _seconds(ways, operands[0].device)
        best = min(taken, key=taken.__getitem__)
        name = best if taken[best] < MARGIN * taken[rule] else rule
        _chosen[key] = Choice(*key, taken, name)
    return _chosen[key].way


def _untimed() -> bool:
    return torch.compiler.is_compiling() or (
        torch.cuda.is_available() and torch.cuda.is_current_stream_capturing()
    )


@torch.no_grad()
def _seconds(ways: Mapping[str, Callable[[], object]], device: torch.device) -> dict[str, float]:
    """Return the least time of each way, called in turns after a first call that prepares it."""
    (taken,) = times(ways, device, turns=1, warm_up=1)
    spent, rounds = sum(taken.values()), 1
    while rounds < ROUNDS or spent < LEAST:
        limit = HOPELESS * min(taken.values())
        near = {name: function for name, function in ways.items() if taken[name] <= limit}
        (now,) = times(near, device, turns=1, warm_up=0)
        taken |= {name: min(taken[name], time) for name, time in now.items()}
        spent, rounds = spent + sum(now.values()), rounds + 1
    return taken


def _described(x: Tensor) -> str:
    if x.is_contiguous():
        layout = "contiguous"
    elif x.ndim == 4 and x.is_contiguous(memory_format=torch.channels_last):
        layout = "channels last"
    else:
        layout = f"strides {tuple(x.stride())}"
    dtype = str(x.dtype).removeprefix("torch.")
    return f"{'x'.join(map(str, x.shape))} {dtype} {layout} {x.device}"

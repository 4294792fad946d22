"""ITOP: in-time over-parameterization (Liu et al. 2021, arXiv 2102.02887, section 4).

RigL and SET with rare updates over the whole run, half of the weights in the first of them. What
counts, the paper says, is the share of all weights that were active at any time, the exploration
rate Rs: observe it with ``observe="active-weights"``.

Where paper and public code differ:

- The code rounds the number of dropped weights up and drops ties as well; its random growth hits
  a number only on average. Here all numbers are exact, and shares are rounded down.
- The step is taken first, then weights and momentum are masked, then the masks are updated by the
  same gradient: so in the code, and here.
- The paper's sizes are ERK: ``allocation="erk"``.
"""

from swatlib import checks
from swatlib.checked import checked
from swatlib.methods.held_weight import Hold
from swatlib.methods.method import Method
from swatlib.methods.ramp import Updates, share
from swatlib.methods.rewire import Rewire
from swatlib.methods.static import held_recipe

LAST = 0.005
"""Share that the last update exchanges."""


@checked(sparsity=checks.sparsity, fraction=share)
def itop_rigl(
    sparsity: float,
    fraction: float = 0.5,
    every: int | None = None,
    first_layer_dense: bool = True,
) -> Method:
    """Return RigL with the updates of ITOP: every 4000 steps, over the whole run.

    Parameters
    ----------
    sparsity : float
        Of the weights, in [0, 1).
    fraction : float
        Share of the active weights that the first update exchanges; it falls to 0.005 as a cosine.
    every : int, optional
        Steps between two updates; 4000 if not given, but fewer in a short run.
    first_layer_dense : bool
        Leave the first layer dense.

    Examples
    --------
    >>> import swatlib
    >>> print(swatlib.method("itop-rigl", 0.9).between[1])
    Rewire(exchange 0.5 to 0.005, grow by gradient, every 4000 steps or less)
    """
    return _itop(
        "RigL-ITOP", sparsity, fraction, Updates(every, 4000), "gradient", first_layer_dense
    )


@checked(sparsity=checks.sparsity, fraction=share)
def itop_set(
    sparsity: float,
    fraction: float = 0.5,
    every: int | None = None,
    first_layer_dense: bool = True,
) -> Method:
    """Return SET with the updates of ITOP: every 1500 steps, by magnitude whatever the sign.

    Parameters
    ----------
    sparsity : float
        Of the weights, in [0, 1).
    fraction : float
        Share of the active weights that the first update exchanges; it falls to 0.005 as a cosine.
    every : int, optional
        Steps between two updates; 1500 if not given, but fewer in a short run.
    first_layer_dense : bool
        Leave the first layer dense.

    Examples
    --------
    >>> import swatlib
    >>> print(swatlib.method("itop-set", 0.9, every=50).between[1])
    Rewire(exchange 0.5 to 0.005, grow at random, every 50 steps)
    """
    when = Updates(every, usual=1500)
    return _itop("SET-ITOP", sparsity, fraction, when, "random", first_layer_dense)


def _itop(
    name: str, sparsity: float, fraction: float, when: Updates, grow: str, first_layer_dense: bool
) -> Method:
    return Method(
        held_recipe(name, sparsity, first_layer_dense=first_layer_dense),
        between=(Hold(), Rewire(when, fraction, min(LAST, fraction), grow)),
    )

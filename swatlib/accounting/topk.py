"""What choosing by magnitude costs beside the products it saves, in operations (ICLR section 3.3).

The threshold is found by selection in linear time and compared with every entry once.
"""

import math
from functools import partial

from swatlib import checks
from swatlib.accounting.layer import Network
from swatlib.checked import checked

PRODUCTS_OF_A_STEP = 3


@checked(sparsity=checks.sparsity)
def comparisons(sparsity: float) -> float:
    """Return how many comparisons Top-K takes for each entry of a long vector.

    Quickselect with one random pivot takes 2 (1 + H) of them on average to find the entry below
    which the share ``sparsity`` lies, where H is the entropy of that share in nats; the threshold
    is then compared with every entry.

    Parameters
    ----------
    sparsity : float
        In [0, 1).

    Examples
    --------
    >>> round(comparisons(0.5) - 1, 3)  # of the median
    3.386
    """
    shares = [share for share in (sparsity, 1 - sparsity) if share > 0]
    entropy = -sum(share * math.log(share) for share in shares)
    return 2 * (1 + entropy) + 1


@checked(sparsity=checks.sparsity, batch=checks.count, period=partial(checks.number, above=0))
def topk_share(traced: Network, sparsity: float, batch: int = 1, period: float = 1.0) -> float:
    """Return the comparisons of Top-K per multiply-accumulate of the dense training step.

    Top-K chooses among the weights and among the inputs of every layer but the first.

    Parameters
    ----------
    traced : Network
        For one image.
    sparsity : float
        In [0, 1).
    batch : int
        Images in a step. The weights are looked at once for all of them.
    period : float
        Steps for which a threshold is kept. The comparison with it is made in every step.
    """
    layers = traced.weighted[1:]
    if not layers:
        raise ValueError("traced must have a layer after the first")
    entries = sum(layer.weights + batch * layer.inputs for layer in layers)
    macs = PRODUCTS_OF_A_STEP * batch * sum(layer.forward_macs for layer in layers)
    return entries * ((comparisons(sparsity) - 1) / period + 1) / macs

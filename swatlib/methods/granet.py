"""GraNet: gradual pruning with zero-cost neuroregeneration (Liu et al. 2021, Algorithm 1).

Each update first prunes all layers together by magnitude, to a sparsity that rises as a cubic in
the first half of the run; then it exchanges weights as RigL does, half of them at first.

Where paper and public code differ: the paper starts from sparsity 0.5 or dense; the code's flags
do not agree on how to say dense; here it is ``initial=0``. Sizes at the start are ERK in the paper:
``allocation="erk"``.
"""

from functools import partial

from swatlib import checks
from swatlib.checked import checked
from swatlib.methods.held_weight import Hold
from swatlib.methods.method import Method
from swatlib.methods.ramp import Updates, share
from swatlib.methods.rewire import Rewire
from swatlib.methods.rising import Rise
from swatlib.methods.static import held_recipe


@checked(
    sparsity=checks.sparsity,
    initial=checks.sparsity,
    fraction=share,
    until=partial(checks.number, above=0, most=1),
)
def granet(
    sparsity: float,
    initial: float = 0.5,
    fraction: float = 0.5,
    every: int | None = None,
    until: float = 0.5,
    first_layer_dense: bool = True,
) -> Method:
    """Return GraNet: pruned gradually over all layers, with RigL's exchange in every update.

    Parameters
    ----------
    sparsity : float
        Of the weights at the end, in [0, 1).
    initial : float
        Sparsity to begin with.
    fraction : float
        Share of the active weights that the first update exchanges; it falls to 0 as a cosine.
    every : int, optional
        Steps between two updates; 1000 if not given, but fewer in a short run.
    until : float
        Fraction of the run in which the sparsity rises; weights are exchanged in all of it.
    first_layer_dense : bool
        Leave the first layer dense.

    Examples
    --------
    >>> import swatlib
    >>> [str(one) for one in swatlib.method("granet", 0.9, every=100).between[1:]]
    ['Rise(from 0.5, until 0.5 of the run, together)', \
'Rewire(exchange 0.5 to 0, grow by gradient, every 100 steps)']
    """
    recipe = held_recipe("GraNet", sparsity, first_layer_dense=first_layer_dense)
    when = Updates(every, usual=1000, until=until, closing=True)
    rise = Rise(Method(recipe, sparsity), when, initial, together=True)
    return Method(
        recipe, sparsity, between=(Hold(), rise, Rewire(Updates(every, usual=1000), fraction))
    )

"""DPF: dynamic pruning with feedback (Lin et al. 2020, Algorithm 1).

Every few steps the mask is chosen anew: the largest magnitudes over all layers, as many as a
sparsity leaves that rises as a cubic until three quarters of the run. Gradients of the pruned
network update all weights, the inactive ones too, which can so come back.

Where paper and public code differ: the paper's masks are those of one threshold for the whole
network, of convolutions only; so is the code's. ``together=False`` chooses by layer, and
``classifier_dense=True`` leaves the last layer whole. The mask is held between two updates, and
not the threshold: a Top-K with a period holds that, and its number of active weights drifts.
"""

from functools import partial

from swatlib import checks
from swatlib.checked import checked
from swatlib.methods.method import Method
from swatlib.methods.ramp import Updates
from swatlib.methods.rising import Rise
from swatlib.methods.static import held_recipe


@checked(
    sparsity=checks.sparsity,
    initial=checks.sparsity,
    until=partial(checks.number, above=0, most=1),
)
def dpf(
    sparsity: float,
    initial: float = 0.0,
    every: int | None = None,
    until: float = 0.75,
    together: bool = True,
    first_layer_dense: bool = True,
) -> Method:
    """Return DPF: masks chosen over all layers every 16 steps, and dense updates.

    Parameters
    ----------
    sparsity : float
        Of the weights at the end, in [0, 1).
    initial : float
        Sparsity to begin with.
    every : int, optional
        Steps between two updates; 16 if not given, but fewer in a short run.
    until : float
        Fraction of the run after which masks stay.
    together : bool
        Choose by magnitude over all layers.
    first_layer_dense : bool
        Leave the first layer dense.

    Examples
    --------
    >>> import swatlib
    >>> print(swatlib.method("dpf", 0.9).between[0])
    Rise(from 0, until 0.75 of the run, together, revive)
    """
    recipe = held_recipe("DPF", sparsity, "magnitude", first_layer_dense, updates="all")
    when = Updates(every, usual=16, until=until, closing=True)
    rise = Rise(Method(recipe, sparsity), when, initial, together, revive=True)
    return Method(recipe, sparsity, between=(rise,))

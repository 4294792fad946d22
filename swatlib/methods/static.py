"""Static: a random mask before the first step, for good; what every other held mask must beat."""

from swatlib import checks
from swatlib.checked import checked
from swatlib.core.recipe import Recipe
from swatlib.methods.held_weight import Hold
from swatlib.methods.method import Method
from swatlib.selectors.held import Held


@checked(sparsity=checks.sparsity)
def held_recipe(
    name: str,
    sparsity: float,
    start: str = "random",
    first_layer_dense: bool = True,
    updates: str = "active",
) -> Recipe:
    """Return a recipe with one held mask for W in Y and in dX.

    Parameters
    ----------
    name : str
    sparsity : float
    start : str
        See :func:`swatlib.selectors.held.first_mask`.
    first_layer_dense : bool
    updates : str
        Which weights a step moves, "active" or "all".
    """
    mask = Held(sparsity, start)
    return Recipe(
        name, first_layer_dense, updates=updates, forward_weight=mask, input_grad_weight=mask
    )


@checked(sparsity=checks.sparsity)
def static(sparsity: float, first_layer_dense: bool = True) -> Method:
    """Return static sparse training: random masks of exact size, never changed.

    The baseline of SET and RigL ("Static" in Evci et al. 2020, section 4).

    Parameters
    ----------
    sparsity : float
        Of the weights, in [0, 1).
    first_layer_dense : bool
        Leave the first layer dense.

    Examples
    --------
    >>> import swatlib
    >>> print(swatlib.method("static", 0.9))
    static (first layer dense, active weights updated)
    forward W                forward X  input-grad W  input-grad G  weight-grad X  weight-grad G
    held 0.9 (start random)  dense      same mask     dense         dense          dense
    between steps: Hold()
    """
    return Method(
        held_recipe("static", sparsity, first_layer_dense=first_layer_dense), between=(Hold(),)
    )

"""S-STE (Hu et al. 2024, 2409.09099): 2:4 weights by a continuous function, and no second mask.

The forward product and the input gradient use the soft threshold of W, see
:class:`~swatlib.selectors.soft.SoftNM`; the gradient passes straight through it to every weight.
Continuous pruning needs neither a decay of pruned weights nor a kept mask. G in dW is drawn by
MVUE. (The paper's 8-bit products are no part of this.)
"""

from swatlib.checked import checked
from swatlib.core.recipe import Recipe
from swatlib.selectors.mvue import MVUE
from swatlib.selectors.soft import SoftNM


@checked
def s_ste(draw_gradients: bool = True, first_layer_dense: bool = True) -> Recipe:
    """Return S-STE: the scaled soft 2:4 threshold of W in Y and in dX, MVUE in dW.

    W is 2:4 along Cin, so it saves half of Y only. Along Cout, over which dX sums, it is not 2:4:
    2:4 hardware computes dX densely, and :func:`swatlib.accounting.method_densities` counts it so.
    The paper makes the two linear layers of feed-forward blocks sparse; choose them by
    ``filter_fn`` of :func:`swatlib.sparsify_`. The weights of a trained model cannot be pruned by
    writing zeros into them, because the soft threshold of pruned weights is another one.

    Parameters
    ----------
    draw_gradients : bool
        False leaves dW dense.
    first_layer_dense : bool
        Leave the first layer dense.

    Examples
    --------
    >>> import swatlib
    >>> print(swatlib.method("s-ste", 0.5))
    S-STE (first layer dense)
    forward W          forward X  input-grad W  input-grad G  weight-grad X  weight-grad G
    soft 2:4 over CHW  dense      same mask     dense         dense          2:4 MVUE over NHW
    """
    soft = SoftNM()
    return Recipe(
        "S-STE",
        forward_weight=soft,
        input_grad_weight=soft,
        weight_grad_gradient=MVUE() if draw_gradients else None,
        first_layer_dense=first_layer_dense,
    )

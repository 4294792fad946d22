"""The recipe of meProp (Sun et al. 2017), which the papers compare with."""

from swatlib import checks
from swatlib.checked import checked
from swatlib.core.recipe import Recipe
from swatlib.selectors import Selector, TopColumns, TopK


@checked(sparsity=checks.sparsity)
def meprop(sparsity: float, unified: bool = False, first_layer_dense: bool = True) -> Recipe:
    """Return meProp: Top-K of the output gradient, per sample, in both backward products.

    With ``unified`` the whole batch keeps the same columns, those of largest summed magnitude.

    Examples
    --------
    >>> import swatlib
    >>> print(swatlib.meprop(0.9))
    meProp (first layer dense)
    forward W  forward X  input-grad W  input-grad G       weight-grad X  weight-grad G
    dense      dense      dense         TopK 0.9 over CHW  dense          same mask
    """
    g: Selector = TopColumns(sparsity) if unified else TopK(sparsity, over="CHW")
    return Recipe(
        "meProp unified" if unified else "meProp",
        input_grad_gradient=g,
        weight_grad_gradient=g,
        first_layer_dense=first_layer_dense,
    )

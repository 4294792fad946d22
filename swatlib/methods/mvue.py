"""MVUE alone: every product dense but dW, which uses half of G, drawn without bias.

Chmiel et al. (2023, 2203.10991) prune the output gradient along the dimension that dW sums over. In
a transformer those are the tokens; of a convolution they are samples and pixels.
"""

from swatlib.checked import checked
from swatlib.core.recipe import Recipe
from swatlib.selectors.mvue import MVUE


@checked
def mvue(pairs: bool = False, first_layer_dense: bool = True) -> Recipe:
    """Return dense training with an unbiased, half sparse output gradient in dW.

    The weight gradient is right on average, and noisier. Random numbers come from torch's global
    state: a run that is continued repeats them if that state is saved, as with dropout.

    Parameters
    ----------
    pairs : bool
        Keep one of every two (1:2) rather than two of every four (2:4) gradients.
    first_layer_dense : bool
        Leave the first layer dense.

    Examples
    --------
    >>> import swatlib
    >>> print(swatlib.method("mvue", 0.5))
    MVUE (first layer dense)
    forward W  forward X  input-grad W  input-grad G  weight-grad X  weight-grad G
    dense      dense      dense         dense         dense          2:4 MVUE over NHW
    """
    drawn = MVUE(1, 2) if pairs else MVUE()
    return Recipe("MVUE", weight_grad_gradient=drawn, first_layer_dense=first_layer_dense)

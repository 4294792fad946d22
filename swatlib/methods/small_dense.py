"""Small-dense: a dense network of as many parameters as the sparse one has.

The baseline of Evci et al. (2020, section 4, "Small-Dense") and of Mostafa and Wang (2019): if a
smaller dense network did as well, nobody would need a sparse one. Its channels are fewer by about
the square root of the density. Mostafa and Wang's code takes 0.54 of ResNet-50's for 80 % and 0.46
for 90 %; ours are found so that the numbers of parameters agree within 1 %.

A run builds the smaller network. A model of one's own is not changed by ``sparsify_``: build it
smaller, with :func:`swatlib.models.narrow.narrow_to_`.
"""

from swatlib import checks
from swatlib.checked import checked
from swatlib.core.recipe import Recipe
from swatlib.methods.method import Method


@checked(sparsity=checks.sparsity)
def small_dense(sparsity: float) -> Method:
    """Return small-dense: all products dense, in a network that is built with fewer channels.

    Parameters
    ----------
    sparsity : float
        Of the sparse network it is compared with, whose first layer, biases and norms are dense.

    Examples
    --------
    >>> import swatlib
    >>> print(swatlib.method("small-dense", 0.9))
    small-dense (first layer dense), as small as at sparsity 0.9
    forward W  forward X  input-grad W  input-grad G  weight-grad X  weight-grad G
    dense      dense      dense         dense         dense          dense
    """
    return Method(Recipe("small-dense"), smaller=sparsity)

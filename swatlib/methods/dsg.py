"""DSG: compute only the outputs that will be large, found in a random projection (Liu et al. 2019).

At each place of a layer's output the filters are ranked by f(X) f(W), short products of X and W
projected by one fixed ternary matrix ("dimension-reduction search"). The largest 1 - s of Cout are
computed, the others are zero. G is masked alike, so that dX and dW are as sparse as Y. The ranking
is by the signed product: a Top-K by magnitude would spend outputs on what ReLU zeroes.

- The length of a projected filter is 4 ln(Cout) / (e^2 / 2 - e^3 / 3) with e = 0.5, the paper's
  tolerance; 512 filters give 299. Here it is no longer than the filter itself. Narrow layers reach
  that, and their Y then costs more than dense.
- The paper finds the threshold in the first sample of a batch, and all of it shares that. So do we,
  place by place. ``shared=False`` ranks each sample by itself, and does not depend on the batch.
- W is projected anew every 50 steps. In between, and in evaluation, f(W) is a little old.
- The paper's layers are convolution, ReLU, batch norm, and it masks again after batch norm, which
  would fill the zeros ("double mask"). In the networks of this library batch norm comes before
  ReLU, and the mask is applied once, to the convolution's output: what is left out enters batch
  norm as zero and leaves it as one number a channel. The three products are as sparse, because G
  is masked; the next layer's X is not, beyond what ReLU zeroes.
  ``small_vgg_relu_first`` has the paper's order and the second mask.
- First layer and classifier are dense: filters of an image are shorter than their projections,
  and a classifier cannot leave out classes. ``classifier_dense=False`` masks the classifier too.

There is no public code of the authors. Here what is left out is computed and zeroed.
"""

from swatlib import checks
from swatlib.checked import checked
from swatlib.core.recipe import Recipe
from swatlib.methods.method import Method
from swatlib.selectors.projected import Projected


@checked(
    sparsity=checks.sparsity,
    projection=checks.optional(checks.count),
    refresh=checks.count,
)
def dsg(
    sparsity: float,
    projection: int | None = None,
    refresh: int = 50,
    shared: bool = True,
    first_layer_dense: bool = True,
) -> Method:
    """Return DSG: at each place only the outputs that a random projection finds to be largest.

    Parameters
    ----------
    sparsity : float
        Fraction of the outputs that are left out, in [0, 1).
    projection : int, optional
        Length of a projected filter, in all layers; the bound above if not given.
    refresh : int
        Optimizer steps between two projections of the weights.
    shared : bool
        Find the threshold of each place in the first sample of a batch, for all samples.
    first_layer_dense : bool
        Leave the first layer dense.

    Examples
    --------
    >>> import swatlib
    >>> print(swatlib.method("dsg", 0.5))
    DSG (first layer dense), classifier dense
    forward W  forward X  input-grad W  input-grad G  weight-grad X  weight-grad G  Y
    dense      dense      dense         dense         dense          dense          projected 0.5
    """
    outputs = Projected(sparsity, projection, refresh, shared)
    recipe = Recipe("DSG", first_layer_dense, output=outputs)
    return Method(recipe, classifier_dense=True)

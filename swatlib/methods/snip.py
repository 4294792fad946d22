"""SNIP: single-shot network pruning by connection sensitivity (Lee et al. 2019, Algorithm 1).

A weight's sensitivity is the magnitude of its product with its gradient on one batch, which is how
fast the loss changes as the connection is removed (Eqs. 4 to 6). The most sensitive of all layers
together are kept and trained.

Where paper and public code differ:

- The paper scores the weights that it then trains, as we do. The code scores one draw of the
  initialisation and trains another.
- The code prunes biases too; the paper's counts, and ours, are of weights.
- Both take a batch of 100 to 128 images. Here it is the first batch of the run.
"""

from swatlib import checks
from swatlib.checked import checked
from swatlib.methods.first_batch import KeepByFirstBatch
from swatlib.methods.held_weight import Hold
from swatlib.methods.method import Method
from swatlib.methods.static import held_recipe


@checked(sparsity=checks.sparsity)
def snip(sparsity: float, first_layer_dense: bool = False) -> Method:
    """Return SNIP: the weights that the first batch's loss is most sensitive to, for good.

    Layers compete, so that each has a sparsity of its own, known after the start.

    Parameters
    ----------
    sparsity : float
        Of all weights together, in [0, 1).
    first_layer_dense : bool
        Leave the first layer dense.

    Examples
    --------
    >>> import swatlib
    >>> [str(one) for one in swatlib.method("snip", 0.9).between]
    ['KeepByFirstBatch(sparsity=0.9)', 'Hold()']
    """
    return Method(
        held_recipe("SNIP", sparsity, "dense", first_layer_dense),
        between=(KeepByFirstBatch(sparsity), Hold()),
    )

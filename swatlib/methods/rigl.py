"""RigL: rigging the lottery (Evci et al. 2020, Algorithm 1).

Every hundred steps, for the first three quarters of the run, a falling share of each layer's
weights of least magnitude is dropped, and as many grow where the gradient is largest, at zero.

Where paper and public code differ:

- An update takes the place of the optimizer's step in both. Here the step is taken first and the
  update follows, by the same gradient: one step in a hundred more than the paper takes.
- In the code the first update happens at step 0; the paper's pseudocode leaves it open. Here it
  happens when the first period is over.
- The share falls as a cosine in the paper; the code's flag defaults to a constant. We follow the
  paper.
- The code adds noise of 1e-5 to break ties; ours go by position. What is dropped and grown again
  in one update keeps value and momentum, as in the code.
- Uniform sizes with a dense first layer are the default, ERK (``allocation="erk"``) has the first
  layer in its budget; both are the paper's.
"""

from functools import partial

from swatlib import checks
from swatlib.checked import checked
from swatlib.methods.held_weight import Hold
from swatlib.methods.method import Method
from swatlib.methods.ramp import Updates, share
from swatlib.methods.rewire import Rewire
from swatlib.methods.static import held_recipe


@checked(sparsity=checks.sparsity, fraction=share, until=partial(checks.number, above=0, most=1))
def rigl(
    sparsity: float,
    fraction: float = 0.3,
    every: int | None = None,
    until: float = 0.75,
    first_layer_dense: bool = True,
) -> Method:
    """Return RigL: the smallest weights go, those of the largest gradients grow.

    Parameters
    ----------
    sparsity : float
        Of the weights, in [0, 1).
    fraction : float
        Share of the active weights that the first update exchanges; it falls to 0 as a cosine.
    every : int, optional
        Steps between two updates; 100 if not given, but fewer in a short run.
    until : float
        Fraction of the run after which masks stay.
    first_layer_dense : bool
        Leave the first layer dense.

    Examples
    --------
    >>> import swatlib
    >>> method = swatlib.method("rigl", 0.9, allocation="erk", every=200)
    >>> [str(one) for one in method.between]
    ['Hold()', 'Rewire(exchange 0.3 to 0, grow by gradient, every 200 steps until 0.75 of the run)']
    """
    return Method(
        held_recipe("RigL", sparsity, first_layer_dense=first_layer_dense),
        between=(Hold(), Rewire(Updates(every, usual=100, until=until), fraction)),
    )

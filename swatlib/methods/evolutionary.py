"""SET: sparse evolutionary training (Mocanu et al. 2018, "Scalable training ...", Algorithm 1).

After every epoch the share zeta of each layer's positive weights nearest to zero and of its
negative weights nearest to zero is dropped; as many grow at random, at zero.

Where paper and public code differ, or later accounts differ from both:

- SWAT (section 2) says that SET drops the "most negative" weights. Paper and code drop those
  nearest to zero of either sign, and so do we.
- RigL's own SET drops by magnitude whatever the sign: ``signed=False``.
- The code rebuilds its model after every epoch and so restarts all momentum. The paper does not
  ask for it. Here only what is newly grown starts without momentum.
- The paper draws its first mask entry by entry, and sizes layers by Erdos-Renyi (ER); its output
  layer is dense. Here the mask is exact in number, and sizes are uniform as for every method;
  ``allocation="erk"`` and ``classifier_dense=True`` come closer.
"""

from swatlib import checks
from swatlib.checked import checked
from swatlib.methods.held_weight import Hold
from swatlib.methods.method import Method
from swatlib.methods.ramp import Updates, share
from swatlib.methods.rewire import Rewire
from swatlib.methods.static import held_recipe


@checked(sparsity=checks.sparsity, fraction=share)
def set_(
    sparsity: float,
    fraction: float = 0.3,
    every: int | None = None,
    signed: bool = True,
    first_layer_dense: bool = True,
) -> Method:
    """Return SET: the weakest weights of either sign go, random ones grow.

    Parameters
    ----------
    sparsity : float
        Of the weights, in [0, 1).
    fraction : float
        Share of the active weights that each update exchanges.
    every : int, optional
        Steps between two updates; one epoch if not given, as in the paper.
    signed : bool
        Drop by sign, as SET's paper does; else by magnitude alone.
    first_layer_dense : bool
        Leave the first layer dense.

    Examples
    --------
    >>> import swatlib
    >>> print(swatlib.method("set", 0.9))
    SET (first layer dense, active weights updated)
    forward W                forward X  input-grad W  input-grad G  weight-grad X  weight-grad G
    held 0.9 (start random)  dense      same mask     dense         dense          dense
    between steps: Hold(), Rewire(exchange 0.3, by sign, grow at random, after every epoch)
    """
    rewire = Rewire(Updates(every, usual=0), fraction, fraction, "random", signed, fresh=True)
    return Method(
        held_recipe("SET", sparsity, first_layer_dense=first_layer_dense),
        between=(Hold(), rewire),
    )

"""GMP: gradual magnitude pruning (Zhu and Gupta 2017, section 3).

Training begins dense. From a fifth of the run on the weights of least magnitude of each layer are
dropped for good, by a cubic to the sparsity at three quarters. What is dropped gets no gradient.

The paper prunes by layer; the public code named after it that GraNet builds on prunes all layers
together, which ``together`` does.
"""

from functools import partial

from swatlib import checks
from swatlib.checked import checked
from swatlib.methods.held_weight import Hold
from swatlib.methods.method import Method
from swatlib.methods.ramp import Updates
from swatlib.methods.rising import Rise
from swatlib.methods.static import held_recipe

fraction_of_run = partial(checks.number, least=0, most=1)


@checked(sparsity=checks.sparsity, begin=fraction_of_run, until=fraction_of_run)
def gmp(
    sparsity: float,
    every: int | None = None,
    begin: float = 0.2,
    until: float = 0.75,
    together: bool = False,
    first_layer_dense: bool = True,
) -> Method:
    """Return gradual magnitude pruning from a dense start.

    Parameters
    ----------
    sparsity : float
        Of the weights at the end, in [0, 1).
    every : int, optional
        Steps between two updates; 1000 if not given, but fewer in a short run.
    begin : float
        Fraction of the run before which nothing is pruned.
    until : float
        Fraction of the run after which masks stay.
    together : bool
        Prune by magnitude over all layers.
    first_layer_dense : bool
        Leave the first layer dense.

    Examples
    --------
    >>> import swatlib
    >>> print(swatlib.method("gmp", 0.9))
    GMP (first layer dense, active weights updated)
    forward W               forward X  input-grad W  input-grad G  weight-grad X  weight-grad G
    held 0.9 (start dense)  dense      same mask     dense         dense          dense
    between steps: Hold(), Rise(from 0, from 0.2 until 0.75 of the run)
    """
    recipe = held_recipe("GMP", sparsity, "dense", first_layer_dense)
    when = Updates(every, usual=1000, begin=begin, until=until, closing=True)
    rise = Rise(Method(recipe, sparsity), when, together=together)
    return Method(recipe, sparsity, between=(Hold(), rise))

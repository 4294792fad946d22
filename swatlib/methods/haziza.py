"""2:4 activations (after Haziza et al. 2025, 2503.16672): X is pruned where it is mostly zero.

The paper trains and runs language models whose feed-forward networks have a squared ReLU between
their two layers. It leaves so many zeros that a 2:4 mask on what the second layer reads loses
little, and 2:4 hardware multiplies by such an X instead of a sparse W.

The idea is the paper's, the rest of this row is the simplest form of it: the two largest of four
neighbouring channels of a token survive, in Y and, the same ones, in dW; gradients pass straight to
every entry of X. The paper's backward pass, which cuts dW and dX of the first layer as well, along
tokens, with the most active channels apart and tokens in another order, is no part of it.
"""

from swatlib.checked import checked
from swatlib.core.recipe import Recipe
from swatlib.selectors import NM


@checked
def activations_2to4(first_layer_dense: bool = True) -> Recipe:
    """Return 2:4 of X along Cin in Y and in dW; weights and gradients stay whole.

    It is meant for the second layer of feed-forward networks: choose it by ``only``, as
    ``only="feed_forward.down"`` in :mod:`swatlib.models.transformer`. Of dW, which sums over
    tokens, 2:4 hardware makes no use; counting operations takes the zeros for what they are.

    Parameters
    ----------
    first_layer_dense : bool
        Leave the first layer dense.

    Examples
    --------
    >>> import swatlib
    >>> print(swatlib.method("activations-2to4", 0.5, only="down"))
    2:4 activations (first layer dense), only down
    forward W  forward X   input-grad W  input-grad G  weight-grad X  weight-grad G
    dense      2:4 over C  dense         dense         same mask      dense
    """
    two_of_four = NM(over="C")
    return Recipe(
        "2:4 activations",
        forward_activation=two_of_four,
        weight_grad_activation=two_of_four,
        first_layer_dense=first_layer_dense,
    )

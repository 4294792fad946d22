"""The recipes of the papers' sensitivity experiments: one product sparse, the others dense."""

from typing import Unpack

from swatlib.checked import checked
from swatlib.core.recipe import Recipe
from swatlib.methods.swat import TopKOptions, split, topk_at


@checked
def sparse_forward(
    weight: float | None = None,
    activation: float | None = None,
    matched: bool = False,
    **options: Unpack[TopKOptions],
) -> Recipe:
    """Return a recipe that sparsifies the forward product (SWAT Figure 1, ICLR Figure 2a).

    Parameters
    ----------
    weight, activation : float, optional
        Sparsity of the operand; dense if not given.
    matched : bool
        False, the papers' experiment: the backward products see the whole operands. True: they see
        what the forward product saw, so that the gradient is that of the sparse network.
    **options
        As in :func:`swat`.

    Examples
    --------
    >>> import swatlib
    >>> recipe = swatlib.sparse_forward(weight=0.9, matched=True)
    >>> [name for name, selector in recipe.named().items() if selector]
    ['forward_weight', 'input_grad_weight']
    """
    topk, first = split(options)
    w = topk_at("weight", weight, topk)
    x = topk_at("activation", activation, topk)
    return Recipe(
        "sparse forward" + (", matched backward" if matched else ""),
        forward_weight=w,
        forward_activation=x,
        input_grad_weight=w if matched else None,
        weight_grad_activation=x if matched else None,
        first_layer_dense=first,
    )


@checked
def sparse_backward(
    weight: float | None = None,
    activation: float | None = None,
    gradient: float | None = None,
    **options: Unpack[TopKOptions],
) -> Recipe:
    """Return a recipe that sparsifies the backward products (SWAT Figure 2, ICLR Figure 2b).

    ``weight`` acts in the input gradient, ``activation`` in the weight gradient, ``gradient`` on
    the output gradient in both; each is a sparsity, dense if not given. Options as in :func:`swat`.

    Examples
    --------
    >>> import swatlib
    >>> recipe = swatlib.sparse_backward(gradient=0.9)
    >>> [name for name, selector in recipe.named().items() if selector]
    ['input_grad_gradient', 'weight_grad_gradient']
    """
    topk, first = split(options)
    g = topk_at("gradient", gradient, topk)
    return Recipe(
        "sparse backward",
        input_grad_weight=topk_at("weight", weight, topk),
        input_grad_gradient=g,
        weight_grad_activation=topk_at("activation", activation, topk),
        weight_grad_gradient=g,
        first_layer_dense=first,
    )


@checked
def forward_weight(
    sparsity: float, matched: bool = False, **options: Unpack[TopKOptions]
) -> Recipe:
    """Return :func:`sparse_forward` of the weights."""
    return sparse_forward(weight=sparsity, matched=matched, **options)


@checked
def forward_activation(
    sparsity: float, matched: bool = False, **options: Unpack[TopKOptions]
) -> Recipe:
    """Return :func:`sparse_forward` of the activations."""
    return sparse_forward(activation=sparsity, matched=matched, **options)


@checked
def backward_weight(sparsity: float, **options: Unpack[TopKOptions]) -> Recipe:
    """Return :func:`sparse_backward` of the weights."""
    return sparse_backward(weight=sparsity, **options)


@checked
def backward_activation(sparsity: float, **options: Unpack[TopKOptions]) -> Recipe:
    """Return :func:`sparse_backward` of the activations."""
    return sparse_backward(activation=sparsity, **options)


@checked
def backward_gradient(sparsity: float, **options: Unpack[TopKOptions]) -> Recipe:
    """Return :func:`sparse_backward` of the output gradients."""
    return sparse_backward(gradient=sparsity, **options)

"""The recipes of the SWAT papers: SWAT itself, and SAW of the ICLR 2020 submission."""

from typing import Any, TypedDict, Unpack

from swatlib import checks
from swatlib.checked import checked
from swatlib.core.recipe import Recipe
from swatlib.selectors import RandomK, TopChannels, TopK


class TopKOptions(TypedDict, total=False):
    """Options of every method that chooses by Top-K.

    Attributes
    ----------
    over : str
        What competes for the same K: "NCHW" the whole tensor, "CHW" each sample or filter, "HW"
        each channel.
    exact : bool
        Keep exactly K entries, also where they tie.
    sample : int
        Estimate thresholds from so many entries.
    period : int
        Steps between two fresh thresholds.
    first_layer_dense : bool
        Leave the first layer alone; true if not given.
    """

    over: str
    exact: bool
    sample: int
    period: int
    first_layer_dense: bool


def dense() -> Recipe:
    """Return the recipe that sparsifies nothing; its layers are bit-equal to ``torch.nn``.

    Examples
    --------
    >>> import swatlib
    >>> print(swatlib.dense())
    dense (first layer dense)
    forward W  forward X  input-grad W  input-grad G  weight-grad X  weight-grad G
    dense      dense      dense         dense         dense          dense
    """
    return Recipe("dense")


@checked(sparsity=checks.sparsity)
def swat(
    sparsity: float,
    activation_sparsity: float | None = None,
    structured: str | None = None,
    **options: Unpack[TopKOptions],
) -> Recipe:
    """Return SWAT (NeurIPS 2020, section 3.3): sparse W forward and backward, sparse X in dW.

    Parameters
    ----------
    sparsity : float
        Of the weights, in [0, 1).
    activation_sparsity : float, optional
        Of the activations; as the weights' if not given. 0 leaves them dense.
    structured : str, optional
        "filter", "layer" or "input": drop whole channels of the weights, see
        :class:`~swatlib.selectors.channels.TopChannels`. For convolutions only. Activations stay
        unstructured, and the other options then apply to activations only.
    **options
        See :class:`TopKOptions`.

    Examples
    --------
    >>> import swatlib
    >>> print(swatlib.swat(0.9))
    SWAT (first layer dense)
    forward W  forward X  input-grad W  input-grad G  weight-grad X  weight-grad G
    TopK 0.9   dense      same mask     dense         TopK 0.9       dense
    """
    topk, first = split(options)
    unstructured = TopK(sparsity, **topk)
    w = unstructured if structured is None else TopChannels(sparsity, structured)
    x: TopK | None = unstructured
    if activation_sparsity is not None:
        x = topk_at("activation_sparsity", activation_sparsity, topk)
        if x is not None and x.sparsity == 0:
            x = None  # a selector that keeps all would cost time, and no allocation could spread it
    return Recipe(
        "SWAT" if structured is None else "SWAT structured",
        forward_weight=w,
        input_grad_weight=w,
        weight_grad_activation=x,
        first_layer_dense=first,
    )


@checked(sparsity=checks.sparsity)
def saw(sparsity: float, random: bool = False, **options: Unpack[TopKOptions]) -> Recipe:
    """Return SAW (ICLR 2020 submission, section 2.2): forward dense, backward as SWAT.

    With ``random`` the entries are drawn at random, the null hypothesis of its Figure 3; of the
    options only ``over`` and ``first_layer_dense`` are then allowed. Options as in :func:`swat`.

    Examples
    --------
    >>> import swatlib
    >>> print(swatlib.saw(0.9))
    SAW (first layer dense)
    forward W  forward X  input-grad W  input-grad G  weight-grad X  weight-grad G
    dense      dense      TopK 0.9      dense         TopK 0.9       dense
    """
    topk, first = split(options)
    if random and (wrong := sorted(topk.keys() - {"over", "period"})):
        raise TypeError(f"{wrong[0]} is an option of Top-K: random must be False, got True")
    selector = RandomK(sparsity, **topk) if random else TopK(sparsity, **topk)
    return Recipe(
        "SAW random" if random else "SAW",
        input_grad_weight=selector,
        weight_grad_activation=selector,
        first_layer_dense=first,
    )


def split(options: TopKOptions) -> tuple[dict[str, Any], bool]:
    """Split options into those of :class:`~swatlib.selectors.TopK` and ``first_layer_dense``.

    Raises
    ------
    TypeError
        For an unknown option.
    """
    allowed = TopKOptions.__annotations__
    if unknown := set(options) - set(allowed):
        raise TypeError(
            f"unknown option {', '.join(sorted(unknown))}; allowed are {', '.join(sorted(allowed))}"
        )
    topk: dict[str, Any] = dict(options)
    first = topk.pop("first_layer_dense", True)
    return topk, first


def topk_at(argument: str, sparsity: float | None, options: dict[str, Any]) -> TopK | None:
    """Return Top-K at the sparsity that an argument gives, or None if it gives none."""
    return None if sparsity is None else TopK(checks.sparsity(argument, sparsity), **options)

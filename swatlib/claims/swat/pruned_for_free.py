"""The claim about the network that SWAT leaves: pruned without loss."""

from __future__ import annotations

import torch

from swatlib.checked import checked
from swatlib.claims.claim import Claim
from swatlib.claims.quantity import Quantity, cells
from swatlib.methods import swat
from swatlib.models import build_network
from swatlib.storage.pruned import prune_
from swatlib.surgery.sparsify import densify_, sparsify_
from swatlib.training.step import training_step

CHAPTER = "3-swat/09-pruned-for-free"


@checked
def pruned_outputs(name: str, sparsity: float, steps: int = 2) -> bool:
    """Train a small network by SWAT for a few steps, prune it, and compare its outputs to the bit.

    Parameters
    ----------
    name : str
        One of the small networks.
    sparsity : float
    steps : int
        Whatever the weights are, the outputs have to stay; a few steps move them from their start.

    Returns
    -------
    bool
        Whether all outputs are identical, sparse and pruned, and pruned and made dense again.
    """
    torch.manual_seed(0)
    model = sparsify_(build_network(name, image=8, width=8), swat(sparsity))
    x, y = torch.randn(32, 3, 8, 8), torch.randint(0, 10, (32,))
    step = training_step(model, x, y)
    for _ in range(steps):
        step()
    model.eval()
    with torch.no_grad():
        before = model(x)
        pruned = prune_(model)(x)
        return torch.equal(before, pruned) and torch.equal(before, densify_(model)(x))


def _pruned() -> tuple[Quantity, ...]:
    same = [
        *(pruned_outputs("small_resnet", sparsity) for sparsity in (0.5, 0.7, 0.8, 0.9)),
        *(pruned_outputs(name, 0.9) for name in ("small_vgg", "small_densenet")),
    ]
    return (cells("networks with identical outputs, pruned", same, "no loss"),)


CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="i-pruned-for-free",
        paper="I",
        place="Section 1, third contribution; Section 3.3",
        statement="A network trained by SWAT can be pruned to the sparsity of its training "
        "without loss.",
        says="no loss",
        kind="exact",
        chapter=CHAPTER,
        needs="Outputs before and after pruning at 50, 70, 80 and 90 %, to the bit.",
        decision=_pruned,
        limits="Small networks of three families after two steps. Zeros where the forward "
        "product has zeros change no operand, whatever the weights, so more training decides "
        "nothing.",
    ),
)

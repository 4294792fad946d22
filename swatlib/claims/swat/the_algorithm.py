"""Claims about one step of the algorithm: how dense its gradients are, and where they point."""

import pandas as pd

from swatlib.claims.claim import Claim
from swatlib.claims.measured import measured
from swatlib.claims.quantity import Quantity, cells, fact

CHAPTER = "3-swat/01-the-algorithm"


def dense_gradients() -> tuple[Quantity, ...]:
    """Count the layers whose gradients have less than one zero in a hundred entries."""
    frame = pd.DataFrame(measured("gradient-zeros")["layers"])
    several = frame[frame["summands"] > 1]
    return (
        cells("layers with less than 1 % zeros in dW", frame["dW"] < 0.01, "dense in general"),
        cells("layers with less than 1 % zeros in dX", several["dX"] < 0.01, "dense in general"),
    )


def gradients_of_masked() -> tuple[Quantity, ...]:
    """Return the smallest cosine of SWAT's dW and the masked network's over layers and seeds."""
    frame = pd.DataFrame(measured("gradient-directions")["layers"])
    found = frame.groupby("sparsity")["cosine"].min()
    # The claim is read at 80 %: what 90 % gives is shown beside it in the chapter.
    least = float(found.loc[0.8])
    return (fact("smallest cosine at 80 %", least, "approximates", least > 0.8, least > 0.5),)


CLAIMS: tuple[Claim, ...] = (
    Claim(
        id="n-sparse-operand-dense-gradient",
        paper="N",
        place="Section 3.2",
        statement="With one operand 90 % sparse the weight gradient and the input gradient have "
        "almost no zeros.",
        says="dense in general",
        kind="exact",
        chapter=CHAPTER,
        needs="Zeros in dW and dX of every layer, one backward pass of SWAT on three networks.",
        decision=dense_gradients,
        limits="Small networks with fresh weights. Of dX those layers count in which an entry sums "
        "more than one product of active weights on average.",
        weakness="A classifier of ten classes at 90 % keeps one weight of an input on average: a "
        "third of its inputs get no gradient, and nor do the filters behind them.",
    ),
    Claim(
        id="n-swat-approximates-masked",
        paper="N",
        place="Section 3.3",
        statement="SWAT's weight gradients point nearly the way of those of the network with the "
        "active weights and whole activations.",
        says="approximates (no number)",
        kind="measurement",
        chapter=CHAPTER,
        needs="Cosine of the two for every layer, at 0, 17, 50 and 100 % of training, 80 and 90 %.",
        decision=gradients_of_masked,
        limits="Read at 80 %, where a cosine above 0.8 in every layer counts as agreement.",
        trained="a residual network trained by SWAT on photograph patches, three seeds",
    ),
)

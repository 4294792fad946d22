"""Wrong labels on purpose: what a network learns from them it has memorised."""

from functools import partial

import torch

from swatlib import checks
from swatlib.checked import checked
from swatlib.data.splits import Dataset


@checked(share=checks.sparsity, seed=partial(checks.count, least=0, most=checks.SEEDS))
def with_label_noise(dataset: Dataset, share: float, seed: int = 0) -> Dataset:
    """Return a data set in which a share of the training labels is drawn anew (Zhang et al. 2017).

    Uniformly over all classes, so that one in ``classes`` of them stays right. Test labels stay.

    Parameters
    ----------
    dataset : Dataset
    share : float
        In [0, 1): of the training labels, rounded down.
    seed : int
        Of which labels, and of what they become.

    Examples
    --------
    >>> from swatlib.data import load
    >>> from swatlib.data.label_noise import with_label_noise
    >>> clean = load("digits")
    >>> noisy = with_label_noise(clean, 0.5)
    >>> float((noisy.train_y != clean.train_y).float().mean()) < 0.5
    True
    """
    generator = torch.Generator().manual_seed(seed)
    labels = dataset.train_y.clone()
    chosen = torch.randperm(len(labels), generator=generator)[: int(share * len(labels))]
    labels[chosen] = torch.randint(dataset.classes, (len(chosen),), generator=generator)
    return dataset._replace(train_y=labels)

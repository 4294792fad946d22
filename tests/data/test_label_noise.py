"""Labels drawn anew: as many as asked for, of all classes, repeatable; test labels stay."""

import pytest
import torch

from swatlib.data import load
from swatlib.data.label_noise import with_label_noise
from swatlib.training import Run, train_run


def test_a_share_of_the_training_labels_changes() -> None:
    clean = load("patches")
    noisy = with_label_noise(clean, 0.4, seed=3)
    changed = noisy.train_y != clean.train_y
    # One in ``classes`` draws its own label again.
    wanted = 0.4 * (1 - 1 / clean.classes)
    assert float(changed.float().mean()) == pytest.approx(wanted, abs=0.02)
    assert set(noisy.train_y[changed].tolist()) == set(range(clean.classes))
    assert torch.equal(noisy.test_y, clean.test_y)
    assert noisy.train_x is clean.train_x
    assert not torch.equal(noisy.train_y, load("patches").train_y)


def test_it_can_be_repeated_and_none_is_none() -> None:
    clean = load("digits")
    once, again = (with_label_noise(clean, 0.5, seed=1).train_y for _ in range(2))
    assert torch.equal(once, again)
    assert not torch.equal(once, with_label_noise(clean, 0.5, seed=2).train_y)
    assert torch.equal(with_label_noise(clean, 0.0).train_y, clean.train_y)
    with pytest.raises(ValueError, match=r"share must be .*got 1"):
        with_label_noise(clean, 1.0)


def test_a_run_learns_less_from_noise() -> None:
    run = Run(width=8, epochs=2, batch_size=64, images=600)
    clean = train_run(run, "cpu")["epochs"][-1]
    noisy = train_run(Run(width=8, epochs=2, batch_size=64, images=600, label_noise=0.6), "cpu")
    assert noisy["epochs"][-1]["train_loss"] > clean["train_loss"] + 0.3

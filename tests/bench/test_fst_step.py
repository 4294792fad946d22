"""The benchmark of a step of fully sparse training: what backward keeps."""

from copy import deepcopy

import torch
from torch import nn

from swatlib.bench.fst_step import saved
from swatlib.methods.fst import fst
from swatlib.storage.compression import saved_bytes
from swatlib.surgery.sparsify import sparsify_


def model() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 8, 1), nn.ReLU(), nn.Conv2d(8, 8, 1))


def test_saved_memory_is_counted_once_and_without_parameters() -> None:
    x = torch.randn(2, 3, 8, 8)
    # The input, and the output of the ReLU, which the last convolution saves as well.
    assert saved_bytes(model(), x)["bytes"].sum() == 4 * (x.numel() + 2 * 8 * 8 * 8)


def test_bytes_are_ratios_to_the_first_model() -> None:
    x, plain = torch.randn(2, 3, 8, 8), model()
    models = {"dense": plain, "FST": sparsify_(deepcopy(plain), fst())}
    dense, sparse = saved(models, x)
    assert (dense.name, dense.ratio) == ("dense", 1)
    assert (sparse.name, sparse.baseline) == ("FST", "dense")
    size, whole = (saved_bytes(models[n], x)["bytes"].sum() for n in ("FST", "dense"))
    assert sparse.ratio == size / whole

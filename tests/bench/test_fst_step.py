"""The benchmark of a step of fully sparse training: what backward keeps."""

from copy import deepcopy

import pytest
import torch
from torch import nn

from swatlib.bench.fst_step import print_saved
from swatlib.methods.fst import fst
from swatlib.storage.compression import saved_bytes
from swatlib.surgery.sparsify import sparsify_


def model() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 8, 1), nn.ReLU(), nn.Conv2d(8, 8, 1))


def test_saved_memory_is_counted_once_and_without_parameters() -> None:
    x = torch.randn(2, 3, 8, 8)
    # The input, and the output of the ReLU, which the last convolution saves as well.
    assert saved_bytes(model(), x)["bytes"].sum() == 4 * (x.numel() + 2 * 8 * 8 * 8)


def test_pointwise_layers_keep_half(capsys: pytest.CaptureFixture[str]) -> None:
    x, plain = torch.randn(2, 3, 8, 8), model()
    print_saved({"dense": plain, "FST": sparsify_(deepcopy(plain), fst())}, x)
    *_, dense, sparse = capsys.readouterr().out.splitlines()
    assert dense.split() == ["dense", "1.000", "x"]
    assert sparse.split()[0] == "FST"

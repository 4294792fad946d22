"""Classes of others: the sparse class made for them, and those that cannot be opted in."""

import pickle

import torch
from torch import Tensor, nn

from swatlib.core.layers import SparseConv2d, SparseLinear
from swatlib.surgery.adopted import SparseTransposed, misfit, sparse_class, transposed


class Named(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x)


class Own(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weight.T


class InOut(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.randn(3, 5)), nn.Parameter(torch.zeros(5))

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weight + self.bias


def test_a_sparse_class_stands_between_the_class_and_torchs() -> None:
    sparse = sparse_class(Named)
    assert sparse is sparse_class(Named)
    bases = sparse.__mro__
    assert bases.index(Named) < bases.index(SparseLinear) < bases.index(nn.Linear)
    assert sparse_class(nn.Conv2d) is SparseConv2d
    assert sparse_class(SparseLinear) is SparseLinear


def test_classes_whose_forward_does_not_reach_torchs_are_a_misfit() -> None:
    assert misfit(Named) == ""
    assert misfit(Own) == "its forward does not go through nn.Linear's"


def test_a_transposed_weight_is_found_by_trying() -> None:
    assert transposed(InOut())
    assert not transposed(nn.Linear(3, 5))
    assert issubclass(sparse_class(InOut), SparseTransposed)
    assert SparseTransposed.matrix(torch.zeros(3, 5)).shape == (5, 3)


def test_a_class_made_on_the_fly_can_be_pickled() -> None:
    layer = Named(3, 2)
    layer.__class__ = sparse_class(nn.Linear)  # type: ignore[assignment]
    assert isinstance(pickle.loads(pickle.dumps(layer)), SparseLinear)

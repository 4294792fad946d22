"""Copies to look at: the model itself stays as it was."""

import pytest
import torch
from torch import nn

from swatlib import sparsify_, swat
from swatlib.surgery.twin import call_of, copied, onto_meta, tensors_in, without_weights


def model() -> nn.Module:
    return nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))


def test_a_copy_shares_nothing_and_has_no_hooks() -> None:
    heard: list[int] = []
    own = model()
    own.register_forward_hook(lambda *_: heard.append(1))
    twin = copied(own)
    twin(torch.randn(3, 4))
    assert not heard
    for a, b in zip(own.parameters(), twin.parameters(), strict=True):
        assert torch.equal(a, b)
        assert a.data_ptr() != b.data_ptr()


def test_a_copy_without_weights_is_dense_and_has_shapes_only() -> None:
    own = sparsify_(model(), swat(0.5))
    twin = without_weights(own)
    assert {type(m) for m in twin} == {nn.Linear, nn.BatchNorm1d}
    assert all(p.is_meta for p in twin.parameters())
    assert not any(p.is_meta for p in own.parameters())


@pytest.mark.parametrize(
    ("example", "positional", "keywords"),
    [
        ((3, 4), 1, []),
        (torch.zeros(3, 4), 1, []),
        (((3, 4), (3, 5)), 2, []),
        (((3, 4), {"mask": (3, 1)}), 1, ["mask"]),
        ({"x": (3, 4)}, 0, ["x"]),
    ],
)
def test_what_a_model_is_called_with(example: object, positional: int, keywords: list) -> None:
    arguments, named = onto_meta(call_of(example, model()))  # type: ignore[arg-type]
    assert (len(arguments), list(named)) == (positional, keywords)
    assert all(t.is_meta for t in tensors_in([arguments, named]))


def test_what_is_no_example() -> None:
    with pytest.raises(TypeError, match="example must be a tensor, a shape"):
        call_of("text", model())  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="example must have a batch"):
        call_of((3,), model())

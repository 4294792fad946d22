"""The steps that are timed are those the benchmark says: without an update, and with one."""

from copy import deepcopy

import pytest
import torch

import swatlib
from swatlib.bench import updates
from swatlib.bench.updates import DUE, NAMES, NEVER, PERIOD, whole_step
from swatlib.methods import method
from swatlib.models import build_network


def masks(model: torch.nn.Module) -> list[torch.Tensor]:
    return [swatlib.active_mask(layer).clone() for _, layer in swatlib.sparse_layers(model)]


@pytest.mark.parametrize("name", NAMES)
def test_masks_move_in_an_update_and_only_there(name: str) -> None:
    torch.manual_seed(0)
    plain = build_network("small_resnet", image=8, width=4)
    x, y = torch.randn(8, 3, 8, 8), torch.randint(0, 10, (8,))
    chosen = method(name, 0.5, every=PERIOD)
    first = masks(swatlib.sparsify_(deepcopy(plain), chosen))
    for progress, moves in ((NEVER, False), (DUE, True)):
        model = deepcopy(plain)
        whole_step(model, chosen, x, y, progress)[0]()
        same = all(torch.equal(a, b) for a, b in zip(first, masks(model), strict=True))
        assert same != moves


def test_main(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(updates, "BATCH", 2)
    monkeypatch.setattr(updates, "PIXELS", 8)
    monkeypatch.setattr(updates, "build_network", lambda *_, **__: build_network("small_resnet"))
    names = [row.name for row in updates.main()]
    assert names[:4] == ["static", *NAMES]
    assert names[4:] == ["dense step", *(f"an update of {name}" for name in NAMES)]

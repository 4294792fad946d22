"""Lightning: interrupted and resumed, and in two processes."""

from pathlib import Path

import pytest
import torch
from lightning_module import Classifier, data, trainer


@pytest.fixture(autouse=True)
def quiet(recwarn: pytest.WarningsRecorder) -> None:
    """Lightning's advice about workers and logging is not ours."""


def test_resumed_run_is_the_uninterrupted_one(tmp_path: Path) -> None:
    whole, first, second = Classifier(), Classifier(), Classifier()
    trainer(tmp_path / "whole", epochs=2).fit(whole, data())
    stopped = trainer(tmp_path / "part", epochs=1)
    stopped.fit(first, data())
    stopped.save_checkpoint(tmp_path / "part.ckpt")
    trainer(tmp_path / "part", epochs=2).fit(
        second, data(), ckpt_path=tmp_path / "part.ckpt", weights_only=False
    )
    assert first.losses + second.losses == whole.losses
    assert whole.losses[-1] < whole.losses[0]
    for a, b in zip(second.state_dict().values(), whole.state_dict().values(), strict=True):
        assert torch.equal(a, b)


def test_two_processes_agree(tmp_path: Path) -> None:
    module = Classifier(ranks=str(tmp_path))
    trainer(tmp_path, epochs=1, strategy="ddp_spawn", devices=2).fit(module, data())
    one, two = (torch.load(tmp_path / f"{rank}.pt") for rank in range(2))
    assert one["losses"] != two["losses"], "each process has its own half of the data"
    for name, weight in one["weights"].items():
        assert torch.equal(weight, two["weights"][name]), name
        assert torch.equal(weight, module.model.state_dict()[name]), name

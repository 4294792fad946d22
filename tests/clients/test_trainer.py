"""T5 under the Trainer of transformers: interrupted and resumed, and its best weights kept."""

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import Trainer, TrainerCallback, TrainingArguments
from zoo import WORDS, t5

import swatlib


class Choices(TrainerCallback):
    """Saves the choices of weights beside every checkpoint, and loads them on resuming."""

    def __init__(self, resume: Path | None = None):
        self.resume = resume

    def on_save(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        folder = Path(args.output_dir, f"checkpoint-{state.global_step}")
        torch.save(swatlib.sparsity_state(model), folder / "sparsity.pt")

    def on_train_begin(
        self, args: Any, state: Any, control: Any, model: Any = None, **_: Any
    ) -> None:
        # The Trainer has loaded the weights by now.
        if self.resume is not None:
            swatlib.load_sparsity_state_(model, torch.load(self.resume / "sparsity.pt"))


def pairs(n: int) -> list[dict[str, torch.Tensor]]:
    """Sentences of random words, to be copied in part."""
    words = torch.randint(1, WORDS, (n, 12), generator=torch.Generator().manual_seed(0))
    return [{"input_ids": row, "labels": row[:6]} for row in words]


def trainer(folder: Path, resume: Path | None = None, **options: Any) -> Trainer:
    torch.manual_seed(0)
    model = swatlib.sparsify_(t5(), swatlib.swat(0.9, period=5, first_layer_dense=False))
    arguments = TrainingArguments(
        output_dir=str(folder),
        max_steps=12,
        save_steps=4,
        eval_steps=4,
        eval_strategy="steps",
        per_device_train_batch_size=8,
        gradient_accumulation_steps=2,
        learning_rate=1e-2,
        logging_steps=1,
        disable_tqdm=True,
        use_cpu=True,
        report_to=[],
        **options,
    )
    return Trainer(
        model=model,
        args=arguments,
        train_dataset=pairs(64),
        eval_dataset=pairs(16),
        callbacks=[Choices(resume)],
    )


def losses(run: Trainer) -> list[float]:
    return [entry["loss"] for entry in run.state.log_history if "loss" in entry]


def test_resumed_run_is_the_uninterrupted_one(tmp_path: Path) -> None:
    whole = trainer(tmp_path / "whole")
    whole.train()
    assert losses(whole)[-1] < losses(whole)[0]
    checkpoint = tmp_path / "whole" / "checkpoint-4"
    resumed = trainer(tmp_path / "resumed", resume=checkpoint)
    resumed.train(resume_from_checkpoint=str(checkpoint))
    assert losses(resumed) == losses(whole)
    for (key, a), b in zip(
        resumed.model.state_dict().items(), whole.model.state_dict().values(), strict=True
    ):
        assert torch.equal(a, b), key


def test_best_weights_evaluate_as_they_did(tmp_path: Path) -> None:
    run = trainer(tmp_path, load_best_model_at_end=True, metric_for_best_model="loss")
    run.train()
    best = Path(run.state.best_model_checkpoint)
    swatlib.load_sparsity_state_(run.model, torch.load(best / "sparsity.pt"))
    assert run.evaluate()["eval_loss"] == pytest.approx(run.state.best_metric, rel=1e-6)

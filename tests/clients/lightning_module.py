"""A Lightning module with a sparse model, importable by the processes that Lightning spawns."""

from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset
from zoo import vit

import swatlib


class Classifier(pl.LightningModule):
    """A ViT that keeps its choices of weights for ``period`` steps and saves them with the rest."""

    def __init__(self, ranks: str = "", period: int = 5):
        super().__init__()
        torch.manual_seed(0)
        self.model = swatlib.sparsify_(vit(), swatlib.swat(0.9, period=period))
        self.ranks = ranks
        self.losses: list[float] = []
        self.remembered: dict[str, Any] | None = None

    def training_step(self, batch: tuple[Tensor, Tensor], index: int) -> Tensor:
        loss = self.model(pixel_values=batch[0], labels=batch[1]).loss
        self.losses.append(loss.item())
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.AdamW(self.parameters(), 2e-3)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["sparsity"] = swatlib.sparsity_state(self.model)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        # Lightning loads the weights after this hook, and choices belong to their weights.
        self.remembered = checkpoint["sparsity"]

    def on_fit_start(self) -> None:
        if self.remembered is not None:
            swatlib.load_sparsity_state_(self.model, self.remembered)

    def on_train_end(self) -> None:
        if self.ranks:
            state = {"weights": self.model.state_dict(), "losses": self.losses}
            torch.save(state, Path(self.ranks) / f"{self.global_rank}.pt")


def data() -> DataLoader:
    g = torch.Generator().manual_seed(0)
    x, y = torch.randn(64, 3, 16, 16, generator=g), torch.randint(4, (64,), generator=g)
    return DataLoader(TensorDataset(x, y), batch_size=8)


def trainer(folder: Path, epochs: int, **options: Any) -> pl.Trainer:
    return pl.Trainer(
        accelerator="cpu",
        max_epochs=epochs,
        default_root_dir=folder,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        **options,
    )

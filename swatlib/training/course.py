"""The course of a training: kept at the ends of epochs, and taken up again where it was left.

All that decides how a training goes on is in its state: weights, optimizer, what the sparse layers
remember, every random state, the number of epochs done, and what has been observed so far. Methods
keep nothing anywhere else.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from swatlib.checked import checked, checked_fields
from swatlib.records.checkpoint import Checkpoint
from swatlib.surgery.state import load_sparsity_state_, sparsity_state
from swatlib.training import ranks


@dataclass
class Course:
    """One stage of a run.

    Parameters
    ----------
    checkpoint : Checkpoint, optional
        Where it is kept; nowhere if not given.
    stage : str
        Which one: a run may train densely before it trains sparsely.
    observer : object, optional
        Whose attributes are kept too: plain values and tensors.
    epochs : list of dict
        Metrics of the epochs done.
    """

    checkpoint: Checkpoint | None = None
    stage: str = "sparse"
    observer: Any = None
    epochs: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        checked_fields(self)
        found = None if self.checkpoint is None else self.checkpoint.found
        self._state = None
        if found is not None and found["stage"] == self.stage:
            others = found.get("others", [])
            if len(others) + 1 != ranks.size():
                raise ValueError(
                    f"checkpoint must be taken up by as many processes as made it, "
                    f"{len(others) + 1}, got {ranks.size()}"
                )
            self._state = [found, *(found | other for other in others)][ranks.rank()]
        if self._state is not None:
            self.epochs = self._state["epochs"]
            if self.observer is not None:
                vars(self.observer).update(self._state["observed"])

    @property
    def is_begun(self) -> bool:
        """Whether a checkpoint of this stage was found."""
        return self._state is not None

    @checked
    def take_up(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        generators: Sequence[torch.Generator],
    ) -> int:
        """Put everything where it was, and return how many epochs were done: 0 at the beginning."""
        state = self._state
        if state is None:
            return 0
        model.load_state_dict(state["model"])
        load_sparsity_state_(model, state["sparsity"])
        optimizer.load_state_dict(state["optimizer"])
        for generator, kept in zip(generators, state["generators"], strict=True):
            generator.set_state(kept)
        torch.set_rng_state(state["random"])
        if state["random_cuda"]:
            torch.cuda.set_rng_state_all(state["random_cuda"])
        return len(self.epochs)

    @checked
    def keep(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        generators: Sequence[torch.Generator],
    ) -> None:
        """Write a checkpoint if one is due; call it when an epoch's metrics are known."""
        if self.checkpoint is None or not ranks.first_says(self.checkpoint.is_due):
            return
        own = {
            "observed": {} if self.observer is None else vars(self.observer),
            "sparsity": sparsity_state(model),
            "generators": [generator.get_state() for generator in generators],
            "random": torch.get_rng_state(),
            "random_cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        }
        first, *others = ranks.gathered(own)
        if ranks.rank() == 0:
            self.checkpoint.save(
                {
                    "stage": self.stage,
                    "epochs": self.epochs,
                    "model": dict(model.state_dict()),
                    "optimizer": optimizer.state_dict(),
                    **first,
                    **({"others": others} if others else {}),
                }
            )

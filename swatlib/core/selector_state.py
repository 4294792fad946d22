"""What a layer keeps of a choice between two steps, and which weights the choice belongs to.

A selector with a period chooses on every so many optimizer steps and keeps its choice in between.
A new step begins when the layer's weight has changed. As long as the weight is the same, further
calls (micro-batches, a layer used twice, gradient checkpointing) are the same step and see the same
choice.

A kept choice belongs to the weights it was made from and stays valid as training updates them. If
other weights take their place, the choice is void and is made anew.
"""

import warnings
import weakref
from typing import Any

import torch
from torch import Tensor, nn

from swatlib.kernels.steps import UNKNOWN, look


class SelectorState:
    """A kept choice, the steps counted so far, and what is needed to notice a changed weight.

    Parameters
    ----------
    weight : Tensor
        The layer's weight. Its device and precision decide those of what is kept.
    mask : bool
        Whether the selector chooses by a mask; else it keeps a threshold.

    Attributes
    ----------
    threshold : Tensor, shape (), float32 (float64 for a float64 weight)
        NaN until the first training call.
    mask : Tensor, bool, shape of the weight, or None
    steps : Tensor, shape (), int64, always on the CPU
        Optimizer steps with a training call so far; 0 means that nothing is kept.
    version : Tensor, shape (), int64, always on the CPU
        The weight's version counter at the last training call; -1 before the first,
        :data:`~swatlib.kernels.steps.UNKNOWN` in a copy or a loaded state.
    entries : Tensor, shape (at most 64,)
        Entries of the weight at the last training call.
    values : Tensor or None
        An operand of an earlier step, for a selector that uses it again; None until it sets it.
    """

    def __init__(self, weight: Tensor, mask: bool = False):
        # Normal tensors even under inference_mode: later training updates them in place.
        with torch.inference_mode(False):
            dtype = torch.float64 if weight.dtype == torch.float64 else torch.float32
            self.threshold = torch.full((), torch.nan, dtype=dtype, device=weight.device)
            self.mask = torch.ones_like(weight, dtype=torch.bool) if mask else None
            self.steps = torch.zeros((), dtype=torch.int64)
            self.version = torch.full((), -1)
            self.entries = look(weight).clone()
        self.values: Tensor | None = None
        self._owner: weakref.ref[Tensor] | None = weakref.ref(weight)
        # The owner's entries at the time when this state was copied from another one.
        self._copied_at: Tensor | None = None

    def keep(self, mask: Tensor, weight: Tensor) -> None:
        """Keep a mask that was chosen outside of a training call, from the present weights."""
        if self.mask is None:
            self.mask = mask
        else:  # in place, so that a compiled step sees the new one
            self.mask.copy_(mask)
        self.steps.fill_(1)
        self.entries.copy_(look(weight))
        self.version.fill_(UNKNOWN)
        self.adopt(weight)

    def forget(self) -> None:
        """Make the choice void: the next training call chooses as the first one did."""
        self.threshold.fill_(torch.nan)
        self.values = None
        if self.mask is not None:
            self.mask.fill_(True)
        self.steps.zero_()
        self.version.fill_(-1)

    def settle(self, weight: Tensor, training: bool) -> bool:
        """Return whether the choice can be used for ``weight``.

        If another Parameter has replaced the one that the choice belongs to, the choice is
        forgotten with a warning. A copy of the layer keeps the choice, unless its weights change
        before its first training call. A tensor that only stands in for the Parameter, as in
        ``torch.func.functional_call``, leaves the choice as it is.

        Raises
        ------
        ValueError
            If the layer's weight is no Parameter, but computed in every call.
        """
        owner = None if self._owner is None else self._owner()
        if owner is weight:
            return True
        if not isinstance(weight, nn.Parameter):
            if owner is None or owner.shape != weight.shape:
                raise ValueError(
                    "a choice that is kept between steps belongs to a Parameter; this weight is "
                    "computed in every call, by a parametrization or from shards (of FSDP): choose "
                    "in every step (period=1), shard with fully_shard, or remove the "
                    "parametrization"
                )
            return self._follows_to(weight)
        if self._owner is None and self.version >= 0:
            self.adopt(weight)  # a copy that compiled steps, which cannot come here, have trained
        elif self.steps and not self._follows_to(weight):
            self.forget()
            warnings.warn(
                "weights were replaced or averaged: the threshold or mask kept for the old ones is "
                "void and is chosen anew; to keep it, call load_sparsity_state_ with the "
                "sparsity_state of the model it belongs to",
                stacklevel=5,
            )
        if training:
            self.adopt(weight)
        return True

    def adopt(self, weight: Tensor) -> None:
        """Belong to ``weight`` from here on."""
        self._owner, self._copied_at = weakref.ref(weight), None

    def _follows_to(self, weight: Tensor) -> bool:
        former = self._former()
        if former is None or (self.mask is not None and self.mask.shape != weight.shape):
            return False
        now = look(weight)
        return now.shape == former.shape and torch.equal(now, former.to(now))

    def _former(self) -> Tensor | None:
        """Return the entries of the weight that the choice belongs to, if they are known."""
        owner = None if self._owner is None else self._owner()
        return self._copied_at if owner is None else look(owner)

    def move(self, weight: Tensor) -> None:
        """Move what is kept to the weight's device and precision.

        A threshold never loses precision.
        """
        if self.threshold.is_meta:
            self.__init__(weight, self.mask is not None)  # type: ignore[misc]
            return
        dtype = torch.promote_types(self.threshold.dtype, weight.dtype)
        self.threshold = self.threshold.to(weight.device, dtype)
        if self.mask is not None:
            # A mask that lies in memory as the weight does is applied several times faster.
            alike = weight if self.mask.shape == weight.shape else self.mask
            self.mask = torch.empty_like(alike, dtype=torch.bool, device=weight.device).copy_(
                self.mask
            )
        self.entries = self.entries.to(weight)
        if self.values is not None:
            self.values = self.values.to(weight)
        self.version.fill_(-1 if self.version == -1 else UNKNOWN)
        self.adopt(weight)

    def state(self) -> dict[str, Any]:
        """Return what is kept, by name. Like a state dict it holds the tensors and no copies."""
        state = {"threshold": self.threshold, "steps": self.steps, "entries": self.entries}
        extra = {"mask": self.mask, "values": self.values}
        return state | {name: tensor for name, tensor in extra.items() if tensor is not None}

    def load(self, state: dict[str, Any], weight: Tensor) -> None:
        """Copy in what :meth:`state` returned; it belongs to ``weight`` from here on.

        Raises
        ------
        ValueError
            If something is missing, or has the shape for another weight.
        """
        kept = {"threshold": self.threshold, "steps": self.steps, "entries": self.entries}
        if self.mask is not None:
            kept["mask"] = self.mask
        for name, tensor in kept.items():
            given = state.get(name)
            if not isinstance(given, Tensor) or given.shape != tensor.shape:
                shape = tuple(given.shape) if isinstance(given, Tensor) else given
                raise ValueError(f"{name} must have shape {tuple(tensor.shape)}, got {shape}")
        for name, tensor in kept.items():
            tensor.copy_(state[name])
        values = state.get("values")
        self.values = None if values is None else values.to(weight).clone()
        self.version.fill_(UNKNOWN if self.steps else -1)
        self.adopt(weight)

    def __getstate__(self) -> dict[str, Any]:
        # A copy or pickle has no owner yet. It holds the present entries of the weight instead, as
        # plain numbers: a spawned process would read a tensor from shared memory, which may be
        # gone by then.
        state = self.__dict__.copy()
        former = self._former()
        known = former is not None and not former.is_meta
        state["_copied_at"] = former.tolist() if known else None  # type: ignore[union-attr]
        state["_owner"] = None
        state["version"] = -1 if self.version == -1 else UNKNOWN
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        with torch.inference_mode(False):
            self.version = torch.full((), state["version"])
            if self._copied_at is not None:
                self._copied_at = self.entries.new_tensor(state["_copied_at"])

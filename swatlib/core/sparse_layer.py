"""What the two sparse layers share: a recipe, and what its selectors remember.

It goes with the weights: into a state dict and back, to another device, and away with a weight that
is replaced.
"""

import warnings
from typing import Any

import torch
from torch import Tensor, nn

from swatlib.core.decay import DecayInGradient
from swatlib.core.operands import operand
from swatlib.core.products import WHOLE, Choices, Remembered, Saving
from swatlib.core.recipe import OUTPUT, Recipe
from swatlib.core.selector import Selector
from swatlib.core.selector_state import SelectorState
from swatlib.kernels.convolution import Geometry

KEPT = "swatlib"
"""The key under which a state dict's metadata hold what a layer keeps between steps."""


class SparseLayer(nn.Module):
    """What both sparse layers share: a recipe, and what its selectors remember."""

    dense: type
    states: dict[str, SelectorState]
    """What is kept between steps, by operand, for the selectors that remember."""
    saving: Saving = WHOLE
    """How inputs are saved for the backward pass, see :func:`swatlib.compress_`."""
    called: bool = False
    """Whether it was called since ``sparsify_``. To read its weight is not to call it."""
    had_gradient: bool = False
    """Whether its weight already had a gradient when ``sparsify_`` was called."""
    weight: Tensor
    training: bool

    @property
    def recipe(self) -> Recipe:
        """The row of the table this layer follows."""
        # A dictionary of one entry, whose key is the recipe's text. torch.compile would turn an
        # attribute that changes into a symbol, from which K cannot be computed. To it, a new key is
        # a new constant.
        (text,) = self._recipe
        return self._recipe[text]

    @recipe.setter
    def recipe(self, recipe: Recipe) -> None:
        self._recipe = {repr(recipe): recipe}

    def follow(self, recipe: Recipe) -> None:
        """Follow ``recipe`` from here on, with nothing remembered."""
        self.recipe = recipe
        # Created now, not in the forward pass, so that a compiled step never sees it change shape.
        # Equal selectors on the same tensor share one choice, and so one state.
        made: dict[tuple[str, Selector], SelectorState | None] = {}
        self.states = {}
        for name, selector in recipe.selectors.items():
            key = name if name == OUTPUT else operand(name).tensor, selector
            if key not in made:
                made[key] = selector.new_state(self.weight)
            state = made[key]
            if state is not None:
                self.states[name] = state

    def own_states(self) -> dict[str, SelectorState]:
        """Return each state once, by the first of the operands that share it."""
        once: dict[int, str] = {}
        for name, state in self.states.items():
            once.setdefault(id(state), name)
        return {name: self.states[name] for name in once.values()}

    @staticmethod
    def matrix(weight: Tensor) -> Tensor:
        """Return the weight as the products take it, output first."""
        return weight

    def to_dense(self) -> nn.Module:
        """Turn this layer itself back into the dense one and return it."""
        layer: Any = self
        dense = layer.dense
        del layer._recipe, layer.states
        for name in ("saving", "called", "had_gradient"):
            layer.__dict__.pop(name, None)
        layer.__class__ = dense
        return self

    def remembers(self) -> bool:
        """Say whether anything is kept from an earlier step."""
        return any(bool(state.steps) for state in self.states.values())

    def choices(self, x: Tensor, w: Tensor) -> Choices:
        """Choose what survives of weights and activations, once per forward pass."""
        recipe = self.recipe
        # Reentrant checkpointing runs the forward pass twice from one random state, the first time
        # without gradients. Both runs must draw as often, also what only backward uses.
        draws = recipe.input_grad_weight, recipe.weight_grad_activation
        drawn = self.training and any(s is not None and s.draws for s in draws)
        backward_follows = torch.is_grad_enabled() or drawn
        with torch.no_grad():
            forward_weight = self.choose("forward_weight", w)
            forward_activation = self.choose("forward_activation", x)
            # Equal selectors on the same tensor share one choice: the backward products then reuse
            # that of the forward product. Without a backward pass nothing is chosen for it.
            input_grad_weight, weight_grad_activation = forward_weight, forward_activation
            if recipe.input_grad_weight != recipe.forward_weight and backward_follows:
                input_grad_weight = self.choose("input_grad_weight", w)
            if recipe.weight_grad_activation != recipe.forward_activation and backward_follows:
                weight_grad_activation = self.choose("weight_grad_activation", x)
        return Choices(
            forward_weight=forward_weight,
            forward_activation=forward_activation,
            input_grad_weight=input_grad_weight,
            weight_grad_activation=weight_grad_activation,
        )

    def choose(self, name: str, x: Tensor, training: bool | None = None) -> Tensor | None:
        """Return the threshold or mask of one operand for ``x``, or None if all of it is used.

        Parameters
        ----------
        name : str
            The operand's name, such as "forward_weight".
        x : Tensor
            The operand.
        training : bool, optional
            With False, what the layer keeps is used and not changed. The layer's own mode if not
            given.
        """
        training = self.training if training is None else training
        selector = self.recipe[name]
        if selector is None or selector.own_weight_gradient:
            return None
        state = self.states.get(name)
        if state is None:
            return selector.choose(x, None, training)
        weight = self.weight
        if not torch.compiler.is_compiling() and not state.settle(weight, training):
            return selector.choose(x, None, training)
        return selector.choose(x, state, training, weight)

    def operand(self, name: str, x: Tensor) -> Tensor:
        """Return one operand as its product would use ``x`` now.

        What the layer keeps between steps is used and not changed.

        Parameters
        ----------
        name : str
            The operand's name, such as "forward_weight".
        x : Tensor
            The weight, the activation or the output gradient.

        Raises
        ------
        ValueError
            For an unknown name.
        """
        choice, selector = self.choose(operand(name).name, x, training=False), self.recipe[name]
        return x if choice is None or selector is None else selector.operand(x, choice)

    def laid_out(self, x: Tensor) -> tuple[Tensor, Geometry | None]:
        """Return the input as the product takes it, and a convolution's geometry."""
        return x, None

    @torch.no_grad()
    def computed(
        self, x: Tensor, geometry: Geometry | None = None, training: bool = False
    ) -> Tensor | None:
        """Return the mask of the entries of Y that are computed, or None for all.

        Parameters
        ----------
        x : Tensor
            The input, as the product takes it.
        geometry : Geometry, optional
            Of a convolution.
        training : bool
            With False, the default, what the layer keeps is used and not changed.
        """
        selector = self.recipe.output
        if selector is None or not selector.sparsity:
            return None
        state, weight = self.states.get(OUTPUT), self.weight
        if state is not None and not torch.compiler.is_compiling():
            state = state if state.settle(weight, training) else None
        return selector.choose(x, state, training, weight, geometry)

    def _zeroed(self, y: Tensor, x: Tensor, geometry: Geometry | None = None) -> Tensor:
        """Return Y with zeros for what the recipe does not compute, and so G with zeros there."""
        mask = self.computed(x, geometry, self.training)
        return y if mask is None else torch.where(mask, y, 0.0)

    def _remembered(self) -> Remembered | None:
        if not self.recipe.remembering_gradients or not torch.is_grad_enabled():
            return None
        for state in self.states.values():
            state.settle(self.weight, self.training)
        return Remembered(self.states, self.training, self.weight)

    def _decaying(self, weight: Tensor, choices: Choices) -> Tensor:
        """Return the weight, whose gradient gains the recipe's decay of the pruned entries."""
        decay = self.recipe.decay
        if not decay or choices.forward_weight is None:
            return weight
        decaying: Tensor = DecayInGradient.apply(
            weight, choices.forward_weight, decay, self._saving().compressed
        )  # type: ignore[no-untyped-call]
        return decaying

    def _entering(self, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Return the input in the product's dtype, which is that of the dense layer.

        A mix of dtypes raises, as it does in the dense layer.
        """
        self.called = True
        device = input.device.type
        if torch.is_autocast_enabled(device) and _autocasts(input) and _autocasts(weight):
            return input.to(torch.get_autocast_dtype(device))
        if input.dtype != weight.dtype:
            raise TypeError(f"input must have the weight's {weight.dtype}, got {input.dtype}")
        if bias is not None and bias.dtype != weight.dtype:
            raise TypeError(f"bias must have the weight's {weight.dtype}, got {bias.dtype}")
        return input

    def _saving(self) -> Saving:
        return self.saving if torch.is_grad_enabled() else WHOLE

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, recipe={self.recipe.name}"

    def register_parameter(self, name: str, param: nn.Parameter | None) -> None:
        """Register a parameter as torch does, but refuse a weight with batch norm folded in.

        Folding scales every filter, and among scaled weights a selector chooses others.

        Raises
        ------
        ValueError
            If, in evaluation, the new weight is the old one with its filters scaled and other
            weights would survive. A pruned weight can be scaled.
        """
        old = self._parameters.get(name)
        folded = name == "weight" and not self.training and old is not None and param is not None
        if folded and self._chooses_others(old, param):
            raise ValueError(
                f"weight of {self} must not be scaled filter by filter, as by folding batch norm "
                "into it: other weights would survive; call prune_(model) "
                "first"
            )
        super().register_parameter(name, param)

    @torch.no_grad()
    def _chooses_others(self, old: Any, new: Any) -> bool:
        selector, outputs = self.recipe.forward_weight, self.recipe.output
        if old.shape != new.shape or old.device != new.device or old.is_meta:
            return False
        if selector is None and outputs is None:
            return False
        before, after = self.matrix(old.detach()), self.matrix(new.detach().to(old.dtype))
        rows, scaled = before.flatten(1), after.flatten(1)
        largest = rows.abs().argmax(1, keepdim=True)
        # A filter of zeros has no scale: 0 / 0.
        scale = (scaled.gather(1, largest) / rows.gather(1, largest)).nan_to_num()
        if torch.equal(rows, scaled) or not torch.allclose(rows * scale, scaled, rtol=1e-3):
            return False
        if selector is None:  # the filters that make an output compete
            return True
        kept = self.choose("forward_weight", before, training=False)
        assert kept is not None
        chosen = selector.thawed.choose(after, None, False)
        if selector.changes_values:  # what is kept between steps was not computed from these
            return True
        differs = selector.kept(before, kept) ^ selector.thawed.kept(after, chosen)
        return bool((differs & (before != 0)).any())

    def _apply(self, fn: Any, *args: Any, **kwargs: Any) -> Any:
        for state in self.states.values():
            state.settle(self.weight, training=False)
        result = super()._apply(fn, *args, **kwargs)  # type: ignore[no-untyped-call]
        for state in self.states.values():
            state.move(self.weight)
        return result

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        # The keys stay those of the dense layer. What is kept between steps is stored in the state
        # dict's metadata, so that weights come back with the choice made for them.
        if self.remembers() and hasattr(destination, "_metadata"):
            destination._metadata.setdefault(prefix[:-1], {})[KEPT] = {
                name: {"selector": str(self.recipe.selectors[name])} | state.state()
                for name, state in self.states.items()
            }

    def _load_from_state_dict(
        self, state_dict: Any, prefix: str, local_metadata: Any, *arguments: Any
    ) -> None:
        held, before = self.remembers(), self.weight
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *arguments)
        if f"{prefix}weight" not in state_dict and self.weight is before:
            return
        kept = local_metadata.get(KEPT, {})
        if self._fits(kept):
            for name, state in self.own_states().items():
                state.load(kept[name], self.weight)
            return
        for state in self.states.values():
            state.forget()
            state.adopt(self.weight)
        if held:
            warnings.warn(
                # The text names no layer, so that Python shows it once for the whole model.
                "weights were loaded without the thresholds or masks kept for them: new ones are "
                "chosen in the next step; to have the old ones, call load_sparsity_state_ after "
                "load_state_dict",
                stacklevel=2,
            )

    def _fits(self, kept: dict[str, dict[str, Any]]) -> bool:
        """Say whether a saved state is that of equal selectors on a weight of this size."""
        return (
            bool(kept)
            and kept.keys() == self.states.keys()
            and all(
                kept[name].get("selector") == str(self.recipe.selectors[name])
                and kept[name]["entries"].shape == state.entries.shape
                for name, state in self.states.items()
            )
        )


def _autocasts(x: Tensor) -> bool:
    # As for torch's own layers, double precision and what is not floating stay what they are.
    return x.is_floating_point() and x.dtype != torch.float64

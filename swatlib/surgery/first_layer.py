"""Find the layer that the forward pass calls first, whatever the order of definition.

SWAT-U leaves the first layer dense (section 3.3.2). A model may define its head before its stem, so
"first" is read from the forward pass of a copy without weights, up to the first layer that it
calls: with the user's example if there is one; else with symbols in place of tensors; else, where
the way to the layer depends on the input's shape, with inputs of every shape that a layer takes.
"""

import inspect
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch._dynamo import OptimizedModule

from swatlib.checked import checked
from swatlib.surgery.twin import Call, Example, call_of, onto_meta, without_weights

_WRAPPERS = (OptimizedModule, nn.DataParallel, nn.parallel.DistributedDataParallel)
PIXELS, TOKENS = (32, 224), 8
"""Image sizes, and the sequence length, of the inputs that are tried."""


class _Found(Exception):
    """Carries the name of the layer that was called first, and its input."""


class _Follower(fx.Tracer):
    """Follows a forward pass until one of the layers is called."""

    def __init__(self, layers: dict[nn.Module, str]) -> None:
        super().__init__()
        self.layers = layers

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """Look into everything that has one of the layers inside, torch's own modules too."""
        return not any(module in self.layers for module in m.modules())

    def call_module(self, m: nn.Module, forward: Any, args: Any, kwargs: Any) -> Any:
        """Stop at the first of the layers."""
        if m in self.layers:
            raise _Found(self.layers[m])
        return super().call_module(m, forward, args, kwargs)


@checked
def first_layer(model: nn.Module, names: Sequence[str], example: Example | None = None) -> str:
    """Return which of some layers of a model its forward pass calls first.

    Parameters
    ----------
    model : nn.Module
        Not changed and not run; a copy without weights is.
    names : sequence of str
        Of the layers in question, as in ``named_modules``.
    example : tensor, shape, tuple or mapping, optional
        What the model is called with, see :data:`swatlib.surgery.twin.Example`.

    Returns
    -------
    str
        One of `names`.

    Raises
    ------
    ValueError
        If the model cannot be called with `example`, or none of the layers is.

    Warns
    -----
    UserWarning
        If it cannot be told without an example; the first of `names` is then taken.
    """
    known = dict(model.named_modules())
    if not names or any(name not in known for name in names):
        raise ValueError(f"names must be those of layers of the model, got {list(names)}")
    if len(names) == 1 and example is None:
        return names[0]
    if isinstance(model, _WRAPPERS):
        inside = "_orig_mod" if isinstance(model, OptimizedModule) else "module"
        inner: nn.Module = getattr(model, inside)
        short = [name.removeprefix(f"{inside}.") for name in names]
        return f"{inside}.{first_layer(inner, short, example)}"
    try:
        twin = without_weights(model)
    except Exception as error:  # some models cannot be copied
        return _unknown(model, names, error)
    modules = dict(twin.named_modules())
    layers = {modules[name]: name for name in names}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the user sees the model's own warnings when running it
        if example is not None:
            return _called_first(twin, layers, onto_meta(call_of(example, twin)))
        try:
            _Follower(layers).trace(twin, concrete_args=_defaults(twin))
        except _Found as found:
            return str(found.args[0])
        except Exception as error:  # tracing with symbols can fail in any way
            reason = error
        else:
            reason = ValueError("none is called")
        led_to = set()
        for call in _tries(twin, layers):
            try:
                led_to.add(_called_first(twin, layers, call))
            except ValueError:
                continue
    return led_to.pop() if len(led_to) == 1 else _unknown(model, names, reason)


def _unknown(model: nn.Module, names: Sequence[str], error: Exception) -> str:
    reason = str(error).strip().partition("\n")[0] or type(error).__name__
    warnings.warn(
        f"which layer of {type(model).__name__} is used first cannot be told without an input "
        f"({reason}): {names[0]!r}, defined first, is taken for it; give an example to be sure",
        stacklevel=4,
    )
    return names[0]


def _called_first(twin: nn.Module, layers: dict[nn.Module, str], call: Call) -> str:
    """Run the copy up to the first of the layers; ValueError if it does not take the call."""

    def stop(layer: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        raise _Found(layers[layer], next(iter([*args, *kwargs.values()]), None))

    hooks = [layer.register_forward_pre_hook(stop, with_kwargs=True) for layer in layers]
    args, kwargs = call
    try:
        with torch.inference_mode(False), torch.no_grad():
            twin(*args, **kwargs)
    except _Found as found:
        name, x = found.args
        if _fits(twin.get_submodule(name), x):
            return str(name)
        reason = f"layer {name!r} does not take an input of shape {tuple(getattr(x, 'shape', ()))}"
    except Exception as error:
        reason = str(error).strip().partition("\n")[0]
    else:
        reason = f"it calls none of the layers {', '.join(layers.values())}"
    finally:
        for hook in hooks:
            hook.remove()
    raise ValueError(f"example does not fit {type(twin).__name__}: {reason}")


def _fits(layer: Any, x: Any) -> bool:
    if not isinstance(x, Tensor) or not x.is_floating_point():
        return False
    if isinstance(layer, nn.Conv2d):
        return x.ndim in (3, 4) and x.shape[-3] == layer.in_channels
    return bool(x.ndim) and x.shape[-1] == layer.weight.shape[1]


def _tries(twin: nn.Module, layers: dict[nn.Module, str]) -> Iterator[Call]:
    """Yield calls with every kind of input that one of the layers, or an embedding, takes."""
    shapes: dict[tuple[int, ...], None] = {}
    for layer in layers:
        if isinstance(layer, nn.Conv2d):
            shapes |= {(2, layer.in_channels, size, size): None for size in PIXELS}
        elif isinstance(layer, nn.Linear):
            shapes |= {(2, layer.in_features): None, (2, TOKENS, layer.in_features): None}
    dtype = next((p.dtype for p in twin.parameters() if p.is_floating_point()), torch.float32)
    inputs = [torch.empty(shape, device="meta", dtype=dtype) for shape in shapes]
    if any(isinstance(module, nn.Embedding) for module in twin.modules()):
        inputs.append(torch.empty(2, TOKENS, device="meta", dtype=torch.int64))
    needed = len(
        [p for p in _parameters(twin) if p.default is p.empty and p.kind < p.VAR_POSITIONAL]
    )
    for x in inputs:
        yield (x,) * max(1, needed), {}


def _defaults(model: nn.Module) -> dict[str, Any]:
    """Return the defaults of forward's arguments; arguments without one are traced as symbols."""
    return {p.name: p.default for p in _parameters(model) if p.default is not p.empty}


def _parameters(model: nn.Module) -> list[inspect.Parameter]:
    return list(inspect.signature(model.forward).parameters.values())

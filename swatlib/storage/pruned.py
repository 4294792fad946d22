"""Pruned for free: after SWAT the weights that no forward pass uses can go.

SWAT trains with sparse weights in the forward pass, so at the same sparsity the pruned network is
the network that was trained ("weight can be pruned to S% without sacrificing any loss in accuracy",
ICLR 2020 submission, section 1). What is left is small enough to store as values and a bit mask.

A file is a zip archive: ``manifest.json`` names every tensor of the state dict with its dtype,
shape and count of active entries; one member per tensor holds its bytes (little-endian, of active
entries only), and ``NAME.mask`` says which they are, in row-major order, lowest bit first.
"""

import json
import zlib
from math import prod
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile, ZipInfo

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from swatlib.checked import checked
from swatlib.core.sparse_layer import SparseLayer
from swatlib.files import whole
from swatlib.kernels.packing import pack_bits, unpack_bits
from swatlib.surgery.multiplying import computed
from swatlib.surgery.tied import uses

FORMAT = "swatlib pruned model 1"
MANIFEST = "manifest.json"
LARGEST_MANIFEST = 2**24
"""Bytes; a larger one is not read."""


@checked
@torch.no_grad()
def prune_(model: nn.Module) -> nn.Module:
    """Write zeros into the weights that the forward pass does not use, in place.

    Predictions stay the same, to the bit, because the forward product multiplies by the same values
    as before. They stay the same after ``densify_`` too.

    Parameters
    ----------
    model : nn.Module
        Made sparse by a recipe with a ``forward_weight``, as SWAT is.

    Returns
    -------
    nn.Module
        ``model`` itself.

    Raises
    ------
    TypeError
        If ``model`` is no module.
    ValueError
        If no layer has sparse forward weights, or a layer draws them anew in each forward pass or
        changes their values.

    Examples
    --------
    >>> import swatlib, torch
    >>> layer = torch.nn.Linear(10, 10)
    >>> layer = swatlib.sparsify_(layer, swatlib.swat(0.9, first_layer_dense=False))
    >>> int(swatlib.prune_(layer).weight.count_nonzero())
    10
    """
    for weight, mask in _active(model):
        weight.masked_fill_(~mask, 0)
    return model


@checked
@torch.no_grad()
def save_pruned(path: str | Path, model: nn.Module) -> None:
    """Write the state of a sparse model without its non-active weights; ``model`` is not changed.

    Parameters
    ----------
    path : str or Path
        Replaced atomically, so that no unfinished file is ever there.
    model : nn.Module
        As for :func:`prune_`, which need not have been called.

    Raises
    ------
    TypeError, ValueError
        As :func:`prune_`.
    OSError
        If the file cannot be written.

    Examples
    --------
    See :func:`load_pruned`.

    >>> import swatlib, tempfile, torch
    >>> layer = torch.nn.Linear(4, 4)
    >>> layer = swatlib.sparsify_(layer, swatlib.swat(0.5, first_layer_dense=False))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     swatlib.save_pruned(f"{folder}/layer.zip", layer)
    """
    masks = {id(weight): mask for weight, mask in _active(model)}
    state = model.state_dict(keep_vars=True)
    extra = _extra(state)
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"path must be in a folder that is there, got {path}")
    with whole(path) as stream, ZipFile(stream, "w", ZIP_DEFLATED) as archive:
        tensors = {}
        for name, tensor in state.items():
            if name in extra:
                continue
            mask = masks.get(id(tensor))
            flat = tensor.detach().cpu().reshape(-1)
            if mask is not None:
                mask = mask.cpu().reshape(-1)
                flat = flat[mask]
                _write(archive, f"{name}.mask", pack_bits(mask))
            _write(archive, name, flat)
            active = None if mask is None else len(flat)
            tensors[name] = {**_description(tensor), "active": active}
        content: dict[str, Any] = {"format": FORMAT, "tensors": tensors}
        manifest = json.dumps(content | ({"extra": extra} if extra else {}), indent=1)
        archive.writestr(ZipInfo(MANIFEST), manifest, ZIP_DEFLATED)


@checked
@torch.no_grad()
def load_pruned(path: str | Path, model: nn.Module) -> nn.Module:
    """Read what :func:`save_pruned` wrote into a model of the same architecture, in place.

    Nothing in the file is executed, and no more bytes are read than the model's tensors need. The
    model may be sparse or dense; it then predicts what the saved one did. It is changed only if the
    whole file is valid.

    Parameters
    ----------
    path : str or Path
    model : nn.Module

    Returns
    -------
    nn.Module
        ``model`` itself.

    Raises
    ------
    OSError
        If there is no such file, or it cannot be read.
    ValueError
        If the file is damaged, not written by :func:`save_pruned`, or of another model; the message
        says which tensor.

    Examples
    --------
    >>> import swatlib, tempfile, torch
    >>> model = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Linear(4, 2))
    >>> model = swatlib.sparsify_(model, swatlib.swat(0.5))
    >>> other = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Linear(4, 2))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     swatlib.save_pruned(f"{folder}/model.zip", model)
    ...     other = swatlib.load_pruned(f"{folder}/model.zip", other)
    >>> x = torch.randn(3, 4)
    >>> torch.equal(other(x), model(x))
    True
    """
    here = {n: t for n, t in model.state_dict().items() if isinstance(t, Tensor)}
    extra_here = model.state_dict().keys() - here.keys()
    if lazy := [name for name, tensor in here.items() if is_lazy(tensor)]:
        raise ValueError(f"model must know its shapes, {lazy[0]} is lazy: call it once first")
    expected = {name: _description(t) for name, t in here.items()}
    try:
        with ZipFile(path) as archive:
            size = min(archive.getinfo(MANIFEST).file_size, LARGEST_MANIFEST)
            manifest = json.loads(_read(archive, MANIFEST, size))
            if manifest["format"] != FORMAT:
                raise BadZipFile(f"format must be {FORMAT!r}, got {manifest['format']!r}")
            tensors = manifest["tensors"]
            found = {n: {k: t[k] for k in ("dtype", "shape")} for n, t in tensors.items()}
            if difference := _difference(found, expected):
                raise ValueError(f"{path} holds another model: {difference}")
            extra = dict(manifest.get("extra", {}))
            if wrong := extra.keys() ^ extra_here:
                raise ValueError(f"{path} holds another model: extra state {min(wrong)} differs")
            state = {
                name: _tensor(archive, name, tensors[name]["active"], like)
                for name, like in here.items()
            }
    except _DAMAGE as error:
        raise ValueError(f"{path} is damaged or holds no pruned model: {error}") from error
    first: dict[int, str] = {}
    for name, tensor in here.items():
        other = first.setdefault(tensor.data_ptr() or id(tensor), name)
        if not _equal(state[name], state[other]):
            raise ValueError(f"{path} holds another model: {other} and {name} are one weight here")
    model.load_state_dict(state | extra)
    return model


# What reading a damaged or foreign file may raise.
_DAMAGE = (
    BadZipFile,
    EOFError,
    KeyError,
    TypeError,
    AttributeError,
    NotImplementedError,
    RuntimeError,
    json.JSONDecodeError,
    UnicodeDecodeError,
    zlib.error,
)


def _active(model: nn.Module) -> list[tuple[Tensor, Tensor]]:
    """Return every sparse forward weight and the mask of its active entries."""
    if not isinstance(model, nn.Module):
        raise TypeError(f"model must be an nn.Module, got {type(model).__name__}")
    recipes = set()
    for name, layer in model.named_modules():
        if not isinstance(layer, SparseLayer):
            continue
        recipes.add(layer.recipe.name)
        selector = layer.recipe.forward_weight
        if selector is not None and selector.draws:
            raise ValueError(
                f"layer {name!r} draws its active weights anew in every forward pass "
                f"({selector}), so none can be pruned"
            )
        if selector is not None and selector.changes_values:
            raise ValueError(
                f"layer {name!r} multiplies by other values than its weight's ({selector}), which "
                "zeros in the weight would change"
            )
        if computed(layer):
            raise ValueError(f"layer {name!r} computes its weight: remove what does so first")
    found = []
    for weight, owners in uses(model):
        thin = next(owner for owner in owners if owner.mask is not None)
        assert thin.mask is not None
        for other in owners:
            if other.mask is None or not _equal(thin.mask, other.mask):
                raise ValueError(
                    f"{thin.name} ({thin.kind}) and {other.name} ({other.kind}) are one weight "
                    "and do not use the same of it: what one leaves out the other needs; untie "
                    "them, or leave the layer dense with filter_fn"
                )
        found.append((weight, thin.mask))
    if not found:
        its = f"its recipe is {', '.join(sorted(recipes))}" if recipes else "it is dense"
        raise ValueError(f"model must have a layer with sparse forward weights, but {its}")
    return found


def _equal(a: Tensor, b: Tensor) -> bool:
    return a.shape == b.shape and torch.equal(a, b)


def _extra(state: dict[str, Any]) -> dict[str, Any]:
    """Return the extra state of a state dict: what a module's ``get_extra_state`` gives."""
    extra = {name: value for name, value in state.items() if not isinstance(value, Tensor)}
    for name, value in extra.items():
        try:
            same = json.loads(json.dumps(value)) == value
        except (TypeError, ValueError, RecursionError):
            same = False
        if not same:
            raise ValueError(
                f"extra state {name!r} must be made of what JSON has (text, numbers, flags, lists, "
                f"objects) to be saved, got {type(value).__name__}"
            )
    return extra


def _description(tensor: Tensor) -> dict[str, Any]:
    return {"dtype": str(tensor.dtype).removeprefix("torch."), "shape": list(tensor.shape)}


def _difference(found: dict[str, Any], expected: dict[str, Any]) -> str:
    for name in [*expected, *found]:
        there, here = (
            f"{d[name]['dtype']} {d[name]['shape']}" if name in d else "missing"
            for d in (found, expected)
        )
        if there != here:
            return f"{name} is {there} there and {here} here"
    return ""


def _write(archive: ZipFile, name: str, flat: Tensor) -> None:
    # ZipInfo has a fixed date, so the same model gives the same file.
    content = flat.contiguous().view(torch.uint8).numpy().tobytes()
    archive.writestr(ZipInfo(name), content, ZIP_DEFLATED)


def _read(archive: ZipFile, name: str, size: int) -> bytes:
    stated = archive.getinfo(name).file_size
    if stated != size:
        raise BadZipFile(f"{name} has {stated} bytes, {size} expected")
    return archive.read(name)


def _tensor(archive: ZipFile, name: str, active: int | None, like: Tensor) -> Tensor:
    n = prod(like.shape)
    if active is None:
        return _values(_read(archive, name, n * like.itemsize), like.dtype).reshape(like.shape)
    mask = unpack_bits(_values(_read(archive, f"{name}.mask", -(-n // 8)), torch.uint8), n)
    if int(mask.sum()) != active:
        raise BadZipFile(f"{name} has {int(mask.sum())} active entries, {active} expected")
    values = _values(_read(archive, name, active * like.itemsize), like.dtype)
    return torch.zeros(n, dtype=like.dtype).masked_scatter_(mask, values).reshape(like.shape)


def _values(content: bytes, dtype: torch.dtype) -> Tensor:
    if not content:
        return torch.empty(0, dtype=dtype)
    return torch.frombuffer(bytearray(content), dtype=torch.uint8).view(dtype)

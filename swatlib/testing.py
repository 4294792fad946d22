"""The contract: properties of every sparse training method, checked for any recipe.

>>> import swatlib
>>> from swatlib.testing import check_recipe
>>> check_recipe(swatlib.swat(0.5), only=["evaluation_changes_nothing"])

A selector of your own (a subclass of :class:`swatlib.Selector`) goes into a recipe and the recipe
through these checks. A check that cannot hold is named, with the reason, as an expected failure; it
must then fail.
"""

import copy
import io
import pickle
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.parallel import DistributedDataParallel

from swatlib.core.operands import PRODUCTS, WEIGHT, operand
from swatlib.core.recipe import Recipe
from swatlib.core.selector import Selector
from swatlib.methods import Method, Progress
from swatlib.surgery.sparsify import densify_, report, sparse_layers, sparsify_
from swatlib.surgery.state import load_sparsity_state_, sparsity_state

DENSE = Method(Recipe("dense"))
PATIENCE = 300
"""Seconds that two processes may take."""


def network(dtype: torch.dtype = torch.float32) -> nn.Module:
    """Return the network of the checks, the same every time: convolutions and linear layers."""
    state = torch.get_rng_state()
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 8, 3, stride=2, padding=1, groups=2),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 8, 1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(128, 16),
        nn.ReLU(),
        nn.Linear(16, 4),
    )
    torch.set_rng_state(state)
    return model.to(dtype)


def batch(
    step: int = 0, rank: int = 0, dtype: torch.dtype = torch.float32
) -> tuple[Tensor, Tensor]:
    """Return eight images of 8x8 pixels and their labels."""
    generator = torch.Generator().manual_seed(10 * step + rank)
    x = torch.randn(8, 3, 8, 8, generator=generator)
    return x.to(dtype), torch.arange(8) % 4


def made_sparse(method: Method, model: nn.Module | None = None) -> nn.Module:
    """Return a network made sparse by ``method``, in the layers its selectors can act on."""
    selectors = [s for s in method.recipe.named().values() if s is not None]
    return sparsify_(
        network() if model is None else model,
        method,
        filter_fn=lambda _, layer: (
            method.linear is not None or all(isinstance(layer, s.layers) for s in selectors)
        ),
    )


def optimizer_of(model: nn.Module) -> torch.optim.Optimizer:
    """Return SGD with momentum."""
    return torch.optim.SGD(model.parameters(), 0.05, momentum=0.9)


def train(
    model: nn.Module,
    method: Method,
    steps: Iterable[int],
    optimizer: torch.optim.Optimizer | None = None,
    forward: Callable[[Tensor], Tensor] | None = None,
) -> list[float]:
    """Take steps and return their losses."""
    optimizer = optimizer or optimizer_of(model)
    model.train()
    losses = []
    for step in steps:
        x, y = batch(step)
        optimizer.zero_grad()
        loss = F.cross_entropy((forward or model)(x), y)
        loss.backward()
        progress = Progress(step, steps=60, epoch_steps=3)
        method.after_backward(model, optimizer, progress)
        optimizer.step()
        method.after_step(model, optimizer, progress)
        losses.append(loss.item())
    return losses


def assert_same_weights(a: nn.Module, b: nn.Module, what: str) -> None:
    """Raise AssertionError, saying what differs, unless all parameters are equal to the bit."""
    for (name, p), q in zip(a.named_parameters(), b.parameters(), strict=True):
        if not torch.equal(p, q):
            raise AssertionError(f"{what}: {name} differs by up to {(p - q).abs().max():.3g}")


def zero_sparsity_is_dense(method: Method) -> None:
    """At sparsity 0 outputs, gradients and weights are those of the dense network, to the bit.

    N:M selectors get n = m. Left out are other selectors of fixed sparsity, and selectors of
    columns, which compute the weight gradient themselves.
    """
    selectors = {name: _at_zero(s) for name, s in method.recipe.named().items()}
    nothing = Method(replace(method.recipe, decay=0.0, **selectors))
    sparse, dense = made_sparse(nothing), network()
    assert train(sparse, nothing, range(3)) == train(dense, DENSE, range(3)), (
        "losses differ from the dense ones"
    )
    assert_same_weights(sparse, dense, "at sparsity 0")


def _at_zero(selector: Selector | None) -> Any:
    if selector is None or selector.own_weight_gradient:
        return None
    if not selector.fixed_sparsity:
        return selector.at_sparsity(0.0)
    names = {field.name for field in fields(selector)}  # type: ignore[arg-type]
    changed: Any = selector
    return replace(changed, n=changed.m) if {"n", "m"} <= names else None


def gradients_are_those_of_the_row(method: Method) -> None:
    """Output and gradients agree with explicit im2col products in float64, operand by operand.

    The weight gradient of a selector of columns is left out: only it knows which it keeps.
    """
    torch.manual_seed(1)
    model = made_sparse(method, network(torch.float64))
    model.train()
    seen: dict[str, tuple[Tensor, Tensor]] = {}

    def watch(name: str) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
        def hook(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            seen[name] = inputs[0].detach(), output.detach()

        return hook

    for name, layer in sparse_layers(model):
        handle = layer.register_forward_hook(watch(name))
        model(batch(dtype=torch.float64)[0])
        handle.remove()
        x = seen[name][0].clone().requires_grad_()
        grad = torch.randn_like(seen[name][1])
        layer.zero_grad()
        torch.manual_seed(2)
        y = layer(x)
        y.backward(grad)
        torch.manual_seed(2)
        wanted = _products(layer, x.detach(), grad)
        for what, found, reference in zip(
            ("Y", "dX", "dW"), (y.detach(), x.grad, layer.weight.grad), wanted, strict=True
        ):
            if reference is not None and not torch.allclose(found, reference, atol=1e-9):
                error = (found - reference).abs().max()
                raise AssertionError(f"{what} of layer {name} is off by {error:.3g}")


def _products(layer: Any, x: Tensor, grad: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
    """Return Y, dX and dW of a layer by matrix products of its unfolded operands."""
    recipe, w = layer.recipe, layer.weight.detach()
    forward_w = layer.choose("forward_weight", w)
    forward_x = layer.choose("forward_activation", x)
    backward_w, backward_x = forward_w, forward_x
    if recipe.input_grad_weight != recipe.forward_weight:
        backward_w = layer.choose("input_grad_weight", w)
    if recipe.weight_grad_activation != recipe.forward_activation:
        backward_x = layer.choose("weight_grad_activation", x)
    for_input, for_weight = recipe.input_grad_gradient, recipe.weight_grad_gradient
    g_input = _used(for_input, grad, for_input.choose(grad)) if for_input else grad
    g_weight = g_input
    if for_weight != for_input:
        g_weight = _used(for_weight, grad, for_weight.choose(grad)) if for_weight else grad
    w_y, x_y = (
        _used(recipe.forward_weight, w, forward_w),
        _used(recipe.forward_activation, x, forward_x),
    )
    w_dx = _used(recipe.input_grad_weight, w, backward_w)
    x_dw = _used(recipe.weight_grad_activation, x, backward_x)

    if isinstance(layer, nn.Linear):
        y = x_y @ w_y.T + layer.bias.detach()
        dx = g_input @ w_dx
        dw = g_weight.T @ x_dw
    else:
        y = _convolved(layer, x_y, w_y)
        dx = _spread(layer, g_input, w_dx, x.shape)
        dw = _correlated(layer, g_weight, x_dw)
    if recipe.decay:
        dw = dw + recipe.decay * (w - w_y)
    by_columns = recipe.columns is not None and isinstance(layer, nn.Conv2d)
    return y, dx, None if by_columns else dw


def _used(selector: Selector | None, x: Tensor, choice: Tensor | None) -> Tensor:
    return x if selector is None or choice is None else selector.operand(x, choice)


def _columns(layer: nn.Conv2d, x: Tensor) -> Tensor:
    """Return im2col(X): (N, groups, Cin / groups kh kw, Ho Wo)."""
    size, padding = layer.kernel_size, layer.padding
    columns = F.unfold(x, size, layer.dilation, padding, layer.stride)  # type: ignore[arg-type]
    return columns.reshape(len(x), layer.groups, -1, columns.shape[-1])


def _convolved(layer: nn.Conv2d, x: Tensor, w: Tensor) -> Tensor:
    matrix = w.reshape(layer.groups, w.shape[0] // layer.groups, -1)
    y = torch.einsum("gok,ngkp->ngop", matrix, _columns(layer, x))
    down = (x.shape[2] + 2 * layer.padding[0] - layer.kernel_size[0]) // layer.stride[0] + 1  # type: ignore[operator]
    assert layer.bias is not None
    return y.reshape(len(x), w.shape[0], down, -1) + layer.bias.detach()[:, None, None]


def _spread(layer: nn.Conv2d, g: Tensor, w: Tensor, shape: torch.Size) -> Tensor:
    matrix = w.reshape(layer.groups, w.shape[0] // layer.groups, -1)
    grouped = g.reshape(len(g), layer.groups, -1, g.shape[2] * g.shape[3])
    columns = torch.einsum("gok,ngop->ngkp", matrix, grouped).flatten(1, 2)
    size, padding = layer.kernel_size, layer.padding
    return F.fold(columns, shape[2:], size, layer.dilation, padding, layer.stride)  # type: ignore[arg-type]


def _correlated(layer: nn.Conv2d, g: Tensor, x: Tensor) -> Tensor:
    grouped = g.reshape(len(g), layer.groups, -1, g.shape[2] * g.shape[3])
    dw = torch.einsum("ngop,ngkp->gok", grouped, _columns(layer, x))
    return dw.reshape(layer.weight.shape)


def training_lowers_the_loss(method: Method) -> None:
    """Sixty steps on one batch halve the loss."""
    torch.manual_seed(0)
    losses = train(made_sparse(method), method, [0] * 60)
    assert losses[-1] < losses[0] / 2, f"the loss went from {losses[0]:.3f} to {losses[-1]:.3f}"


def evaluation_changes_nothing(method: Method) -> None:
    """Evaluation, in whichever mode of autograd, leaves weights, states and mode as they are."""
    model = made_sparse(method)
    twin = copy.deepcopy(model)
    torch.manual_seed(3)
    for step in range(6):
        train(twin, method, [step])
    torch.manual_seed(3)
    for step in range(6):
        train(model, method, [step])
        state = torch.get_rng_state()
        model.eval()
        model(batch(9)[0])
        with torch.no_grad():
            model(batch(9)[0])
        with torch.inference_mode():
            model(batch(9)[0])
        torch.set_rng_state(state)
    # Every step above had a new optimizer, so momentum plays no part in the comparison.
    assert_same_weights(model, twin, "with evaluation in between")


def compiled_steps_are_eager_steps(method: Method) -> None:
    """Steps compile without graph breaks and give the eager numbers; a smaller batch runs too."""
    model = made_sparse(method)
    twin = copy.deepcopy(model)
    torch.compiler.reset()
    compiled = torch.compile(twin, backend="aot_eager", fullgraph=True)
    torch.manual_seed(4)
    eager = train(model, method, range(4))
    torch.manual_seed(4)
    found = train(twin, method, range(4), forward=compiled)
    assert torch.allclose(torch.tensor(eager), torch.tensor(found)), f"{eager} eager, {found}"
    for (name, p), q in zip(model.named_parameters(), twin.parameters(), strict=True):
        assert torch.allclose(p, q, atol=1e-6), f"{name} differs by {(p - q).abs().max():.3g}"
    compiled(batch()[0][:5])
    torch.compiler.reset()


def autocast_keeps_weights_and_gradients_in_float32(method: Method) -> None:
    """Under autocast outputs are bfloat16, weights and gradients float32, and training works."""
    model = made_sparse(method)
    x, y = batch()
    sgd = optimizer_of(model)
    for _ in range(4):
        sgd.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            output = model(x)
        assert output.dtype == torch.bfloat16, f"output is {output.dtype}"
        F.cross_entropy(output.float(), y).backward()
        for name, p in model.named_parameters():
            assert p.grad is not None, f"{name} has no gradient"
            assert p.grad.dtype == torch.float32, f"the gradient of {name} is {p.grad.dtype}"
            assert p.grad.isfinite().all(), f"the gradient of {name} is not finite"
        sgd.step()


def the_memory_format_changes_nothing(method: Method) -> None:
    """In float64 a channels-last network computes what the contiguous one does."""
    x, y = batch(dtype=torch.float64)
    outputs = []
    for layout in (torch.contiguous_format, torch.channels_last):
        model = network(torch.float64).to(memory_format=layout)  # type: ignore[call-overload]
        made_sparse(method, model)
        torch.manual_seed(5)
        output = model(x.to(memory_format=layout))
        F.cross_entropy(output, y).backward()
        outputs.append([output, *(p.grad for p in model.parameters())])
    for a, b in zip(*outputs, strict=True):
        assert torch.allclose(a, b, atol=1e-10), f"differs by {(a - b).abs().max():.3g}"


def a_copy_trains_alike(method: Method) -> None:
    """A deep copy and a pickled copy, made in the middle of training, go on as the original."""
    model = made_sparse(method)
    torch.manual_seed(6)
    train(model, method, range(5))
    twins = copy.deepcopy(model), pickle.loads(pickle.dumps(model))
    for one in (model, *twins):
        torch.manual_seed(7)
        train(one, method, range(5, 9))
    for twin, how in zip(twins, ("deepcopy", "pickle"), strict=True):
        assert_same_weights(model, twin, how)


def saved_and_continued_is_uninterrupted(method: Method) -> None:
    """State dict, sparsity state and optimizer state, through a file, continue a run to the bit."""
    model = made_sparse(method)
    optimizer = optimizer_of(model)
    torch.manual_seed(8)
    train(model, method, range(5), optimizer)
    assert list(model.state_dict()) == list(network().state_dict()), "state-dict keys changed"
    file = io.BytesIO()
    torch.save(
        [dict(model.state_dict()), sparsity_state(model), optimizer.state_dict()],
        file,
    )
    file.seek(0)
    weights, sparsity, momenta = torch.load(file, weights_only=True)
    again = made_sparse(method)
    again.load_state_dict(weights)
    load_sparsity_state_(again, sparsity)
    other = optimizer_of(again)
    other.load_state_dict(momenta)
    for one, its in ((model, optimizer), (again, other)):
        torch.manual_seed(9)
        train(one, method, range(5, 9), its)
    assert_same_weights(model, again, "saved and continued")


def tied_weights_add_their_gradients(method: Method) -> None:
    """A weight that two layers share gets the sum of what two equal weights would get."""
    layers = [nn.Conv2d(4, 4, 3, padding=1, bias=False, dtype=torch.float64) for _ in range(3)]
    layers[2].weight = layers[1].weight
    tied = nn.Sequential(layers[0], nn.ReLU(), layers[1], nn.ReLU(), layers[2])
    apart = copy.deepcopy(tied)
    last: Any = apart[4]
    last.weight = nn.Parameter(last.weight.detach().clone())
    gradients: list[list[Any]] = []
    x = torch.randn(2, 4, 6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for model in (tied, apart):
        sparsify_(model, method)
        torch.manual_seed(10)
        model(x).square().sum().backward()
        gradients.append([p.grad for p in model.parameters()])
    (first, shared), (other, one, two) = gradients
    assert torch.allclose(first, other), "the layer before differs"
    assert torch.allclose(shared, one + two), "the shared gradient is not the sum"


def an_empty_batch_passes(method: Method) -> None:
    """A batch of no images gives an empty output and finite gradients."""
    model = made_sparse(method)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()  # torch refuses batch statistics of no images
    output = model(batch()[0][:0])
    assert output.shape == (0, 4), f"output has shape {tuple(output.shape)}"
    output.sum().backward()
    for name, p in model.named_parameters():
        assert p.grad is not None, f"{name} has no gradient"
        assert p.grad.isfinite().all(), f"the gradient of {name} is not finite"


def dense_again_is_dense(method: Method) -> None:
    """``densify_`` gives the same layer objects back, with the trained weights."""
    model = made_sparse(method)
    layers = {name: layer for name, layer in model.named_modules() if name}
    train(model, method, range(2))
    weights = [p.detach().clone() for p in model.parameters()]
    densify_(model)
    for name, layer in network().named_modules():
        if name:
            assert type(layers[name]) is type(layer), f"{name} is a {type(layers[name]).__name__}"
    assert all(torch.equal(a, b) for a, b in zip(weights, model.parameters(), strict=True))


def it_is_reported_counted_and_simulated(method: Method) -> None:
    """The report names every sparse operand; counting and simulating the model work."""
    from swatlib.accounting import count, densities, trace
    from swatlib.simulator import masks_of

    model = made_sparse(method)
    train(model, method, range(2))
    rows = report(model)
    used = [name for name, selector in method.recipe.named().items() if selector is not None]
    for name in used:
        assert (rows[name] != "dense").any(), f"the report leaves {name} out"
    network_ = trace(network(), batch()[0])
    totals = count(network_, densities(network_, method.recipe)).totals()
    dense = count(network_).totals()
    assert all(totals[name] <= dense[name] for name in PRODUCTS)
    layers, masks = masks_of(model, *batch())
    assert len(layers) == len(masks) > 0


def two_ranks_agree(method: Method) -> None:
    """Two processes under DistributedDataParallel stay equal to the bit (gloo, on the CPU)."""
    two_ranks_agree_on([method])


def two_ranks_agree_on(methods: Sequence[Recipe | Method]) -> None:
    """Check several methods with one pair of processes.

    Raises
    ------
    AssertionError
        If weights or kept thresholds or masks differ, or the processes do not end in time.
    """
    with tempfile.TemporaryDirectory() as folder:
        pair = mp.spawn(
            _rank, args=(folder, [_lifted(one) for one in methods]), nprocs=2, join=False
        )
        for _ in range(PATIENCE):
            if pair.join(timeout=1):
                break
        else:
            for process in pair.processes:
                process.kill()
            raise AssertionError(f"the two processes did not end within {PATIENCE} s")
        first, second = (
            torch.load(Path(folder) / f"{rank}.pt", weights_only=True) for rank in range(2)
        )
    for method, a, b in zip(methods, first, second, strict=True):
        assert len(a) == len(b), f"the ranks of {method.name} keep different things"
        for p, q in zip(a, b, strict=True):
            assert torch.equal(p, q), f"the ranks of {method.name} differ"


def _rank(rank: int, folder: str, methods: list[Method]) -> None:
    torch.set_num_threads(1)
    store = f"file://{Path(folder).resolve()}/store"
    dist.init_process_group("gloo", init_method=store, rank=rank, world_size=2)
    results = []
    for method in methods:
        torch.manual_seed(rank)  # different seeds: equal draws must not be why they agree
        model = DistributedDataParallel(made_sparse(method))
        optimizer = optimizer_of(model)
        for step in range(5):
            x, y = batch(step, rank + 1)
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            progress = Progress(step, steps=60, epoch_steps=3)
            method.after_backward(model, optimizer, progress)
            optimizer.step()
            method.after_step(model, optimizer, progress)
        kept = [
            (state.threshold if state.mask is None else state.mask).nan_to_num()
            for _, layer in sparse_layers(model)
            for name, state in layer.states.items()
            if operand(name).tensor == WEIGHT  # activations are each rank's own
        ]
        results.append([*(p.detach() for p in model.parameters()), *kept])
    torch.save(results, Path(folder) / f"{rank}.pt")
    dist.destroy_process_group()


Check = Callable[[Method], None]

CHECKS: dict[str, Check] = {
    check.__name__: check
    for check in (
        zero_sparsity_is_dense,
        gradients_are_those_of_the_row,
        training_lowers_the_loss,
        evaluation_changes_nothing,
        compiled_steps_are_eager_steps,
        autocast_keeps_weights_and_gradients_in_float32,
        the_memory_format_changes_nothing,
        a_copy_trains_alike,
        saved_and_continued_is_uninterrupted,
        tied_weights_add_their_gradients,
        an_empty_batch_passes,
        dense_again_is_dense,
        it_is_reported_counted_and_simulated,
        two_ranks_agree,
    )
}
"""Every check by its name."""


def _lifted(recipe: Recipe | Method) -> Method:
    return recipe if isinstance(recipe, Method) else Method(recipe)


def check_recipe(
    recipe: Recipe | Method,
    expected_failures: Mapping[str, str] | None = None,
    only: Sequence[str] | None = None,
) -> None:
    """Check that a method has the properties that every method of the library has.

    Parameters
    ----------
    recipe : Recipe or Method
        Made of the library's selectors or of your own.
    expected_failures : mapping of check to reason, optional
        Checks that this method cannot pass. Such a check must fail.
    only : sequence of str, optional
        Names of :data:`CHECKS`; all if not given. They take some seconds, and the last one starts
        two processes: call from a module that can be imported.

    Raises
    ------
    AssertionError
        If a check fails, naming it and all others that fail; or if one that is expected to fail
        passes.
    TypeError, ValueError
        If ``recipe`` is neither, a check is not known, or a reason is missing.
    """
    if not isinstance(recipe, Recipe | Method):
        raise TypeError(f"recipe must be a Recipe or a Method, got {type(recipe).__name__}")
    expected = dict(expected_failures or {})
    for name in (*expected, *(only or ())):
        if name not in CHECKS:
            raise ValueError(f"checks must be of {', '.join(CHECKS)}; got {name!r}")
    for name, reason in expected.items():
        if not isinstance(reason, str) or not reason.strip():
            raise ValueError(f"expected_failures[{name!r}] must give a reason, got {reason!r}")
    wrong, causes = [], []
    for name in CHECKS if only is None else only:
        try:
            CHECKS[name](_lifted(recipe))
        except Exception as error:
            if name not in expected:
                wrong.append(f"{name}: {type(error).__name__}: {error}")
                causes.append(error)
        else:
            if name in expected:
                wrong.append(f"{name} passes, though expected to fail: {expected[name]}")
    if wrong:
        message = f"{recipe.name} does not keep the contract:\n" + "\n".join(wrong)
        raise AssertionError(message) from (causes[0] if causes else None)


__all__ = ["CHECKS", "Check", "check_recipe", "two_ranks_agree_on", *CHECKS]

"""The clauses of the contract, one function each, and what checks them."""

import copy
import io
import pickle
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from swatlib.core.operands import PRODUCTS
from swatlib.core.recipe import Recipe
from swatlib.core.selector import Selector
from swatlib.methods import Method
from swatlib.surgery.sparsify import densify_, report, sparse_layers, sparsify_
from swatlib.surgery.state import load_sparsity_state_, sparsity_state
from swatlib.testing.network import (
    DENSE,
    assert_same_weights,
    batch,
    made_sparse,
    network,
    optimizer_of,
    train,
)
from swatlib.testing.ranks import lifted, two_ranks_agree_on
from swatlib.testing.reference import products


def zero_sparsity_is_dense(method: Method) -> None:
    """At sparsity 0 outputs, gradients and weights are those of the dense network, to the bit.

    N:M selectors get n = m. Left out are other selectors of fixed sparsity, and selectors of
    columns, which compute the weight gradient themselves.
    """
    selectors = method.recipe.map(_at_zero)
    nothing = Method(replace(method.recipe, decay=0.0, **selectors))
    sparse, dense = made_sparse(nothing), network()
    assert train(sparse, nothing, range(3)) == train(dense, DENSE, range(3)), (
        "losses differ from the dense ones"
    )
    assert_same_weights(sparse, dense, "at sparsity 0")


def _at_zero(selector: Selector) -> Any:
    if selector.own_weight_gradient:
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
        wanted = products(layer, x.detach(), grad)
        for what, found, reference in zip(
            ("Y", "dX", "dW"), (y.detach(), x.grad, layer.weight.grad), wanted, strict=True
        ):
            if reference is not None and not torch.allclose(found, reference, atol=1e-9):
                error = (found - reference).abs().max()
                raise AssertionError(f"{what} of layer {name} is off by {error:.3g}")


def training_lowers_the_loss(method: Method) -> None:
    """Sixty steps on one batch halve the loss."""
    torch.manual_seed(0)
    losses = train(made_sparse(method), method, range(60), images=0)
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
    for name in method.recipe.selectors:
        assert (rows[name] != "dense").any(), f"the report leaves {name} out"
    network_ = trace(network(), batch()[0])
    totals = count(network_, densities(network_, method.recipe)).totals()
    dense = count(network_).totals()
    # To find which outputs to compute may cost more than computing all, in a network so small.
    counted = PRODUCTS if method.recipe.output is None else PRODUCTS[1:]
    assert all(totals[name] <= dense[name] for name in counted)
    layers, masks = masks_of(model, *batch())
    assert len(layers) == len(masks) > 0


def two_ranks_agree(method: Method) -> None:
    """Two processes under DistributedDataParallel stay equal to the bit (gloo, on the CPU)."""
    two_ranks_agree_on([method])


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
            CHECKS[name](lifted(recipe))
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

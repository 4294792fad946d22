"""Training: a plain loop, and a run as a value that the loop can be asked for.

Nothing here is needed to train sparsely: a model made sparse by ``sparsify_`` trains in any loop
with any optimizer. This is the loop the book's records come from.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from math import cos, isfinite, pi
from typing import Any

import torch
from torch import Tensor, nn

from swatlib import checks
from swatlib.augmentation import augment
from swatlib.checked import checked, checked_fields
from swatlib.data import Dataset, load
from swatlib.distribution import ALLOCATIONS, at_sparsity, densities, redistribute_
from swatlib.first_layer import first_layer
from swatlib.fst import decay_pruned_
from swatlib.models import NAMES, network
from swatlib.observe import OBSERVERS
from swatlib.recipes import Recipe, recipe
from swatlib.sparsify import report, sparsifiable, sparsify_
from swatlib.topology import freeze_, mask_gradients_

OnStep = Callable[[int, nn.Module], None]
SCHEDULES = ("cosine", "steps", "constant", "one-cycle")
PRECISIONS = ("bfloat16",)
DENSE: dict[str, Any] = {
    "method": "dense",
    "sparsity": 0.0,
    "options": {},
    "classifier_dense": None,
    "allocation": None,
    "masked_gradients": None,
    "freeze_epoch": None,
    "observe": None,
}
"""The fields of a run that say how it is sparse, as a dense run has them."""


@dataclass(frozen=True)
class Run:
    """The specification of one training run; two equal runs give the same numbers on one machine.

    Parameters
    ----------
    data : str
        Data set, as :func:`swatlib.data.load` names it.
    pixels, images : int, optional
        Size of the images and number of training images, where not the data set's own.
    network : str
        As :func:`swatlib.models.network` names it.
    width, depth : int, optional
        Of a small network.
    method : str
        As :func:`swatlib.recipes.recipe` names it.
    sparsity : float
        In [0, 1).
    options : dict
        Further options of the method.
    classifier_dense : bool, optional
        True leaves the last layer dense; if not given it is sparse like the others.
    allocation : str, optional
        How the sparsity is spread over the layers, as :func:`swatlib.distribution.densities` names
        it; if not given, every layer has the same and the first is dense.
    masked_gradients : bool, optional
        True zeroes the gradients of non-active weights.
    freeze_epoch : int, optional
        Freeze the topology when so many epochs are done, 0 before the first step.
    pretrain_epochs : int, optional
        Train the dense network so many epochs, by the same schedule, before the run: ASP's start.
    observe : str, optional
        "topology" or "thresholds": what to watch, see :mod:`swatlib.observe`.
    epochs, batch_size : int
    lr, momentum, weight_decay : float
        Of SGD; ``lr`` is the peak rate.
    schedule : str
        "cosine" to zero, per step; "steps", a tenth at one and two thirds of the run as the papers
        have it for CIFAR; "constant". The first twentieth of a run warms up linearly. "one-cycle"
        rises linearly for the first fifth of the run and falls linearly to zero.
    nesterov : bool, optional
        True takes Nesterov's momentum.
    precision : str, optional
        "bfloat16" trains and evaluates under autocast; if not given, in float32.
    flips : bool, optional
        True mirrors training images at random.
    shifts : int, optional
        Shift training images at random by up to so many pixels.
    label_smoothing : float, optional
        In [0, 1), of the training loss.
    seed : int
        Of the initial weights, the order of the images and every random choice of the method.
    """

    data: str = "digits"
    pixels: int | None = None
    images: int | None = None
    network: str = "small_resnet"
    width: int | None = None
    depth: int | None = None
    method: str = "dense"
    sparsity: float = 0.0
    options: dict[str, Any] = field(default_factory=dict)
    classifier_dense: bool | None = None
    allocation: str | None = None
    masked_gradients: bool | None = None
    freeze_epoch: int | None = None
    pretrain_epochs: int | None = None
    observe: str | None = None
    epochs: int = 10
    batch_size: int = 128
    lr: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 5e-4
    schedule: str = "cosine"
    nesterov: bool | None = None
    precision: str | None = None
    flips: bool | None = None
    shifts: int | None = None
    label_smoothing: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        optional = checks.optional
        checked_fields(
            self,
            data=checks.text,
            pixels=optional(checks.count),
            images=optional(checks.count),
            network=partial(checks.one_of, allowed=NAMES),
            width=optional(checks.count),
            depth=optional(checks.count),
            sparsity=checks.sparsity,
            options=checks.options,
            classifier_dense=optional(checks.flag),
            allocation=optional(checks.one_of, allowed=ALLOCATIONS),
            masked_gradients=optional(checks.flag),
            freeze_epoch=optional(checks.count, least=0),
            pretrain_epochs=optional(checks.count),
            observe=optional(checks.one_of, allowed=tuple(OBSERVERS)),
            epochs=checks.count,
            batch_size=checks.count,
            lr=partial(checks.number, above=0),
            momentum=partial(checks.number, least=0, below=1),
            weight_decay=partial(checks.number, least=0),
            schedule=partial(checks.one_of, allowed=SCHEDULES),
            nesterov=optional(checks.flag),
            precision=optional(checks.one_of, allowed=PRECISIONS),
            flips=optional(checks.flag),
            shifts=optional(checks.count, least=0),
            label_smoothing=optional(checks.sparsity),
            seed=partial(checks.count, least=0, most=checks.SEEDS),
        )
        if self.batch_size == 1:
            raise ValueError("batch_size must be at least 2 for batch normalisation, got 1")
        if self.nesterov and not self.momentum:
            raise ValueError("nesterov needs a momentum above 0, got 0")
        # An unknown method or sparsity is known to be wrong before anything is computed.
        used = recipe(self.method, self.sparsity, **self.options)
        for name in ("allocation", "masked_gradients", "freeze_epoch", "observe"):
            if getattr(self, name) is not None and used.forward_weight is None:
                raise ValueError(
                    f"{name} needs a method with sparse forward weights, got {self.method!r}"
                )
        if self.allocation is not None:
            at_sparsity(used, self.sparsity)
        if self.allocation == "momentum" and not self.momentum:
            raise ValueError("allocation 'momentum' needs a momentum above 0, got 0")
        if self.allocation == "momentum" and self.freeze_epoch is not None:
            raise ValueError("freeze_epoch must be None with allocation 'momentum'")
        if self.freeze_epoch is not None and not 0 <= self.freeze_epoch < self.epochs:
            raise ValueError(f"freeze_epoch must be in [0, {self.epochs}), got {self.freeze_epoch}")

    def compute(self) -> dict[str, Any]:
        """Train; what a sweep calls."""
        return train_run(self)


@checked(device=checks.usable_device)
def train_run(run: Run, device: str | None = None, on_step: OnStep | None = None) -> dict[str, Any]:
    """Train as ``run`` says and return its metrics.

    Parameters
    ----------
    run : Run
    device : str, optional
        A GPU if there is one, else the CPU.
    on_step : callable, optional
        Called as ``on_step(step, model)`` after every optimizer step.

    Returns
    -------
    dict
        ``epochs``: per epoch ``train_loss`` (mean over its batches), ``test_accuracy`` (percent)
        and ``test_loss``; ``test_accuracy``: the last epoch's; ``diverged``: whether the loss
        became non-finite, which ends the run; ``parameters``, ``train_images``, ``test_images`` and
        ``pixels``; ``observed`` if the run observes something; ``densities``, the fraction of
        active weights by layer at the end, if it has an allocation.
    """
    dataset = load(run.data, pixels=run.pixels, images=run.images)
    model = build(run, dataset)
    if run.pretrain_epochs is not None:
        pretrain_(model, dataset, run, device)
    observer = OBSERVERS[run.observe]() if run.observe else None

    def watch(step: int, model: nn.Module) -> None:
        for callback in (observer, on_step):
            if callback is not None:
                callback(step, model)

    epochs = list(train(model, dataset, run, device, watch))
    more: dict[str, Any] = {}
    if observer is not None:
        more["observed"] = observer.result()
    if run.allocation is not None:
        rows = report(model)
        more["densities"] = dict(zip(rows["layer"], 1 - rows["sparsity"], strict=True))
    return {
        "epochs": epochs,
        "test_accuracy": epochs[-1]["test_accuracy"],
        "diverged": not isfinite(epochs[-1]["train_loss"]),
        "parameters": sum(p.numel() for p in model.parameters()),
        "train_images": len(dataset.train_x),
        "test_images": len(dataset.test_x),
        "pixels": dataset.train_x.shape[-1],
        **more,
    }


@checked
def build(run: Run, dataset: Dataset) -> nn.Module:
    """Return the run's network, initialised from its seed and made sparse by its method."""
    torch.manual_seed(run.seed)
    channels, pixels = dataset.train_x.shape[1], dataset.train_x.shape[-1]
    model = network(
        run.network,
        classes=dataset.classes,
        image=pixels,
        channels=channels,
        width=run.width,
        depth=run.depth,
    )
    *_, (_, classifier) = sparsifiable(model)
    return sparsify_(
        model,
        layer_recipes(run, model),
        filter_fn=lambda name, layer: not (run.classifier_dense and layer is classifier),
    )


@checked(device=checks.usable_device)
def pretrain_(model: nn.Module, dataset: Dataset, run: Run, device: str | None = None) -> nn.Module:
    """Train the run's network densely for ``run.pretrain_epochs``; its weights go to ``model``."""
    epochs = run.pretrain_epochs or 0
    start = replace(run, **DENSE, epochs=epochs, pretrain_epochs=None)
    dense = build(start, dataset)
    for _ in train(dense, dataset, start, device):
        pass
    try:
        model.load_state_dict(dense.state_dict())
    except RuntimeError as error:
        raise ValueError(f"model must be the run's network, got {type(model).__name__}") from error
    return model


@checked
def layer_recipes(run: Run, model: nn.Module) -> dict[str, Recipe]:
    """Return the recipe of every layer of ``model`` that the run makes sparse.

    Linear layers have no channels: in a structured run they are unstructured.
    """
    whole = recipe(run.method, run.sparsity, **run.options)
    linear = {name: value for name, value in run.options.items() if name != "structured"}
    names = [name for name, _ in sparsifiable(model)]
    first = first_layer(model, names) if whole.first_layer_dense else None
    density: dict[str, float] = {}
    if run.allocation is not None:
        density = densities(model, run.allocation, run.sparsity, whole.first_layer_dense)
    recipes = {}
    for name, layer in sparsifiable(model):
        options = linear if isinstance(layer, nn.Linear) else run.options
        own = recipe(run.method, run.sparsity, **options)
        if run.allocation is not None:
            own = at_sparsity(own, 1 - density[name])
        if name != first or run.allocation in ("erk", "momentum"):
            recipes[name] = own
    return recipes


@checked(device=checks.usable_device)
def train(
    model: nn.Module,
    dataset: Dataset,
    run: Run,
    device: str | None = None,
    on_step: OnStep | None = None,
) -> Iterator[dict[str, Any]]:
    """Train ``model`` with SGD as ``run`` says, yielding each epoch's metrics.

    A generator, so that a caller can look at the model between epochs. It ends early when the loss
    is no longer finite: what a diverged network would do further is of no use.
    """
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    if next(model.parameters(), None) is None:
        raise ValueError("model must have parameters, got none")
    layout = memory_format(model)
    model = model.to(device=device, memory_format=layout)  # type: ignore[call-overload]
    train_x, train_y, test_x, test_y = (t.to(device) for t in dataset[1:5])
    train_x, test_x = (t.to(memory_format=layout) for t in (train_x, test_x))
    optimizer = torch.optim.SGD(
        model.parameters(),
        lr=run.lr,
        momentum=run.momentum,
        weight_decay=run.weight_decay,
        nesterov=bool(run.nesterov),
    )
    order = torch.Generator().manual_seed(run.seed)
    # A stream of its own: augmented or not, a run sees the images in the same order.
    distortion = torch.Generator().manual_seed(run.seed)
    low = run.precision is not None
    autocast = torch.autocast(torch.device(device).type, dtype=torch.bfloat16, enabled=low)
    smoothing = run.label_smoothing or 0.0
    # A last batch of one image has no batch statistics; it is left out.
    starts = [s for s in range(0, len(train_x), run.batch_size) if len(train_x) - s > 1]
    step, steps = 0, run.epochs * len(starts)
    for epoch in range(run.epochs):
        if epoch == run.freeze_epoch:
            freeze_(model)
        model.train()
        permutation = torch.randperm(len(train_x), generator=order).to(device)
        total = torch.zeros((), device=device)
        for start in starts:
            batch = permutation[start : start + run.batch_size]
            for group in optimizer.param_groups:
                group["lr"] = run.lr * rate(run.schedule, step / steps)
            optimizer.zero_grad(set_to_none=True)
            images = train_x[batch]
            if run.flips or run.shifts:
                images = augment(images, distortion, bool(run.flips), run.shifts or 0)
            with autocast:
                output = model(images)
            loss = nn.functional.cross_entropy(
                output.float(), train_y[batch], label_smoothing=smoothing
            )
            loss.backward()
            if run.masked_gradients:
                mask_gradients_(model)
            optimizer.step()
            decay_pruned_(model)
            if run.allocation == "momentum":
                redistribute_(model, optimizer, run.sparsity)
            total += loss.detach()
            step += 1
            if on_step is not None:
                on_step(step, model)
        with autocast:
            accuracy, test_loss = evaluate(model, test_x, test_y)
        train_loss = total.item() / len(starts)
        yield {
            "epoch": epoch + 1,
            "train_loss": train_loss,
            "test_loss": test_loss,
            "test_accuracy": accuracy,
        }
        if not isfinite(train_loss):
            return


@checked
def memory_format(model: nn.Module) -> torch.memory_format:
    """Return the memory format ``model`` trains in: channels-last, the faster one, where safe.

    On a CPU, torch 2.13.0 writes past its memory in a channels-last 1x1 convolution of stride 2
    with few input channels: fewer than 8 seen with AVX2, fewer than 16 reported with AVX-512
    (github.com/uxlfoundation/oneDNN/issues/6035). It is so in dense torch as well, and does not
    always crash. A network with such a layer trains in the contiguous format.
    """
    unsafe = any(
        isinstance(layer, nn.Conv2d)
        and layer.in_channels < 16
        and layer.kernel_size == (1, 1)
        and layer.stride != (1, 1)
        for layer in model.modules()
    )
    return torch.contiguous_format if unsafe else torch.channels_last


@checked(
    schedule=partial(checks.one_of, allowed=SCHEDULES),
    progress=partial(checks.number, least=0, most=1),
)
def rate(schedule: str, progress: float) -> float:
    """Return the learning rate, as a fraction of its peak, at ``progress`` in [0, 1) of a run."""
    if schedule == "one-cycle":
        return min((progress + 1e-3) / 0.2, (1 - progress) / 0.8)
    warm_up = min(1.0, (progress + 1e-3) / 0.05)
    if schedule == "cosine":
        return warm_up * 0.5 * (1 + cos(pi * progress))
    if schedule == "steps":
        return warm_up * 0.1 ** ((progress >= 1 / 3) + (progress >= 2 / 3))
    return warm_up


@checked(
    x=partial(checks.tensor, shape=(checks.MORE, None), dtypes=None, meta=False),
    y=partial(checks.tensor, shape=(None,), dtypes=(torch.int64,), meta=False),
    batch_size=checks.count,
)
@torch.no_grad()
def evaluate(model: nn.Module, x: Tensor, y: Tensor, batch_size: int = 500) -> tuple[float, float]:
    """Return accuracy in percent and mean cross-entropy of ``model`` on images ``x``, labels ``y``.

    The model is evaluated in evaluation mode and left in the mode it was in.
    """
    if not len(x) or len(x) != len(y):
        raise ValueError(f"x and y must be as many, and at least one, got {len(x)} and {len(y)}")
    training = model.training
    model.eval()
    correct, loss = 0, 0.0
    for images, labels in zip(x.split(batch_size), y.split(batch_size), strict=True):
        output = model(images).float()
        if output.ndim != 2 or len(output) != len(images):
            raise ValueError(f"model must return (N, classes), got {tuple(output.shape)}")
        correct += int((output.argmax(1) == labels).sum())
        loss += nn.functional.cross_entropy(output, labels, reduction="sum").item()
    model.train(training)
    return 100 * correct / len(x), loss / len(x)

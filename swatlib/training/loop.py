"""The training loop, for any model and loss; it calls the method's hooks around each step.

Nothing here is needed to train sparsely: a model made sparse by ``sparsify_`` trains in any loop
with any optimizer. This is the loop the book's records come from.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from math import isfinite
from typing import Any

import torch
from torch import Tensor, nn

from swatlib import checks
from swatlib.checked import checked, checked_fields
from swatlib.data import Dataset, load
from swatlib.data.label_noise import with_label_noise
from swatlib.methods import Method, Progress
from swatlib.models import build_network
from swatlib.records.checkpoint import Checkpoint
from swatlib.surgery.sparsify import report, sparsify_
from swatlib.training import ranks
from swatlib.training.augmentation import augment
from swatlib.training.course import Course
from swatlib.training.observe import OBSERVERS
from swatlib.training.rate import SCHEDULES, rate
from swatlib.training.run import DENSE, OPTIMIZERS, Run

OnStep = Callable[[int, nn.Module], None]
Loss = Callable[[Tensor], tuple[Tensor, ...]]
"""From the indices of a batch's images to the terms of its loss, whose sum is differentiated."""


@dataclass(frozen=True)
class Descent:
    """How a loop trains.

    Parameters
    ----------
    epochs, batch_size : int
    lr, momentum, weight_decay : float
        ``lr`` is the peak rate.
    schedule : str
        See :func:`swatlib.training.rate.rate`.
    nesterov : bool
    seed : int
        Of the order of the images.
    optimizer : str, optional
        "adamw", of which ``momentum`` is the first beta; SGD if not given.
    """

    epochs: int
    batch_size: int
    lr: float
    momentum: float
    weight_decay: float
    schedule: str = "cosine"
    nesterov: bool = False
    seed: int = 0
    optimizer: str | None = None

    def __post_init__(self) -> None:
        checked_fields(
            self,
            epochs=checks.count,
            batch_size=checks.count,
            lr=partial(checks.number, above=0),
            momentum=partial(checks.number, least=0, below=1),
            weight_decay=partial(checks.number, least=0),
            schedule=partial(checks.one_of, allowed=SCHEDULES),
            seed=partial(checks.count, least=0, most=checks.SEEDS),
            optimizer=checks.optional(checks.one_of, allowed=OPTIMIZERS),
        )

    def of(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """Return the optimizer of these parameters."""
        lr, decay = self.lr, self.weight_decay
        if self.optimizer == "adamw":
            return torch.optim.AdamW(parameters, lr, (self.momentum, 0.999), weight_decay=decay)
        return torch.optim.SGD(
            parameters, lr, self.momentum, weight_decay=decay, nesterov=self.nesterov
        )


@checked(images=checks.count)
def steps(
    model: nn.Module,
    images: int,
    loss: Loss,
    descent: Descent,
    method: Method,
    on_step: OnStep | None = None,
    generators: Sequence[torch.Generator] = (),
    course: Course | None = None,
) -> Iterator[list[float]]:
    """Train ``model``, yielding each epoch's loss terms, means over its batches.

    A generator, so that a caller can look at the model between epochs. It ends early when a term is
    no longer finite, because a diverged network does not recover.

    Parameters
    ----------
    model : nn.Module
        On its device, sparse by ``method``.
    images : int
        How many there are to train on.
    loss : callable
        See :data:`Loss`.
    descent : Descent
    method : Method
        Its hooks are called before the first and around every optimizer step.
    on_step : callable, optional
        Called as ``on_step(step, model)`` after every optimizer step.
    generators : sequence of torch.Generator
        What ``loss`` draws from, beside torch's own random state.
    course : Course, optional
        Where an earlier sitting left the training, which goes on there, and where this one is kept.
    """
    course = course or Course()
    first = next(model.parameters(), None)
    if first is None:
        raise ValueError("model must have parameters, got none")
    device = first.device
    optimizer = descent.of(model.parameters())
    order = torch.Generator().manual_seed(descent.seed)
    # A last batch of one image has no batch statistics; it is left out, unless it is the only one.
    least = 2 * ranks.size()
    starts = [s for s in range(0, images, descent.batch_size) if images - s >= least] or [0]
    whole = descent.epochs * len(starts)

    def first_loss() -> Tensor:
        again = torch.Generator().manual_seed(descent.seed)
        batch = torch.randperm(images, generator=again)[: descent.batch_size].to(device)
        with leaving_no_trace(model, generators):
            terms = loss(batch)
            return sum(terms[1:], terms[0])

    done = course.take_up(model, optimizer, (order, *generators))
    step = done * len(starts)
    model.train()
    if not done:
        method.start(model, first_loss)
    for _ in range(done, descent.epochs):
        model.train()
        permutation = torch.randperm(images, generator=order).to(device)
        total: Tensor | None = None
        for start in starts:
            for group in optimizer.param_groups:
                group["lr"] = descent.lr * rate(descent.schedule, step / whole)
            optimizer.zero_grad(set_to_none=True)
            terms = loss(permutation[start : start + descent.batch_size])
            sum(terms[1:], terms[0]).backward()
            progress = Progress(step, whole, len(starts))
            method.after_backward(model, optimizer, progress)
            optimizer.step()
            method.after_step(model, optimizer, progress)
            seen = torch.stack([term.detach() for term in terms])
            total = seen if total is None else total + seen
            step += 1
            if on_step is not None:
                on_step(step, model)
        assert total is not None
        means = [value / len(starts) for value in ranks.mean(total).tolist()]
        ranks.share_buffers_(model)
        yield means
        if not all(map(isfinite, means)):
            return
        course.keep(model, optimizer, (order, *generators))


@contextmanager
def leaving_no_trace(
    model: nn.Module, generators: Sequence[torch.Generator] = ()
) -> Iterator[None]:
    """Restore random states and the model's buffers at the end of the block.

    Within it the buffers are copies. A loss computed there can be differentiated afterwards, which
    it could not if they had been written back.
    """
    states = [generator.get_state() for generator in generators]
    buffers = [(buffer, buffer.data) for buffer in model.buffers()]
    try:
        for buffer, own in buffers:
            buffer.data = own.clone()
        with torch.random.fork_rng():
            yield
    finally:
        for buffer, own in buffers:
            buffer.data = own
        for generator, state in zip(generators, states, strict=True):
            generator.set_state(state)


@checked(device=checks.usable_device)
def train_run(
    run: Run,
    device: str | None = None,
    on_step: OnStep | None = None,
    checkpoint: Checkpoint | None = None,
) -> dict[str, Any]:
    """Train as ``run`` says and return its metrics.

    Parameters
    ----------
    run : Run
    device : str, optional
        A GPU if there is one, else the CPU.
    on_step : callable, optional
        Called as ``on_step(step, model)`` after every optimizer step.
    checkpoint : Checkpoint, optional
        Where a run that was stopped goes on, and where this one is kept. It ends to the bit as one
        that was never stopped.

    Returns
    -------
    dict
        ``epochs``: per epoch ``train_loss`` (mean over its batches), ``test_accuracy`` (percent)
        and ``test_loss``, and ``train_accuracy`` (percent) if the run measures it;
        ``test_accuracy``: the last epoch's; ``diverged``: whether the loss became non-finite, which
        ends the run; ``parameters``, ``train_images``, ``test_images`` and ``pixels``; ``observed``
        if the run observes something; ``densities``, the fraction of active weights by layer at
        the end, if it has an allocation.
    """
    dataset = load(run.data, pixels=run.pixels, images=run.images)
    if run.label_noise:
        dataset = with_label_noise(dataset, run.label_noise, run.seed)
    model = build(run, dataset)
    observer = OBSERVERS[run.observe]() if run.observe else None
    course = Course(checkpoint, observer=observer)
    if run.plan.pretrain_epochs and not course.is_begun:
        pretrain_(model, dataset, run, device, Course(checkpoint, "dense"))

    def watch(step: int, model: nn.Module) -> None:
        for callback in (observer, on_step):
            if callback is not None:
                callback(step, model)

    epochs = list(train(model, dataset, run, device, watch, course))
    more: dict[str, Any] = {}
    if observer is not None:
        more["observed"] = observer.result()
    if run.plan.allocation is not None:
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
    model = build_network(
        run.network,
        classes=dataset.classes,
        image=pixels,
        channels=channels,
        width=run.width,
        depth=run.depth,
        smaller=run.plan.smaller,
    )
    return sparsify_(model, replace(run.plan, smaller=0.0))  # as small as it should be already


@checked(device=checks.usable_device)
def pretrain_(
    model: nn.Module,
    dataset: Dataset,
    run: Run,
    device: str | None = None,
    course: Course | None = None,
) -> nn.Module:
    """Train the run's network densely for ``pretrain_epochs`` and copy its weights to ``model``."""
    start = replace(run, **DENSE, epochs=run.plan.pretrain_epochs)
    dense = build(start, dataset)
    for _ in train(dense, dataset, start, device, course=course):
        pass
    try:
        model.load_state_dict(dense.state_dict())
    except RuntimeError as error:
        raise ValueError(f"model must be the run's network, got {type(model).__name__}") from error
    return model


@checked(device=checks.usable_device)
def train(
    model: nn.Module,
    dataset: Dataset,
    run: Run,
    device: str | None = None,
    on_step: OnStep | None = None,
    course: Course | None = None,
) -> Iterator[dict[str, Any]]:
    """Train ``model`` as ``run`` says, yielding each epoch's metrics; see :func:`steps`.

    Those of epochs that an earlier sitting has done come first, as that one yielded them. Where
    a process group of torch.distributed is there, its processes train together: every batch is
    shared by them, see :mod:`swatlib.training.ranks`.
    """
    course = course or Course()
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    layout = memory_format(model)
    model = model.to(device=device, memory_format=layout)  # type: ignore[call-overload]
    shared = ranks.together(model)
    if ranks.rank() and not course.is_begun:
        torch.manual_seed((run.seed + ranks.rank()) % checks.SEEDS)  # draws of its own
    train_x, train_y, test_x, test_y = (t.to(device) for t in dataset[1:5])
    train_x, test_x = (t.to(memory_format=layout) for t in (train_x, test_x))
    # A generator of its own, so that augmenting does not change the order of the images.
    distortion = torch.Generator().manual_seed(run.seed)
    low = run.precision is not None
    autocast = torch.autocast(torch.device(device).type, dtype=torch.bfloat16, enabled=low)
    smoothing = run.label_smoothing or 0.0

    def loss(batch: Tensor) -> tuple[Tensor]:
        images = train_x[batch]
        if run.flips or run.shifts:
            images = augment(images, distortion, bool(run.flips), run.shifts or 0)
        own, weight = ranks.part(batch)
        with autocast:
            output = shared(images[own]).float()
        labels = train_y[batch[own]]
        return (nn.functional.cross_entropy(output, labels, label_smoothing=smoothing) * weight,)

    def watch(step: int, _: nn.Module) -> None:
        if on_step is not None:
            on_step(step, model)

    descent = Descent(
        run.epochs,
        run.batch_size,
        run.lr,
        run.momentum,
        run.weight_decay,
        run.schedule,
        bool(run.nesterov),
        run.seed,
        run.optimizer,
    )
    yield from course.epochs
    epochs = steps(shared, len(train_x), loss, descent, run.plan, watch, (distortion,), course)
    for epoch, (train_loss,) in enumerate(epochs, len(course.epochs) + 1):
        more = {}
        with autocast:
            accuracy, test_loss = evaluate(model, test_x, test_y)
            if run.training_accuracy:
                more["train_accuracy"], _ = evaluate(model, train_x, train_y)
        course.epochs.append(
            {
                "epoch": epoch,
                "train_loss": train_loss,
                "test_loss": test_loss,
                "test_accuracy": accuracy,
                **more,
            }
        )
        yield course.epochs[-1]


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

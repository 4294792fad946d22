"""A training run as a value: what was asked, in JSON values."""

from dataclasses import asdict, dataclass, field, fields
from functools import partial, wraps
from typing import Any

from swatlib import checks
from swatlib.checked import checked, checked_fields
from swatlib.methods import Method, method, resolve
from swatlib.models import NAMES
from swatlib.records.checkpoint import Checkpoint
from swatlib.training.observe import OBSERVERS
from swatlib.training.rate import SCHEDULES

PRECISIONS = ("bfloat16",)
OPTIMIZERS = ("adamw",)
DENSE: dict[str, Any] = {"method": "dense", "sparsity": 0.0, "options": {}, "observe": None}
"""The fields of a run that say how it is sparse, as a dense run has them."""

AT_THE_TOP = (
    "classifier_dense",
    "allocation",
    "masked_gradients",
    "freeze_epoch",
    "pretrain_epochs",
)
"""Options of a method that a specification and the records hold beside ``options``, not in it."""

SPELLED = {"decoupled_decay": "outside"}
"""Options that have another name in specifications and records."""


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
        As :func:`swatlib.models.build_network` names it.
    width, depth : int, optional
        Of a small network.
    method : str
        As :func:`swatlib.methods.method` names it.
    sparsity : float
        In [0, 1).
    options : dict
        Further options of the method, see :func:`swatlib.methods.method`.
    observe : str, optional
        "topology", "thresholds" or "active-weights": what to watch, see
        :mod:`swatlib.training.observe`.
    epochs : int
        Passes over the training images.
    batch_size : int
        Images in a batch.
    lr, momentum, weight_decay : float
        Of the optimizer; ``lr`` is the peak rate.
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
    optimizer : str, optional
        "adamw", of which ``momentum`` is the first beta; SGD if not given.
    label_noise : float, optional
        In [0, 1): the share of training labels that are drawn anew, uniformly over all classes.
    training_accuracy : bool, optional
        True also measures the accuracy on the training images after every epoch, in evaluation mode
        and without augmentation.
    seed : int
        Of the initial weights, the order of the images, augmentation and every random choice of the
        method.
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
    optimizer: str | None = None
    label_noise: float | None = None
    training_accuracy: bool | None = None
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
            optimizer=optional(checks.one_of, allowed=OPTIMIZERS),
            label_noise=optional(checks.sparsity),
            training_accuracy=optional(checks.flag),
            seed=partial(checks.count, least=0, most=checks.SEEDS),
        )
        if self.batch_size == 1:
            raise ValueError("batch_size must be at least 2 for batch normalisation, got 1")
        if self.nesterov and not self.momentum:
            raise ValueError("nesterov needs a momentum above 0, got 0")
        if self.nesterov and self.optimizer is not None:
            raise ValueError(f"nesterov must not be set for {self.optimizer}, got True")
        # A further name of a method gives the specification of the name it stands for.
        given = {name: value for name, value in self.options.items() if value is not None}
        name, options = resolve(self.method, given)
        object.__setattr__(self, "method", name)
        object.__setattr__(self, "options", options)
        # Raise for an unknown method or a wrong sparsity now, before anything is computed.
        self.plan.check(self.epochs, self.momentum)
        if self.observe is not None and self.plan.recipe.forward_weight is None:
            raise ValueError(
                f"observe needs a method with sparse forward weights, got {self.method!r}"
            )

    @property
    def plan(self) -> Method:
        """The run's method as a value."""
        return method(self.method, self.sparsity, **self.options)

    def specification(self) -> dict[str, Any]:
        """Return the run in JSON values, as its record stores it."""
        flat = asdict(self)
        options = {SPELLED.get(name, name): value for name, value in self.options.items()}
        top = {name: options.pop(name) for name in AT_THE_TOP if name in options}
        return flat | {"options": options} | top

    @classmethod
    @checked
    def of(cls, specification: dict[str, Any]) -> "Run":
        """Return the run of a specification.

        Raises
        ------
        TypeError
            For an entry that runs do not have.
        """
        names = {one.name for one in fields(cls)}
        options = checks.options("options", specification.get("options", {}))
        spelled = {old: new for new, old in SPELLED.items()}
        options = {spelled.get(name, name): value for name, value in options.items()}
        options |= {
            name: specification[name] for name in AT_THE_TOP if specification.get(name) is not None
        }
        rest = {k: v for k, v in specification.items() if k not in (*AT_THE_TOP, "options")}
        if unknown := sorted(rest.keys() - names):
            raise TypeError(f"specification must be that of a run, got {', '.join(unknown)}")
        return cls(**rest, options=options)

    @checked
    def compute(self, checkpoint: Checkpoint | None = None) -> dict[str, Any]:
        """Train and return the metrics, from the checkpoint on if there is one.

        A sweep calls this.
        """
        from swatlib.training.loop import train_run

        return train_run(self, checkpoint=checkpoint)


def _refusing_options(init: Any) -> Any:
    """Raise TypeError where an option of the method is given as a field of the run."""

    @wraps(init)
    def checked_init(self: Run, *args: Any, **kwargs: Any) -> None:
        if moved := [name for name in AT_THE_TOP if name in kwargs]:
            raise TypeError(
                f"{moved[0]} is an option of the method: "
                f"Run(options={{{moved[0]!r}: {kwargs[moved[0]]!r}}})"
            )
        init(self, *args, **kwargs)

    return checked_init


Run.__init__ = _refusing_options(Run.__init__)  # type: ignore[method-assign]

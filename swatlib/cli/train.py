"""``swatlib train``: one run from options."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

METHOD_OPTIONS = (
    "activation_sparsity",
    "over",
    "exact",
    "sample",
    "period",
    "random",
    "structured",
    "first_layer_dense",
)


def _options(pairs: list[str]) -> dict[str, Any]:
    """Read ``NAME=VALUE`` pairs; a value is JSON if it can be read as such, else text."""
    options: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not name or not equals:
            raise ValueError(f"option must be NAME=VALUE, got {pair!r}")
        try:
            options[name] = json.loads(text)
        except json.JSONDecodeError:
            options[name] = text
    return options


def train(
    data: Annotated[str, typer.Option(help="Data set; `swatlib info` lists them.")] = "digits",
    pixels: Annotated[int | None, typer.Option(help="Size of the images.")] = None,
    images: Annotated[int | None, typer.Option(help="Number of training images.")] = None,
    network: Annotated[str, typer.Option(help="Network.")] = "small_resnet",
    width: Annotated[int | None, typer.Option(help="Width of a small network.")] = None,
    depth: Annotated[int | None, typer.Option(help="Depth of a small network.")] = None,
    method: Annotated[str, typer.Option(help="Sparse training method.")] = "dense",
    sparsity: Annotated[float, typer.Option(help="Fraction of zeros, in [0, 1).")] = 0.0,
    activation_sparsity: Annotated[
        float | None, typer.Option(help="Of activations, where not as the weights' (swat).")
    ] = None,
    over: Annotated[
        str | None, typer.Option(help="What competes in Top-K: NCHW, CHW, HW (swat, saw, ...).")
    ] = None,
    exact: Annotated[
        bool | None, typer.Option("--exact", help="Keep exactly K entries, also where they tie.")
    ] = None,
    sample: Annotated[
        int | None, typer.Option(help="Estimate thresholds from so many entries.")
    ] = None,
    period: Annotated[
        int | None, typer.Option(help="Steps between two fresh thresholds or masks.")
    ] = None,
    random: Annotated[
        bool | None, typer.Option("--random", help="Keep random entries in place of Top-K (saw).")
    ] = None,
    structured: Annotated[
        str | None, typer.Option(help="Drop channels per filter, layer or input (swat).")
    ] = None,
    first_layer_dense: Annotated[
        bool | None,
        typer.Option("--first-layer-dense/--first-layer-sparse", help="The first layer."),
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(help="Any other option of the method; may be repeated.", metavar="NAME=VALUE"),
    ] = None,
    classifier_dense: Annotated[
        bool | None, typer.Option("--classifier-dense", help="Leave the last layer dense.")
    ] = None,
    allocation: Annotated[
        str | None, typer.Option(help="Spread the sparsity: uniform, erk or momentum.")
    ] = None,
    masked_gradients: Annotated[
        bool | None,
        typer.Option("--masked-gradients", help="Do not update non-active weights."),
    ] = None,
    freeze_epoch: Annotated[
        int | None, typer.Option(help="Freeze the topology after so many epochs.")
    ] = None,
    pretrain_epochs: Annotated[
        int | None, typer.Option(help="Train densely for so many epochs before.")
    ] = None,
    observe: Annotated[
        str | None, typer.Option(help="What to watch in every step: topology or thresholds.")
    ] = None,
    epochs: Annotated[int, typer.Option(help="Epochs.")] = 10,
    batch_size: Annotated[int, typer.Option(help="Images in a batch.")] = 128,
    lr: Annotated[float, typer.Option(help="Peak learning rate.")] = 0.1,
    momentum: Annotated[float, typer.Option(help="Momentum.")] = 0.9,
    weight_decay: Annotated[float, typer.Option(help="Weight decay.")] = 5e-4,
    schedule: Annotated[str, typer.Option(help="Of the learning rate.")] = "cosine",
    nesterov: Annotated[
        bool | None, typer.Option("--nesterov", help="Nesterov's momentum.")
    ] = None,
    precision: Annotated[
        str | None, typer.Option(help="bfloat16: train under autocast; float32 if not given.")
    ] = None,
    flips: Annotated[
        bool | None, typer.Option("--flips", help="Mirror training images at random.")
    ] = None,
    shifts: Annotated[
        int | None, typer.Option(help="Shift training images by up to so many pixels.")
    ] = None,
    label_smoothing: Annotated[float | None, typer.Option(help="Of the training loss.")] = None,
    seed: Annotated[int, typer.Option(help="Seed.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the metrics as JSON.")] = False,
) -> None:
    """Train one network and print its metrics."""
    from dataclasses import fields

    from swatlib.training import Run, train_run

    given = locals()
    names = [field.name for field in fields(Run) if field.name in given]
    options = {name: given[name] for name in METHOD_OPTIONS if given[name] is not None}
    run = Run(**{name: given[name] for name in names}, options=options | _options(option or []))
    metrics = train_run(run)
    if as_json:
        from swatlib.records import jsonable

        typer.echo(json.dumps(jsonable(metrics), allow_nan=False))
    else:
        _print(metrics)
    if metrics.get("diverged"):
        typer.echo("diverged: the loss is no longer finite; try a smaller --lr", err=True)
        raise typer.Exit(1)


def _print(metrics: dict[str, Any]) -> None:
    for name, value in metrics.items():
        if isinstance(value, list):
            for entry in value:
                typer.echo("  ".join(f"{k} {_short(v)}" for k, v in entry.items()))
        elif name == "observed":
            typer.echo(f"observed {', '.join(value)} (--json prints them)")
        elif isinstance(value, dict):
            for key, inner in value.items():
                typer.echo(f"{name} {key} {_short(inner)}")
        else:
            typer.echo(f"{name} {_short(value)}")


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)

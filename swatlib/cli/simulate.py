"""``swatlib simulate``: cycles and energy of a training step on a sparse accelerator."""

import json
import math
from pathlib import Path
from typing import Annotated, Any

import torch
import typer

from swatlib import checks
from swatlib.models import NAMES, build_network
from swatlib.simulator import (
    PRODUCTS,
    Cartesian,
    Memory,
    Simulation,
    Tactical,
    generate,
    layers_of,
    load_masks,
    parse_window,
)
from swatlib.simulator import simulate as run


def simulate(
    name: Annotated[str, typer.Argument(metavar="NETWORK", help=f"One of {', '.join(NAMES)}.")],
    image: Annotated[int, typer.Option(help="Pixels along a side of the image.")] = 224,
    classes: Annotated[
        int | None, typer.Option(help="Number of classes: 1000 above 64 pixels, else 10.")
    ] = None,
    channels: Annotated[int, typer.Option(help="Channels of the image.")] = 3,
    sparsity: Annotated[
        float | None,
        typer.Option(
            help="Of weights and activations, in [0, 1): random masks, dense first layer."
        ),
    ] = None,
    masks: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.npz",
            help="Your masks instead: array NAME (filters, channels/groups, kh, kw) for each "
            "layer's W, and if you like NAME.input (batch, channels, h, w) for X of its weight "
            "gradient. What is not zero is kept.",
        ),
    ] = None,
    pe: Annotated[str, typer.Option(help="Processing element: tcl or scnn.")] = "tcl",
    window: Annotated[
        str | None, typer.Option(help="tcl: X9, T2,5, L1,6 or inf. Default X9.")
    ] = None,
    lanes: Annotated[int | None, typer.Option(help="tcl: multipliers per filter, 16.")] = None,
    rows: Annotated[int | None, typer.Option(help="tcl: filters per tile, 16.")] = None,
    tiles: Annotated[int | None, typer.Option(help="tcl: tiles, 4.")] = None,
    columns: Annotated[int | None, typer.Option(help="tcl: windows per tile, 1.")] = None,
    policy: Annotated[
        str | None,
        typer.Option(help="tcl: least or most flexible lane first, or dnnsim. Default least."),
    ] = None,
    sort: Annotated[bool, typer.Option("--sort", help="tcl: sort filters by non-zeros.")] = False,
    activations: Annotated[
        str, typer.Option(help="dense, or relu: half of every input is zero.")
    ] = "dense",
    batch: Annotated[int, typer.Option(help="Images in the batch.")] = 1,
    seed: Annotated[int, typer.Option(help="Of the random masks.")] = 0,
    bandwidth: Annotated[
        float, typer.Option(help="DRAM bytes per cycle, 25.6 for one DDR4 channel.")
    ] = math.inf,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Count cycles, traffic and energy of one training step on a sparse accelerator, by product.

    "speed-up" compares with the same multipliers and no skipping at all, "vs self" with the same
    machine at 0 % sparsity.
    """
    if (sparsity is None) == (masks is None):
        raise ValueError("give either --sparsity or --masks")
    if masks is not None and (activations != "dense" or seed != 0):
        raise ValueError("--activations and --seed are for --sparsity, --masks says it all")
    batch = checks.count("batch", batch)
    options = {
        "window": None if window is None else parse_window(window),
        "lanes": lanes,
        "rows": rows,
        "tiles": tiles,
        "columns": columns,
        "policy": policy,
        "sort": sort or None,
    }
    machine = _machine(pe, {k: v for k, v in options.items() if v is not None})
    if classes is None:
        classes = 1000 if image > 64 else 10
    with torch.device("meta"):
        model = build_network(name, classes=classes, image=image, channels=channels)
    layers = layers_of(model, (batch, channels, image, image))
    if masks is not None:
        chosen = load_masks(masks, layers)
    else:
        assert sparsity is not None
        chosen = generate(layers, sparsity, activations=activations, seed=seed)
    result = run(layers, chosen, machine, Memory(bandwidth))
    settings = {
        "network": name,
        "image": image,
        "classes": classes,
        "batch": batch,
        "sparsity": sparsity,
        "masks": None if masks is None else masks.name,
        "activations": activations,
        "seed": seed,
    }
    if as_json:
        typer.echo(json.dumps({**settings, **result.to_dict()}, indent=1))
    else:
        typer.echo(_text(settings, result))


def _machine(pe: str, options: dict[str, Any]) -> Tactical | Cartesian:
    if pe == "tcl":
        return Tactical(**options)
    if pe != "scnn":
        raise ValueError(f"pe must be tcl or scnn, got {pe!r}")
    if options:
        raise ValueError(f"--{next(iter(options))} is for --pe tcl, scnn has none")
    return Cartesian()


def _text(settings: dict[str, Any], result: Simulation) -> str:
    out = result.to_dict()
    about = [f"{settings['network']}, {settings['image']} pixels, batch {settings['batch']}"]
    about.append(
        f"masks of {settings['masks']}"
        if settings["masks"]
        else f"{settings['sparsity']:.0%} sparse, {settings['activations']} activations, "
        f"seed {settings['seed']}"
    )
    about.append(", ".join(f"{key} {value}" for key, value in result.machine.items()))
    lines = [
        *about,
        "",
        f"{'product':<12}{'dense':>14}{'cycles':>14}{'ideal':>14}{'speed-up':>10}{'vs self':>9}",
    ]
    for name in (*PRODUCTS, "total"):
        p = out[name]
        speed = [f"{p[k]:.2f}x" if p[k] else "-" for k in ("speedup", "speedup_vs_self")]
        lines.append(
            f"{name:<12}{p['dense_cycles']:>14,}{p['cycles']:>14,}{p['ideal_cycles']:>14,}"
            f"{speed[0]:>10}{speed[1]:>9}"
        )
    lines += [
        "",
        f"{'product':<12}{'DRAM read':>12}{'written':>10}{'SRAM read':>12}{'written':>10}"
        f"{'arithmetic':>12}{'SRAM':>10}{'DRAM':>10}{'energy':>10}",
        f"{'':<12}{'Mbit':>12}{'Mbit':>10}{'Mbit':>12}{'Mbit':>10}{'mJ':>12}{'mJ':>10}{'mJ':>10}{'mJ':>10}",
    ]
    for name in (*PRODUCTS, "total"):
        p = out[name]
        bits = [p[f"{k}_{way}_bits"] / 1e6 for k in ("dram", "sram") for way in ("read", "written")]
        parts = [p[f"{k}_pj"] / 1e9 for k in ("arithmetic", "sram", "dram", "energy")]
        lines.append(
            f"{name:<12}"
            + "".join(f"{bit:>{n},.1f}" for bit, n in zip(bits, (12, 10, 12, 10), strict=True))
            + f"{parts[0]:>12.3f}"
            + "".join(f"{value:>10.3f}" for value in parts[1:])
        )
    lines.append(f"energy at 45 nm, {result.precision.bits}-bit values")
    lost = {k: v / out["total"]["cycles"] for k, v in out["total"]["losses"].items()}
    lines += ["", "lost to " + ", ".join(f"{name} {share:.0%}" for name, share in lost.items())]
    return "\n".join(lines)

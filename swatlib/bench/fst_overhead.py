"""What FST adds to a step of ResNet-18 and what it saves (FST Tables 2 and 6), as shares of a step.

Measured on one thread, in CPU time of the process, which other work on the machine disturbs little.
A selector's time includes applying its mask; that of S(X^T) includes unfolding X. ``save`` writes
the record that the chapter on costs shows.
"""

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from time import process_time

import pandas as pd
import torch
from torch import Tensor, nn

from swatlib.bench.step import training_step
from swatlib.bench.timing import Row
from swatlib.bench.weight_gradient import LAYOUTS, NETWORKS, faster
from swatlib.clock import medians, times
from swatlib.kernels.convolution import Geometry, unfold
from swatlib.kernels.keep import keep
from swatlib.kernels.nm import nm_mask
from swatlib.machine import processor
from swatlib.methods import dense
from swatlib.methods.fst import fst, sr_ste
from swatlib.models import build_network
from swatlib.selectors.information_restoration import pair_sum
from swatlib.surgery.sparsify import sparsify_

SETTINGS = {(32, 64, "NCHW"): 3, (32, 64, "channels last"): 3, (224, 4, "NCHW"): 3}
"""Image size, batch and memory format, and how often each thing is measured."""


def main() -> Iterator[Row]:
    """Yield every time as a share of the dense step."""
    for (image, batch, layout), repeat in SETTINGS.items():
        setting = f"ResNet-18, {image} x {image}, batch {batch}, {layout}, CPU time"
        frame = shares(image, batch, layout, repeat)
        for what, share in zip(frame["what"], frame["share"], strict=True):
            yield Row(setting, what, share, "step, dense")


def shares(image: int, batch: int, layout: str, repeat: int = 3) -> pd.DataFrame:
    """Measure the steps of Table 5's lines and the parts of Tables 2 and 6, taking turns.

    Parameters
    ----------
    image, batch : int
        Pixels a side, images a batch.
    layout : str
        A key of ``LAYOUTS`` of :mod:`swatlib.bench.weight_gradient`.
    repeat : int
        Turns.

    Returns
    -------
    DataFrame
        A row per thing measured: ``what``, and ``share``, the median over turns of its time over
        the dense step's in the same turn.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        functions = {**_steps(image, batch, layout), **_parts(image, batch, layout)}
        turns = pd.DataFrame(times(functions, turns=repeat, warm_up=1, time=process_time))
    finally:
        torch.set_num_threads(threads)
    share = turns.div(turns["step, dense"], axis=0).median()
    return share.rename_axis("what").rename("share").reset_index()


def cpu_seconds(functions: Mapping[str, Callable[[], object]], repeat: int = 7) -> dict[str, float]:
    """Return the median CPU time of each function, called in turns after a first round."""
    return medians(times(functions, turns=repeat, warm_up=1, time=process_time))


def _model(image: int, layout: str) -> nn.Module:
    torch.manual_seed(0)
    return build_network("resnet18", image=image).to(memory_format=LAYOUTS[layout])  # type: ignore[call-overload]


def _steps(image: int, batch: int, layout: str) -> dict[str, Callable[[], object]]:
    x = torch.randn(batch, 3, image, image).to(memory_format=LAYOUTS[layout])
    y = torch.randint(0, 10, (batch,))
    plain = _model(image, layout)
    lines = {
        "dense": dense(),
        "S(W)": sr_ste(),
        "S(W), S(W^T)": fst(activations=False),
        "S(W), S(W^T), S(X^T), restored": fst(),
    }
    return {
        f"step, {name}": training_step(sparsify_(deepcopy(plain), made), x, y)
        for name, made in lines.items()
    }


def _parts(image: int, batch: int, layout: str) -> dict[str, Callable[[], object]]:
    seen: list[tuple[nn.Conv2d, Tensor, Tensor]] = []
    model = _model(image, layout)
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_hook(lambda m, args, y: seen.append((m, args[0], y)))
    with torch.no_grad():
        model(torch.randn(batch, 3, image, image).to(memory_format=LAYOUTS[layout]))
        weights = [p.detach() for p in model.parameters() if p.ndim > 1]

    def columns() -> None:
        for conv, x, _ in seen:
            geometry = Geometry(conv.stride, conv.padding, conv.dilation, conv.groups)  # type: ignore[arg-type]
            for sample in x.split(1):
                lines = unfold(sample, conv.weight.shape, geometry).flatten(0, 2)
                keep(lines, nm_mask(lines, over="C"))

    return {
        "S(W)": lambda: [keep(w, nm_mask(w)) for w in weights],
        "S(W^T)": lambda: [keep(w, nm_mask(w, over="N")) for w in weights],
        "shift": lambda: [pair_sum(y) for _, _, y in seen],
        "S(G)": lambda: [keep(y, nm_mask(y, over="HW")) for _, _, y in seen],
        "S(X^T)": torch.no_grad()(columns),
    }


def save(folder: str | Path) -> None:
    """Measure everything, and the weight gradients layer by layer, and write it as CSV files."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    machine = {"processor": processor(), "torch": torch.__version__, "threads": 1}
    frames = []
    for (image, batch, layout), repeat in SETTINGS.items():
        setting = {"image": image, "batch": batch, "layout": layout}
        frames.append(shares(image, batch, layout, repeat).assign(**setting, **machine))
    pd.concat(frames).to_csv(folder / "shares.csv", index=False, float_format="%.5f")
    torch.set_num_threads(1)
    names = ("network", "batch", "kernel", "stride", "pixels", "inputs", "outputs")
    rows = []
    for title, (batch, shapes) in NETWORKS.items():
        for shape in shapes:
            for layout, memory_format in LAYOUTS.items():
                row = dict(zip(names, (title, batch, *shape), strict=True))
                gain = faster(batch, *shape, memory_format, cpu_seconds)
                rows.append({**row, "layout": layout, "gain": gain})
    frame = pd.DataFrame(rows).assign(**machine)
    frame.to_csv(folder / "weight-gradient.csv", index=False, float_format="%.3f")

"""A count as a picture: per layer, the three products stacked, over the dense step in pale."""

from typing import Any

import pandas as pd

from swatlib.checked import checked

PARTS = {
    "forward": ("forward", "#0072B2", ""),
    "input_grad": ("input gradient", "#D55E00", "//"),
    "weight_grad": ("weight gradient", "#009E73", ".."),
}
"""Label, colour and hatch of each product: Okabe and Ito's colours, and a hatch beside them."""


@checked
def stacked_bar(ax: Any, frame: pd.DataFrame, unit: float = 1e6) -> None:
    """Draw the multiply-accumulates of every convolution and linear layer as one stacked bar.

    Parameters
    ----------
    ax : matplotlib Axes
        To draw on.
    frame : DataFrame
        From :meth:`swatlib.accounting.count.Count.to_frame`.
    unit : float
        Multiply-accumulates per unit of the axis.

    Raises
    ------
    ValueError
        If `frame` has no convolution or linear layer.
    """
    frame = frame[frame["kind"] != "norm"]
    if frame.empty:
        raise ValueError("frame must have a convolution or linear layer, got none")
    x = range(len(frame))
    dense = sum(frame[f"{product}_dense"] for product in PARTS) / unit
    ax.bar(x, dense, color="#e4e4e4", edgecolor="#9a9a9a", linewidth=0.4, label="dense step")
    bottom = pd.Series(0.0, index=frame.index)
    for product, (label, colour, hatch) in PARTS.items():
        height = frame[product] / unit
        ax.bar(
            x, height, bottom=bottom, color=colour, hatch=hatch, edgecolor="white",
            linewidth=0.2, label=label,
        )  # fmt: skip
        bottom = bottom + height
    step = max(1, len(frame) // 20)
    ax.set_xticks(list(x)[::step], frame["layer"].iloc[::step], rotation=90, fontsize=8)
    ax.set_xlim(-0.6, len(frame) - 0.4)
    ax.set_ylabel(f"multiply-accumulates ({unit:.0e})" if unit != 1e6 else "million MACs")
    ax.legend(fontsize=8, ncols=4, loc="lower center", bbox_to_anchor=(0.5, 1.0), frameon=False)

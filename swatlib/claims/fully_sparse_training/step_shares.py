"""Shares of a step of fully sparse training, the paper's and ours: what its claims on time read."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pandas as pd

from swatlib.checked import checked
from swatlib.claims.judge import RECORDS
from swatlib.claims.quantity import MissingRecords
from swatlib.papers import paper_number, paper_table
from swatlib.papers.swat_tables import IMAGENET, shapes

BATCH = 256
"""Images in the batch that the paper times."""

SMALL, LARGE = "32 px", "224 px"

MASKS = ("S(W)", "S(W^T)")

OVERHEADS = (*MASKS, "shift")

WHOLE = "step, S(W), S(W^T), S(X^T), restored"

MASKED = "step, S(W), S(W^T)"


@checked
@cache
def timed(records: Path = RECORDS) -> pd.DataFrame:
    """Return recorded shares of a dense step of ResNet-18: a row per part, a column per setting.

    Raises
    ------
    MissingRecords
        If the record is not there; `swatlib.bench.fst_overhead.save` makes it.
    """
    path = records / "fst-timing" / "shares.csv"
    if not path.is_file():
        raise MissingRecords(f"{path.name} of fst-timing: swatlib.bench.fst_overhead.save")
    record = pd.read_csv(path)
    setting = (
        record["image"].astype(str)
        + " px, batch "
        + record["batch"].astype(str)
        + ", "
        + record["layout"]
    )
    wide = record.assign(setting=setting).pivot(index="what", columns="setting", values="share")
    return wide.loc[record["what"].unique()]


@checked
def at_batch(share: float, batch: int, wanted: int = BATCH) -> float:
    """Return the share of a step that a part of fixed time has at another batch.

    The step is taken to grow with the batch, which is kind to neither: a small step has fixed parts
    of its own, so the true share at the larger batch is a little higher.
    """
    return share * batch / wanted


@checked
def amdahl(products: float, halved: int, overhead: float = 0.0, gain: float = 2.0) -> float:
    """Return how many times faster a step is if some of its three products are.

    Parameters
    ----------
    products : float
        Share of the dense step that the three products take, a third each.
    halved : int
        How many of them run ``gain`` times as fast.
    overhead : float
        Added, as a share of the dense step.
    gain : float

    Examples
    --------
    >>> round(amdahl(1.0, 2), 6)
    1.5
    """
    return 1 / (1 - products * halved / 3 * (1 - 1 / gain) + overhead)


@checked
def paper_text(quantity: str) -> float:
    """Return a number that FST's text states."""
    return paper_number("fst-text", quantity)


@checked
def paper_seconds(table: int) -> dict[str, float]:
    """Return the times of Table 2 or 6 in seconds, by what takes them."""
    printed = paper_table(f"fst-table-{table}")
    return dict(zip(printed["method"], printed["number"].astype(float), strict=True))


@checked
def paper_limit() -> float:
    """Return how many times faster a step can be, by the paper's own shares and overhead."""
    six = paper_seconds(6)
    share = paper_text("matmul_time_share_up_to") / 100
    return amdahl(share, 3, six["Total"] / six["Training"])


@checked
def counted_speedups() -> pd.DataFrame:
    """Set the speedups of Table 3 that its column of ratios determines beside 1 / (1 - n r / 3).

    Returns
    -------
    DataFrame
        ``network``, ``method``, ``level``, ``products`` (pruned, of three), ``ratio`` (of the
        pruned operand), ``ours`` and ``paper``.
    """
    wide = paper_table("fst-table-3")
    keys = ["network", "method", "level"]
    text = wide.pivot_table(index=keys, columns="quantity", values="value", aggfunc="first")
    rows = []
    for (network, method, level), row in text.iterrows():
        parts = str(row["ratio"]).split("%x")
        if len(parts) != 2 or pd.isna(row.get("speedup")):
            continue
        ratio, products = float(parts[0]) / 100, int(parts[1])
        rows.append(
            {
                "network": network,
                "method": method,
                "level": level,
                "products": products,
                "ratio": ratio,
                "ours": 1 / (1 - products * ratio / 3),
                "paper": float(row["speedup"]),
            }
        )
    return pd.DataFrame(rows)


@checked
def unfolded_over_weights(layer: str = "layer1.0.conv1", batch: int = BATCH) -> float:
    """Return how many times more entries a layer's unfolded input has than its weight."""
    traced = shapes("resnet18", *IMAGENET)
    found = next(one for one in traced.weighted if one.name == layer)
    return batch * found.forward_macs / found.weight[0] / found.weights

"""Selectors: ways to choose what of a tensor survives, one file per family."""

from swatlib.core.selector import ColumnSelector, OutputSelector, Selector, kept_count
from swatlib.selectors.channels import TopChannels
from swatlib.selectors.held import Held
from swatlib.selectors.information_restoration import FixedColumns
from swatlib.selectors.mvue import MVUE
from swatlib.selectors.nm import NM, UnfoldedNM
from swatlib.selectors.projected import Projected
from swatlib.selectors.reuse import Reuse
from swatlib.selectors.row_threshold import RowThreshold
from swatlib.selectors.soft import SoftNM
from swatlib.selectors.topk import (
    RandomK,
    TopColumns,
    TopK,
    random_mask,
    topk_mask,
    topk_threshold,
)
from swatlib.selectors.transposable import Transposable

__all__ = [
    "MVUE",
    "NM",
    "ColumnSelector",
    "FixedColumns",
    "Held",
    "OutputSelector",
    "Projected",
    "RandomK",
    "Reuse",
    "RowThreshold",
    "Selector",
    "SoftNM",
    "TopChannels",
    "TopColumns",
    "TopK",
    "Transposable",
    "UnfoldedNM",
    "kept_count",
    "random_mask",
    "topk_mask",
    "topk_threshold",
]

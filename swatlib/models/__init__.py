"""The networks of the papers and three small families, all made of plain ``torch.nn`` layers."""

from swatlib.models.build import NAMES, network

__all__ = ["NAMES", "network"]

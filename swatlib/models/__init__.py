"""The networks of the papers and three small families, all made of plain ``torch.nn`` layers."""

from swatlib.models.build import NAMES, build_network

__all__ = ["NAMES", "build_network"]

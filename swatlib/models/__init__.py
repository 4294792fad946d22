"""The papers' networks, small families and a transformer, of plain ``torch.nn`` layers."""

from swatlib.models.build import NAMES, build_network

__all__ = ["NAMES", "build_network"]

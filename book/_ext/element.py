"""A document node that becomes one HTML element; other builders show what is inside."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

VOID = ("input",)


class Element(nodes.General, nodes.Element):
    """One HTML element, see :func:`element`."""


def element(tag: str, *children: nodes.Node | str, **attributes: str) -> Element:
    """Return an HTML element with children.

    Parameters
    ----------
    tag : str
    *children : node or str
        A string becomes text.
    **attributes : str
        Of the element; ``class_`` is its class, and an underscore elsewhere a hyphen.
    """
    node = Element(tag=tag, html={k.strip("_").replace("_", "-"): v for k, v in attributes.items()})
    node += [nodes.Text(child) if isinstance(child, str) else child for child in children]
    return node


def _open(translator: Any, node: Element) -> None:
    translator.body.append(translator.starttag(node, node["tag"], "", **node["html"]))


def _close(translator: Any, node: Element) -> None:
    if node["tag"] not in VOID:
        translator.body.append(f"</{node['tag']}>")


def _pass(translator: Any, node: Element) -> None:
    """Show the children alone."""


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the node."""
    through = (_pass, _pass)
    app.add_node(Element, html=(_open, _close), latex=through, text=through, man=through)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}

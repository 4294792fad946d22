"""Sphinx extension: the list of chapters beside a page of source code is made once.

Sphinx makes it anew for each page, which is most of what such a page costs; but of the pages that
are not in the list, it differs only by how many folders they lie deep.
"""

from __future__ import annotations

from typing import Any

from sphinx.application import Sphinx


def keep(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Let a page that is not in the list take it from a page in a folder as deep."""
    if doctree is not None or pagename in app.env.all_docs:
        return
    make, made = context["toctree"], app.__dict__.setdefault("swatlib_sidebars", {})

    def toctree(**options: Any) -> str:
        which = (pagename.count("/"), tuple(sorted(options.items())))
        if which not in made:
            made[which] = make(**options)
        return str(made[which])

    context["toctree"] = toctree


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.connect("html-page-context", keep)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}

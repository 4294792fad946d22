"""Sphinx extension: a book that asks nothing of the network, and of the disk only what it shows.

Jupyter Book loads MathJax from a content delivery network and prepares every page for live
code through Thebe, which is fetched from another. Here MathJax is copied into the site from the
PyPI package ``sphinx-mathjax-offline``, and the Thebe hooks are taken out. What the theme brings
and no page loads is removed; ``_templates/layout.html`` has what pages would load for nothing.
"""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config

MATHJAX_SCRIPT = "tex-mml-chtml.js"

# What a page can ask for: the fonts, and the TeX extensions that MathJax loads on first use.
MATHJAX_PARTS = (MATHJAX_SCRIPT, "output/chtml/fonts/woff-v2", "input/tex/extensions")

# What developers of the theme read, fonts for browsers that are gone, and a script for icons that
# the style sheets draw.
UNUSED = ("*.map", "*.ttf", "fontawesome.js*", "sphinx-thebe.*")


def mathjax_source() -> Path:
    """Return the folder of MathJax files inside the installed package.

    Raises
    ------
    FileNotFoundError
        If ``sphinx-mathjax-offline`` is not installed.
    """
    spec = find_spec("sphinx-mathjax-offline")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("the package sphinx-mathjax-offline is not installed")
    return Path(spec.origin).parent / "static" / "mathjax"


def copy_mathjax(app: Sphinx, error: Exception | None) -> None:
    """Copy the needed part of MathJax to ``_static/mathjax`` of a finished HTML build."""
    if error is not None or app.builder.format != "html":
        return
    source, target = mathjax_source(), Path(app.outdir) / "_static" / "mathjax"
    for part in MATHJAX_PARTS:
        if (source / part).is_dir():
            shutil.copytree(source / part, target / part, dirs_exist_ok=True)
        else:
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source / part, target / part)


def remove_unused(app: Sphinx, error: Exception | None) -> None:
    """Remove what no page of a finished HTML build asks for."""
    if error is not None or app.builder.format != "html":
        return
    for pattern in UNUSED:
        for path in (Path(app.outdir) / "_static").rglob(pattern):
            path.unlink()


def use_local_mathjax(app: Sphinx, config: Config) -> None:
    """Point Sphinx at the copied script; it resolves the path against ``_static``."""
    config.mathjax_path = f"mathjax/{MATHJAX_SCRIPT}"


def remove_thebe(app: Sphinx) -> None:
    """Disconnect sphinx-thebe, which Jupyter Book always loads."""
    for name, listeners in app.events.listeners.items():
        app.events.listeners[name] = [
            listener
            for listener in listeners
            if not getattr(listener.handler, "__module__", "").startswith("sphinx_thebe")
        ]


def drop_thebe_style(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any
) -> None:
    """Leave out the style sheet of the extension that was disconnected."""
    context["css_files"] = [
        sheet for sheet in context.get("css_files", []) if "sphinx-thebe" not in str(sheet)
    ]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.connect("config-inited", use_local_mathjax)
    app.connect("builder-inited", remove_thebe, priority=1)
    app.connect("html-page-context", drop_thebe_style, priority=900)
    app.connect("build-finished", copy_mathjax)
    app.connect("build-finished", remove_unused)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}

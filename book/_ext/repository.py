"""Sphinx extension: launch and edit buttons exist only when there is somewhere to go.

The one place to set is ``repository: url:`` in ``_config.yml``. While it is empty no page has a
launch, edit or repository button; once it is set every page has them.
"""

from __future__ import annotations

from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config

BUTTONS = ("use_repository_button", "use_edit_page_button", "use_issues_button")

LAUNCH = {
    "notebook_interface": "jupyterlab",
    "binderhub_url": "https://mybinder.org",
    "colab_url": "https://colab.research.google.com",
}


def theme_options(options: dict[str, Any]) -> dict[str, Any]:
    """Return the theme's options with every button on or every button off.

    Parameters
    ----------
    options
        The options as read from ``_config.yml``; ``repository_url`` decides.

    Examples
    --------
    >>> theme_options({"repository_url": ""})["use_edit_page_button"]
    False
    """
    url = str(options.get("repository_url") or "").strip()
    changed = {**options, **dict.fromkeys(BUTTONS, bool(url))}
    changed["launch_buttons"] = {}
    if url:
        # Colab opens repositories of one host only; elsewhere its button would be broken.
        on_github = url.startswith("https://github.com/")
        changed["launch_buttons"] = dict(LAUNCH)
        if not on_github:
            del changed["launch_buttons"]["colab_url"]
    else:
        changed.pop("repository_url", None)
    return changed


def choose_buttons(app: Sphinx, config: Config) -> None:
    """Apply :func:`theme_options` to the configuration."""
    config.html_theme_options = theme_options(config.html_theme_options)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.connect("config-inited", choose_buttons)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}

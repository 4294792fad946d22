"""Sphinx extension: pages that are written by the code they describe.

A page holds a comment where generated text belongs:

``<!-- modules: swatlib.selectors swatlib.models.* -->``
    the reference of these modules from their docstrings; ``.*`` stands for the modules directly
    inside a package, those already named on the line left out.
``<!-- commands: swatlib.cli:app -->``
    the ``--help`` text of a typer application and of each of its commands.
"""

from __future__ import annotations

import os
import pkgutil
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar
from unittest.mock import patch

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

MODULES = re.compile(r"^<!-- modules: (.+) -->$", re.MULTILINE)
COMMANDS = re.compile(r"^<!-- commands: (\S+):(\S+) -->$", re.MULTILINE)

HELP_WIDTH = 88  # columns; fits the text column of a page
LONGEST = 1000  # characters of a constant's value


def expand(patterns: list[str]) -> list[str]:
    """Return the module names that patterns such as ``swatlib.models.*`` stand for, in order."""
    names: list[str] = []
    for pattern in patterns:
        if not pattern.endswith(".*"):
            names.append(pattern)
            continue
        package = pattern.removesuffix(".*")
        path = import_module(package).__path__
        inside = [m.name for m in pkgutil.iter_modules(path) if not m.ispkg]
        public = [f"{package}.{name}" for name in inside if not name.startswith("_")]
        names += [name for name in [package, *public] if name not in names]
    return names


def namesakes(package: str) -> list[str]:
    """Return the functions that a package defines under the name of one of its modules.

    >>> namesakes("swatlib.methods")
    ['method']
    """
    module = import_module(package)
    inside = [m.name for m in pkgutil.iter_modules(getattr(module, "__path__", []))]
    return [n for n in inside if getattr(getattr(module, n, None), "__module__", None) == package]


def module_reference(name: str) -> str:
    """Return the Markdown section of one module."""
    # Two things of one name cannot both be in the index: the module is.
    apart = namesakes(name)
    functions = [f".. autofunction:: {name}.{one}\n   :no-index:\n" for one in apart]
    left_out = f"   :exclude-members: {', '.join(apart)}\n" if apart else ""
    return (
        f"## {name}\n\n```{{eval-rst}}\n.. automodule:: {name}\n   :members:\n{left_out}"
        "   :ignore-module-all:\n   :show-inheritance:\n\n" + "\n".join(functions) + "```\n"
    )


def commands(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield a command and, depth first, every command below it."""
    yield path, command
    for name, below in getattr(command, "commands", {}).items():
        if not below.hidden:
            yield from commands(below, (*path, name))


def command_reference(module: str, attribute: str) -> str:
    """Return the Markdown sections of a typer application: one per command, its help as shown."""
    import typer
    from typer.testing import CliRunner

    app = getattr(import_module(module), attribute)
    program = module.split(".")[0]
    parts = []
    plain = {"COLUMNS": str(HELP_WIDTH), "TERMINAL_WIDTH": str(HELP_WIDTH), "NO_COLOR": "1"}
    with patch.dict(os.environ, plain | {"TERM": "dumb"}):
        for path, _ in commands(typer.main.get_command(app), (program,)):
            shown = CliRunner().invoke(app, [*path[1:], "--help"], prog_name=program)
            if shown.exit_code != 0:
                raise RuntimeError(f"{' '.join(path)} --help failed: {shown.output}")
            text = "\n".join(line.rstrip() for line in shown.output.strip("\n").splitlines())
            parts.append(f"## {' '.join(path)}\n\n```text\n{text}\n```\n")
    return "\n".join(parts)


def fill(app: Sphinx, docname: str, source: list[str]) -> None:
    """Replace the comments of a page by what they stand for."""
    text = source[0]
    text = MODULES.sub(
        lambda found: "\n".join(module_reference(n) for n in expand(found[1].split())), text
    )
    source[0] = COMMANDS.sub(lambda found: command_reference(found[1], found[2]), text)


def home(name: str, kind: type = object) -> str | None:
    """Return the full name under which an object is defined, given one it is imported as.

    None if there is no such object, or if it is not of the asked kind.

    >>> home("swatlib.sparsify_")
    'swatlib.surgery.sparsify.sparsify_'
    """
    module, _, attribute = name.rpartition(".")
    try:
        item = getattr(import_module(module), attribute)
        defined = f"{item.__module__}.{item.__qualname__}"
        return defined if isinstance(item, kind) else None
    except (ImportError, AttributeError, ValueError):
        return None


def is_type_variable(name: str) -> bool:
    """Say whether a name of the library stands for a type that the caller chooses."""
    module, _, attribute = name.rpartition(".")
    try:
        return isinstance(getattr(import_module(module), attribute, None), TypeVar)
    except (ImportError, ValueError):
        return False


def resolve(
    app: Sphinx, env: BuildEnvironment, node: Any, contnode: nodes.TextElement
) -> nodes.Element | None:
    """Settle the Python names that Sphinx does not find by itself.

    Names of other libraries, private names and type variables are shown without a link: the book is
    read offline. A name of this library leads to where it is defined; if there is no such name, the
    reference stays an error.
    """
    if node.get("refdomain") != "py":
        return None
    target = node["reftarget"]
    if not target.startswith("swatlib") or target.rpartition(".")[2].startswith("_"):
        return contnode
    if is_type_variable(target):
        return contnode
    defined = home(target)
    if defined is None or defined == target:
        return None
    domain = env.get_domain("py")
    return domain.resolve_xref(
        env, node["refdoc"], app.builder, node["reftype"], defined, node, contnode
    )


def qualify(app: Sphinx, doctree: nodes.document) -> None:
    """Let a bare name in a docstring mean what it means in the module it stands in.

    Several modules have a class ``Layer``; without this Sphinx would have to guess.
    """
    for node in doctree.findall(addnodes.pending_xref):
        module, target = node.get("py:module"), node["reftarget"]
        if node.get("refdomain") == "py" and module and "." not in target:
            defined = home(f"{module}.{target}", type if node["reftype"] == "class" else object)
            if defined is not None and defined.startswith("swatlib."):
                node["reftarget"] = defined


def shorten(app: Sphinx, doctree: nodes.document) -> None:
    """Cut the values of long constants: some are lists of a hundred claims."""
    for value in doctree.findall(addnodes.desc_annotation):
        text = value.astext()
        if len(text) > LONGEST:
            value[:] = [nodes.Text(f"{text[:LONGEST]} …")]


def skip_words_of_others(
    app: Sphinx, what: str, name: str, item: Any, skip: bool, options: Any
) -> bool | None:
    """Leave out the words of Python on named tuples, of torch on functions, and folders of here."""
    from torch.autograd import Function

    text = getattr(item, "__doc__", None) or ""
    by_python = text.startswith("Alias for field")
    by_torch = what == "class" and not text and hasattr(Function, name)
    of_this_machine = isinstance(item, Path)
    return True if by_python or by_torch or of_this_machine else None


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the extension."""
    app.connect("source-read", fill)
    app.connect("doctree-read", qualify)
    app.connect("doctree-read", shorten)
    app.connect("missing-reference", resolve)
    app.connect("autodoc-skip-member", skip_words_of_others)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}

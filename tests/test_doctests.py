"""Examples in docstrings run and print what they say."""

import doctest
import importlib
import pkgutil

import pytest

import swatlib

MODULES = [
    module.name
    for module in pkgutil.walk_packages(swatlib.__path__, "swatlib.")
    if not module.name.endswith("__main__")
]


@pytest.mark.parametrize("name", ["swatlib", *MODULES])
def test_examples(name: str, tmp_path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.chdir(tmp_path)
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert not result.failed


@pytest.mark.parametrize("name", sorted(swatlib.__all__))
def test_what_the_front_exports_has_an_example(name: str) -> None:
    thing = getattr(swatlib, name)
    if isinstance(thing, dict | tuple):
        pytest.skip("a table")
    assert ">>> " in (thing.__doc__ or "")

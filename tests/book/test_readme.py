"""The README: its figure is in the book, its files exist, its commands do."""

import re

import readme_figure
from notebooks import ROOT

TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


def test_figure_is_the_one_in_the_book():
    name, alternative = readme_figure.shown()
    figure = readme_figure.drawn(name)
    assert figure is not None
    assert readme_figure.target(name).read_bytes() == figure[0], "run `make book`"
    assert alternative == figure[1]


def test_every_path_exists():
    linked = re.findall(r"\]\((?!https?:)([^)#]+)\)", TEXT)
    named = re.findall(r"`([\w./-]+/|[\w./-]+\.(?:md|bib|yml|toml|lock))`", TEXT)
    for path in [*linked, *named]:
        assert (ROOT / path).exists(), path


def test_every_make_target_exists():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"make ([a-z]+)", TEXT):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_the_shown_lines_run():
    """The block of the library, with a model to run it on."""
    import torch

    [lines] = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.Conv2d(4, 4, 3))
    exec(lines, {"model": model})

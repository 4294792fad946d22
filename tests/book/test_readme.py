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
    """The blocks of the library one after the other, with a model and data to run them on."""
    import torch
    from torch import nn

    blocks = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    layers = nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.Flatten(), nn.Linear(64, 3)
    model = nn.Sequential(*layers)
    batches = [(torch.randn(2, 3, 8, 8), torch.tensor([0, 2])) for _ in range(2)]
    before = model[-1].weight.clone()
    names = {"torch": torch, "model": model, "batches": batches}
    for block in blocks:
        exec(block, names)
    assert len(blocks) == 2
    assert not torch.equal(model[-1].weight, before)

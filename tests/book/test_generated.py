"""Pages that the code writes: what they leave out."""

from docutils import nodes
from sphinx import addnodes

import generated


def test_a_long_value_is_cut_and_a_short_one_is_not():
    document = nodes.container()
    for value in ("y" * 5000, " = 0.9"):
        document += addnodes.desc_annotation(value, "", nodes.Text(value))
    generated.shorten(None, document)
    long, short = document.findall(addnodes.desc_annotation)
    assert long.astext() == "y" * generated.LONGEST + " …"
    assert short.astext() == " = 0.9"

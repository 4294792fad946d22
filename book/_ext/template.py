"""Write a new chapter that runs and passes every check, to be filled in.

    python book/_ext/template.py NAME [PART]     e.g. weight-decay 3-swat

The notebook is numbered after the last of its part, which is the last part of the book if none is
given; it is listed in the table of contents and executed. Its words are there to be replaced. Its
numbers are true: a live run, records, a paper's table.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from execute import execute, tidy, write
from notebooks import BOOK, surroundings

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
HIDDEN = {"tags": ["hide-input"]}

FIGURE = {
    "mystnb": {
        "figure": {
            "caption": "Test accuracy of the small residual network on digits against sparsity; "
            "mean and standard deviation of three seeds.",
            "name": "fig-@name@-accuracy",
        },
        "image": {
            "alt": "A line of accuracy against sparsity. It is flat near 98 percent up to 90 "
            "percent sparsity, a little lower at 95 percent, and falls below 80 percent at 98 "
            "percent sparsity."
        },
    },
    **HIDDEN,
}

# Markdown is a string, code is a string with its metadata.
CELLS: tuple[str | tuple[str, dict[str, Any]], ...] = (
    """
# @Title@

> "The claim, in the paper's words."
> — {cite}`raihan2020swat`, Section 3

**You will learn**

- what the claim says,
- what the records of our runs say about it.

*Reading: 5 minutes. Running: 5 seconds.*
""",
    (
        """
import seaborn as sns
import torch
from matplotlib import pyplot as plt

from swatlib import plotting, swat
from swatlib.papers import paper_table
from swatlib.plotting.chapter import records, show_source, table
from swatlib.training import Run, train_run

plotting.use_style()
torch.set_num_threads(1)
""",
        HIDDEN,
    ),
    """
## The idea

SWAT sparsifies the weights of the forward product, and the weights and activations of the two
products of the backward pass.

## The code
""",
    ("show_source(swat, docstring=False)", HIDDEN),
    """
## A live run
""",
    (
        """
# live: within 15
run = Run(data="digits", method="swat", sparsity=0.8, width=8, epochs=2, images=600)
result = train_run(run, "cpu")
print(f"SWAT at {run.sparsity:.0%}: {result['test_accuracy']:.1f} % right")
""",
        {},
    ),
    """
## The records
""",
    (
        """
runs = records("accuracy-digits").query("network == 'small_resnet' and method != 'saw'")
means = runs.groupby(["method", "sparsity"])["test_accuracy"].agg(["mean", "std", "size"])
table(means.reset_index(), digits=2)
""",
        {"tables": ["Test accuracy in percent, three seeds, by method and sparsity (digits)."]},
    ),
    (
        """
fig, ax = plotting.figure(width=6, height=3.2)
shown = runs.assign(sparsity=100 * runs["sparsity"])
sns.lineplot(shown, x="sparsity", y="test_accuracy", errorbar="sd", marker="o", ax=ax)
ax.set(xlabel="sparsity (%)", ylabel="test accuracy (%)")
plt.show()
""",
        FIGURE,
    ),
    """
## The paper's numbers
""",
    (
        """
printed = paper_table("swat-table-2").query("method == 'SWAT-U' and quantity == 'accuracy_change'")
table(printed[["network", "level", "number", "unit"]], digits=2)
""",
        {"tables": ["SWAT-U's change of accuracy in the paper's Table 2, by network and level."]},
    ),
    """
## Verdict

**Reproduced**, as far as this page goes: at 90 % sparsity the mean of three seeds is within two
points of the dense network.
""",
    (
        """
mean = means["mean"]
assert abs(mean["swat", 0.9] - mean["dense", 0.0]) < 2
""",
        {},
    ),
    """
## What would change it

A harder data set, or a smaller network.

## Exercises

```{exercise} Where it breaks
:label: ex-@name@-breaks
*Trains reading records; easy, in code.*

At which recorded sparsity is the mean accuracy more than two points below dense?
```

````{solution-start} ex-@name@-breaks
:label: sol-@name@-breaks
:class: dropdown
````
""",
    (
        """
lost = mean["dense", 0.0] - mean["swat"]
print(f"at {lost[lost > 2].index.min():.0%}")
""",
        {},
    ),
    """
```{check}
# breaks: the lowest such sparsity, between 0 and 1
assert mean["dense", 0.0] - mean["swat", breaks] > 2, "compare each mean with dense training's"
# answer
breaks = lost[lost > 2].index.min()
```

````{solution-end}
````

```{exercise} A question
:label: ex-@name@-question
*Trains the three products; easy, in words.*

Which products of SWAT have a sparse operand?
```

````{solution} ex-@name@-question
:label: sol-@name@-question
:class: dropdown
All three.

```{check}
# sparse: how many products
assert sparse == 3, "print the recipe"
# answer
sparse = 3
```
````

```{exercise} Another question
:label: ex-@name@-another
*Trains the six operands; medium, in words.*

Which operands does SWAT leave dense?
```

````{solution} ex-@name@-another
:label: sol-@name@-another
:class: dropdown
The activations of the forward product, and the output gradients of both products of the backward
pass.

```{check}
# dense: how many of the six operands
assert dense == 3, "one of each product"
# answer
dense = 3
```
````

## Summary

- One sentence for each thing learnt.

## Further reading

{cite}`anon2020swat` for the earlier form of the method.
""",
)


def filled(text: str, name: str) -> str:
    """Put the chapter's name and title into a piece of the template."""
    title = name.replace("-", " ").capitalize()
    return text.strip("\n").replace("@name@", name).replace("@Title@", title)


def skeleton(name: str) -> nbformat.NotebookNode:
    """Return the notebook of a new chapter, not executed yet."""
    cells = []
    for cell in CELLS:
        if isinstance(cell, str):
            cells.append(new_markdown_cell(filled(cell, name)))
            continue
        code = new_code_cell(filled(cell[0], name), metadata=nbformat.from_dict(cell[1]))
        figure = code.metadata.get("mystnb", {}).get("figure")
        if figure:
            figure["name"] = filled(figure["name"], name)
        cells.append(code)
    notebook = new_notebook(cells=cells)
    tidy(notebook, None)
    return notebook


def place(name: str, part: str | None, book: Path = BOOK) -> Path:
    """Return where a new chapter goes.

    Parameters
    ----------
    name : str
        In lower case, with dashes.
    part : str, optional
        The folder of a part, the last one if not given.
    book : Path

    Raises
    ------
    ValueError
        For any other name, for one that exists, and for a part that does not.
    """
    if not NAME.fullmatch(name):
        raise ValueError(f"NAME must be lower case with dashes, like my-chapter; got {name!r}")
    parts = sorted(path.name for path in book.glob("[0-9]*-*") if path.is_dir())
    if part is not None and part not in parts:
        raise ValueError(f"PART must be one of {', '.join(parts)}; got {part!r}")
    for path in book.glob("[0-9]*-*/*.ipynb"):
        if path.stem.partition("-")[2] == name:
            raise ValueError(f"NAME must be new; {path.relative_to(book)} exists")
    folder = book / (part or parts[-1])
    numbers = [int(path.name.split("-")[0]) for path in folder.glob("[0-9]*-*.ipynb")]
    return folder / f"{max(numbers, default=0) + 1:02d}-{name}.ipynb"


def list_in_toc(path: Path, book: Path = BOOK) -> None:
    """List a chapter after the last one of its part in the table of contents.

    Raises
    ------
    ValueError
        If the part has no chapter listed there yet.
    """
    toc = book / "_toc.yml"
    text = toc.read_text(encoding="utf-8")
    listed = list(re.finditer(rf"^( *- file: ){path.parent.name}/\S+\n", text, re.MULTILINE))
    if not listed:
        raise ValueError(f"_toc.yml lists no chapter of {path.parent.name} to put this one after")
    entry = f"{listed[-1][1]}{path.parent.name}/{path.stem}\n"
    end = listed[-1].end()
    toc.write_text(text[:end] + entry + text[end:], encoding="utf-8")


def main(arguments: list[str] | None = None, book: Path = BOOK) -> int:
    """Run the command line; return the exit code."""
    # Make passes what is not given as an empty word.
    given = [word for word in (sys.argv[1:] if arguments is None else arguments) if word]
    if len(given) not in (1, 2):
        print("name the chapter: make chapter NAME=my-chapter [PART=3-swat]", file=sys.stderr)
        return 2
    try:
        path = place(given[0], given[1] if len(given) == 2 else None, book)
        list_in_toc(path, book)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    write(skeleton(given[0]), path)
    _, problem = execute(path, surroundings())
    print(
        problem
        or f"wrote {path.relative_to(book.parent)}: `make lab` opens it, `make book` renders it"
    )
    return 1 if problem else 0


if __name__ == "__main__":
    sys.exit(main())

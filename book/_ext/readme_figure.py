"""Copy the one figure that the README shows out of the notebook that draws it.

The README names it: ``![what is seen](book/_static/NAME.png)``, where NAME is the figure's name in
its notebook. So the picture in front of the book is always one that is in it.
"""

from __future__ import annotations

import base64
import re
import sys
from pathlib import Path

from notebooks import BOOK, ROOT, read, toc_notebooks

IMAGE = re.compile(r"!\[(?P<alt>[^\]]+)\]\(book/_static/(?P<name>[\w-]+)\.png\)")


def shown() -> tuple[str, str]:
    """Return the name and the alternative text of the README's figure."""
    [found] = IMAGE.finditer((ROOT / "README.md").read_text(encoding="utf-8"))
    return found["name"], found["alt"]


def drawn(name: str) -> tuple[bytes, str] | None:
    """Return a figure's PNG and its alternative text as its notebook has them, if one does."""
    for path in toc_notebooks():
        for cell in read(path).cells:
            about = cell.metadata.get("mystnb", {})
            if about.get("figure", {}).get("name") != name:
                continue
            for output in cell.outputs:
                if "image/png" in output.get("data", {}):
                    png = base64.b64decode(output.data["image/png"])
                    return png, str(about.get("image", {}).get("alt", ""))
    return None


def target(name: str) -> Path:
    """Return where the README looks for the figure."""
    return BOOK / "_static" / f"{name}.png"


def main() -> int:
    """Refresh the copy; return the exit code."""
    name, _ = shown()
    figure = drawn(name)
    if figure is None:
        print(f"README.md shows {name}, which no notebook draws", file=sys.stderr)
        return 1
    if not target(name).is_file() or target(name).read_bytes() != figure[0]:
        target(name).write_bytes(figure[0])
        print(f"copied {name} for README.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())

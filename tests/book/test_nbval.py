"""nbval compares by the book's rules: one small notebook, executed."""

import re
import shutil
import subprocess
import sys

import nbformat
from nbformat.v4 import new_code_cell, new_notebook, new_output

from notebooks import BOOK, ROOT

FIGURE = "from IPython.display import Image, display\ndisplay(Image(data=bytes(8), format='png'))"
PICTURE = {"image/png": "AAAA", "text/plain": "<IPython.core.display.Image object>"}


def printed(text: str):
    return new_output("stream", text=text)


def drawn(**changed: str):
    return new_output("display_data", PICTURE | changed)


# What a cell does, what was committed, and whether that is good enough.
CELLS = [
    ("# live: within 0.02\nprint('cosine', 0.55)", [printed("cosine 0.54\n")], True),
    ("# live: within 0.02\nprint('cosine', 0.55)", [printed("cosine 0.51\n")], False),
    ("# live: within 0.02\nprint('cosine', 0.55)", [printed("angle 0.55\n")], False),
    ("# live: around 0.02\nprint('cosine', 0.55)", [printed("cosine 0.55\n")], False),
    ("print('cosine', 0.55)", [printed("cosine 0.55\n")], True),
    ("print('cosine', 0.55)", [printed("cosine 0.54\n")], False),
    (
        "object()",
        [new_output("execute_result", {"text/plain": "<object at 0x7f00ff00ff00>"})],
        True,
    ),
    (FIGURE, [drawn(**{"image/png": "BBBB"})], True),
    (FIGURE, [], False),
    ("x = 1", [drawn()], False),
    (f"print('a')\n{FIGURE}\nprint('b')", [printed("a\n"), drawn(), printed("b\n")], True),
    (f"print('a')\n{FIGURE}\nprint('b')", [printed("a\n"), printed("b\n"), drawn()], False),
    (f"print('a')\n{FIGURE}\nprint('b')", [printed("a\nb\n"), drawn()], False),
    ("assert 1 > 2", [], False),
]


def test_cells_pass_and_fail_as_they_should(tmp_path):
    (tmp_path / "_ext").mkdir()
    shutil.copy(BOOK / "conftest.py", tmp_path)
    for name in ("comparison.py", "sanitize.cfg"):
        shutil.copy(BOOK / "_ext" / name, tmp_path / "_ext")
    cells = [
        new_code_cell(source, outputs=outputs, execution_count=number)
        for number, (source, outputs, _) in enumerate(CELLS, start=1)
    ]
    for cell in cells:
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = cell.execution_count
    nbformat.write(new_notebook(cells=cells), tmp_path / "small.ipynb")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    [options] = re.findall(r"^NBVAL := (.*)$", makefile, re.MULTILINE)
    options = options.replace("book/", f"{tmp_path}/").split()
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-rA", "-p", "no:cacheprovider", *options, tmp_path],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    passed = {int(n) for n in re.findall(r"^PASSED .*::Cell (\d+)", result.stdout, re.MULTILINE)}
    failed = {int(n) for n in re.findall(r"^FAILED .*::Cell (\d+)", result.stdout, re.MULTILINE)}
    assert passed | failed == set(range(len(CELLS))), result.stdout + result.stderr
    assert passed == {n for n, (_, _, good) in enumerate(CELLS) if good}, result.stdout

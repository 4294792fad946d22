"""What holds for one seed only is found."""

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

import seeds

LUCK = """
first = torch.manual_seed(0) and torch.rand(1).item()
own = torch.rand(1, generator=torch.Generator().manual_seed(0)).item()
assert first == own
"""


def test_a_lucky_seed_is_found_and_threads_are_those_asked_for(tmp_path, capsys):
    cells = [
        "import torch\ntorch.set_num_threads(1)",
        LUCK,
        "assert abs(own - 0.49625658988952637) < 1e-6",
        "assert torch.get_num_threads() == 2",
    ]
    path = tmp_path / "n.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell(source) for source in cells]), path)
    before = path.read_bytes()
    assert seeds.main(["--shifts", "0,5", "--threads", "2", str(path)]) == 1
    said = capsys.readouterr().out
    assert "seeds + 0, threads 2: 0 cells fail" in said
    assert "seeds + 5, threads 2: 1 cells fail" in said
    assert "cell-003: AssertionError" in said
    assert path.read_bytes() == before

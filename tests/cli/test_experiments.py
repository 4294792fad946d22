"""The command experiments."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import RUNS, call, toy

from swatlib.cli import main
from swatlib.records import record_path
from swatlib.records.sweep import sweep


def test_experiments_counts_what_is_there(tmp_path: Path) -> None:
    sweep(RUNS[:2], tmp_path / "toys", toy)
    code, output = call("experiments")
    assert code == 0
    rows = {line.split()[0]: line.split()[1:] for line in output.splitlines()}
    assert rows["toys"] == ["3", "2", "1"]
    assert rows["bad-toys"] == ["4", "0", "4"]


@pytest.mark.filterwarnings("always")  # they are what is looked at
def test_what_is_no_good_record_is_not_done(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep(RUNS, tmp_path / "toys", toy)
    paths = [record_path(tmp_path / "toys", run) for run in RUNS]
    paths[0].write_text(paths[0].read_text().replace("50.0", "99.0"))
    paths[1].write_text(paths[1].read_text().replace('"version": 2', '"version": 1'))
    paths[2].unlink()
    paths[2].mkdir()
    for command in (["experiments"], ["sweep", "toys", "--list"]):
        with pytest.raises(SystemExit) as caught:
            main(command)
        assert not caught.value.code
        output, errors = capsys.readouterr()
        assert len(errors.splitlines()) == 3
        assert all(line.startswith("warning: ") for line in errors.splitlines())
        assert all(path.name in errors for path in paths)
        assert "done   " not in output
        if command == ["experiments"]:
            assert output.splitlines()[1].split() == ["toys", "3", "0", "3"]

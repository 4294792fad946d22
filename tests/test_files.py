"""A file is there whole or not at all."""

from importlib import import_module
from pathlib import Path

import pytest

from swatlib.files import whole


def test_a_finished_file_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b"old")
    with whole(path) as stream:
        stream.write(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]
    assert path.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_unfinished_one_leaves_nothing(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b"old")

    def broken() -> None:
        with whole(path) as stream:
            stream.write(b"half")
            raise error

    with pytest.raises(error):
        broken()
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), whole(tmp_path / "no" / "a.json"):
        pass


@pytest.mark.parametrize(
    ("module", "name", "read"),
    [
        ("swatlib.plotting.chapter", "RECORDS", lambda chapter: chapter.records("saliency-digits")),
        ("swatlib.plotting.chapter", "RECORDS", lambda chapter: chapter.epochs("saliency-digits")),
        ("swatlib.papers.numbers", "_FOLDER", lambda papers: papers.paper_table("swat-table-3")),
        ("swatlib.papers.published", "RESULTS", lambda papers: papers.published_results()),
        ("swatlib.papers.natural_zeros", "RECORD", lambda papers: papers.recorded_zeros("vgg16")),
        ("swatlib.records", None, lambda records: records.read_records("elsewhere/data/records/a")),
        ("swatlib.records", None, lambda records: list(records.iterate_records("elsewhere/data"))),
    ],
)
def test_a_library_without_its_repository_says_what_to_do(monkeypatch, module, name, read) -> None:
    """As a downloaded notebook meets it, where the package was installed alone."""
    imported = import_module(module)
    if name is not None:
        monkeypatch.setattr(imported, name, Path("elsewhere") / "data" / "there")
    with pytest.raises(FileNotFoundError, match=r"elsewhere/data.* does not exist; .*checkout"):
        read(imported)

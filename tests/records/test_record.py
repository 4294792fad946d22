"""Records: names that do not change, files that are whole, and nothing bad used in silence."""

from __future__ import annotations

import hashlib
import json
import math
import os
from dataclasses import dataclass, field, make_dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from swatlib.records import (
    Record,
    UnknownVersion,
    canonical,
    checksum,
    iterate_records,
    key,
    read_epochs,
    read_record,
    read_records,
    record_path,
    specification,
    write_record,
)


@dataclass(frozen=True)
class Toy:
    data: str = "toys"
    lr: float = 0.1
    sparsity: float = 0.0
    pixels: int | None = None
    options: dict[str, Any] = field(default_factory=dict)
    seed: int = 0


def record(run: Any = None, **changes: Any) -> Record:
    made = Record(
        specification=specification(run or Toy()),
        metrics={"epochs": [{"loss": 2.0}, {"loss": 1.5}], "test_accuracy": 81.25, "pixels": 8},
        data={"name": "toys", "fingerprint": "abc"},
        library="0.1.0",
        torch="2.13.0",
        device="cpu",
        processor="A Processor",
        instruction_set="AVX2",
        threads=1,
        seconds=1.5,
        date="2026-01-02T03:04:05+00:00",
    )
    return replace(made, **changes)


def test_name_is_the_hash_of_the_canonical_text() -> None:
    text = '{"data":"toys","lr":0.1,"seed":0,"sparsity":0}'
    assert canonical(specification(Toy())) == text
    assert key(specification(Toy())) == hashlib.sha256(text.encode()).hexdigest()[:24]
    assert record_path(Path("a"), Toy()) == Path("a") / f"{key(specification(Toy()))}.json"


def test_a_field_added_later_changes_no_name() -> None:
    added = [("topology", str | None, None), ("extra", dict, field(default_factory=dict))]
    later = make_dataclass("Later", added, bases=(Toy,), frozen=True)
    assert key(specification(later())) == key(specification(Toy()))
    assert key(specification(later(topology="set"))) != key(specification(Toy()))


def test_equal_runs_have_one_name_and_others_have_others() -> None:
    assert key(specification(Toy(sparsity=0))) == key(specification(Toy(sparsity=0.0)))
    assert key(specification(Toy(options={"a": (1, 2), "b": 1}))) == key(
        specification(Toy(options={"b": 1.0, "a": [1, 2]}))
    )
    runs = [Toy(), Toy(seed=1), Toy(lr=0.2), Toy(pixels=8), Toy(options={"a": None})]
    assert len({key(specification(run)) for run in runs}) == len(runs)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.text(), json_values, max_size=4))
def test_name_survives_being_written_and_read(fields: dict[str, Any]) -> None:
    assert key(json.loads(json.dumps(fields))) == key(fields)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), {1: 2}, {3}, object(), b"x"])
def test_only_json_values_can_be_asked_for(bad: Any) -> None:
    with pytest.raises(TypeError, match="specification"):
        specification(Toy(options={"bad": bad}))


@pytest.mark.parametrize("bad", [{"a": 1}, Toy, None])
def test_a_run_is_a_dataclass_instance(bad: Any) -> None:
    with pytest.raises(TypeError, match="run must be an instance of a dataclass"):
        specification(bad)


def test_is_read_as_it_was_written(tmp_path: Path) -> None:
    whole = record()
    path = write_record(tmp_path, whole)
    assert path == record_path(tmp_path, Toy())
    assert read_record(path) == whole
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    assert path.stat().st_mode & 0o777 == 0o644


def test_a_diverged_run_says_so_in_valid_json(tmp_path: Path) -> None:
    metrics = {"epochs": [{"loss": math.nan}], "best": -math.inf, "worst": math.inf}
    path = write_record(tmp_path, record(metrics=metrics))
    json.loads(path.read_text(), parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))
    again = read_record(path).metrics
    assert math.isnan(again["epochs"][0]["loss"])
    assert (again["best"], again["worst"]) == (-math.inf, math.inf)


def test_a_write_that_fails_leaves_the_old_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_record(tmp_path, record())
    before = path.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        write_record(tmp_path, record(seconds=9.0))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def spoil(path: Path, **changes: Any) -> None:
    """Change fields (... takes one away) and make the checksum fit, as one who means it would."""
    fields = json.loads(path.read_text()) | changes
    fields = {name: value for name, value in fields.items() if value is not ...}
    if "checksum" not in changes:
        fields["checksum"] = checksum(fields)
    path.write_text(json.dumps(fields))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 3}, "has version 3, this library knows 2"),
        ({"version": True}, "has version True, this library knows 2"),
        ({"version": 1}, "has version 1, .*; `swatlib records upgrade --records .*` rewrites it"),
        ({"version": ...}, "is damaged: it has no version"),
        ({"seconds": ...}, "is damaged: seconds missing"),
        ({"checksum": ...}, "is damaged: checksum missing"),
        ({"surprise": 1}, "is damaged: surprise missing or not known"),
        ({"metrics": [1]}, "metrics must be an object"),
        ({"specification": {"seed": 5}}, "does not belong to its name"),
        ({"specification": None}, "specification must be an object"),
        ({"data": "toys"}, "data must be an object or null"),
        ({"library": 1}, "library must be text"),
        ({"torch": None}, "torch must be text"),
        ({"device": ["cpu"]}, "device must be text"),
        ({"processor": 7}, "processor must be text or null"),
        ({"instruction_set": False}, "instruction_set must be text or null"),
        ({"threads": True}, "threads must be a positive integer"),
        ({"threads": 1.5}, "threads must be a positive integer"),
        ({"threads": 0}, "threads must be a positive integer"),
        ({"seconds": "1.5"}, "seconds must be 0 or more"),
        ({"seconds": -1}, "seconds must be 0 or more"),
        ({"date": "yesterday"}, "date must be an ISO 8601 date"),
        ({"date": 20260102}, "date must be an ISO 8601 date"),
        ({"checksum": None}, "checksum must be text"),
        ({"checksum": "0" * 64}, "has the checksum .*, not 0000"),
    ],
)
def test_foreign_records_are_named_and_skipped(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    good = write_record(tmp_path, record(Toy(seed=1)))
    bad = write_record(tmp_path, record())
    spoil(bad, **changes)
    with pytest.raises(ValueError, match=message) as caught:
        read_record(bad)
    assert bad.name in str(caught.value)
    other_version = changes.get("version", ...) is not ...
    assert isinstance(caught.value, UnknownVersion) == other_version
    with pytest.warns(UserWarning, match=f"skipped: .*{bad.stem}.*"):
        found = list(iterate_records(tmp_path))
    assert [r.key for r in found] == [good.stem]


def test_the_checksum_is_that_of_the_sorted_text_of_all_else(tmp_path: Path) -> None:
    path = write_record(tmp_path, record())
    fields = json.loads(path.read_text())
    found = fields.pop("checksum")
    text = json.dumps(fields, sort_keys=True).replace(": ", ":").replace(", ", ",")
    assert ": " not in json.dumps(list(fields.values()))[1:-1].replace('": ', "")  # no such text
    assert found == hashlib.sha256(text.encode()).hexdigest()


def test_a_change_of_any_character_is_noticed(tmp_path: Path) -> None:
    """Every digit and letter of the file, one at a time; what is read is the same or refused."""
    whole = record()
    path = write_record(tmp_path, whole)
    content = path.read_text()
    for place, old in enumerate(content):
        if old.isalnum():
            path.write_text(content[:place] + ("7" if old != "7" else "8") + content[place + 1 :])
            with pytest.raises(ValueError, match=path.stem):
                read_record(path)
    path.write_text(json.dumps(json.loads(content)))  # another layout of the same content
    assert read_record(path) == whole


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[1, 2]",
        b"null",
        b"[" * 100_000,
        b'{"version": 2, "metrics": ' + b'{"a":' * 900 + b"1" + b"}" * 901,
        b'{"version": 2, "seconds": 1' + b"0" * 5000 + b"}",
    ],
)
def test_damaged_records_are_named_and_skipped(tmp_path: Path, content: bytes) -> None:
    good = write_record(tmp_path, record())
    (tmp_path / "0123.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"0123\.json"):
        read_record(tmp_path / "0123.json")
    with pytest.warns(UserWarning, match=r"0123\.json"):
        assert [r.key for r in iterate_records(tmp_path)] == [good.stem]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"threads": 1', '"threads": 1, "threads": 1', "'threads' is there twice"),
        ('"loss": 2.0', '"loss": 9.0, "loss": 2.0', "'loss' is there twice"),
        ('"loss": 2.0', '"loss": NaN', "NaN is not JSON"),
        ('"loss": 2.0', '"loss": -Infinity', "-Infinity is not JSON"),
        ('"loss": 2.0', '"loss": 1e999', "Out of range"),
        ('"loss": 2.0', '"loss": ' + "[" * 400 + "]" * 400, "damaged"),
    ],
)
def test_what_python_reads_and_json_does_not_mean(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    path = write_record(tmp_path, record())
    content = path.read_text()
    assert content.count(old) == 1
    path.write_text(content.replace(old, new))
    with pytest.raises(ValueError, match=message) as caught:
        read_record(path)
    assert path.name in str(caught.value)


def test_what_is_no_file_is_named_and_skipped(tmp_path: Path) -> None:
    good = write_record(tmp_path, record())
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "link.json").symlink_to(tmp_path / "nowhere")
    (tmp_path / "loop.json").symlink_to(tmp_path / "loop.json")
    os.mkfifo(tmp_path / "pipe.json")  # reading it would wait for ever
    with pytest.warns(UserWarning, match="skipped") as caught:
        assert [r.key for r in iterate_records(tmp_path)] == [good.stem]
    named = " ".join(str(warning.message) for warning in caught)
    assert all(f"{name}.json" in named for name in ("folder", "link", "loop", "pipe"))


def test_a_file_that_cannot_be_read_is_named_and_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad = (write_record(tmp_path, record(Toy(seed=seed))) for seed in (1, 2))
    read = Path.read_text

    def denied(path: Path, *args: Any, **options: Any) -> str:  # root may read anything
        if path == bad:
            raise PermissionError(13, "Permission denied", str(path))
        return read(path, *args, **options)

    monkeypatch.setattr(Path, "read_text", denied)
    with pytest.warns(UserWarning, match=f"Permission denied: .*{bad.name}"):
        assert [r.key for r in iterate_records(tmp_path)] == [good.stem]


@pytest.mark.parametrize("changes", [{"threads": 0}, {"metrics": [1]}, {"seconds": math.nan}])
def test_what_could_not_be_read_is_not_written(tmp_path: Path, changes: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError), match=r"must be|Out of range"):
        write_record(tmp_path, record(**changes))
    assert list(tmp_path.iterdir()) == []


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 400))
def test_a_record_cut_anywhere_is_never_used(length: int) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = write_record(Path(folder), record())
        path.write_bytes(path.read_bytes()[:length])
        with pytest.raises(ValueError, match=path.stem):
            read_record(path)


def test_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"records folder .*nowhere does not exist"):
        read_records(tmp_path / "nowhere")


def test_tables(tmp_path: Path) -> None:
    for seed in (0, 1):
        write_record(tmp_path, record(Toy(seed=seed, options={"period": 4})))
    table = read_records(tmp_path).sort_values("seed")
    assert table["seed"].tolist() == [0, 1]
    assert table["options.period"].tolist() == [4, 4]
    assert table["test_accuracy"].tolist() == [81.25, 81.25]
    assert table["metrics.pixels"].tolist() == [8, 8]  # the run has a field of that name
    assert table["fingerprint"].tolist() == ["abc", "abc"]
    assert table["seconds"].tolist() == [1.5, 1.5]
    assert table["processor"].tolist() == ["A Processor"] * 2
    assert table["instruction_set"].tolist() == ["AVX2"] * 2
    epochs = read_epochs(tmp_path)
    assert len(epochs) == 4
    one = epochs[epochs["seed"] == 1]
    assert one["epoch"].tolist() == [1, 2]
    assert one["loss"].tolist() == [2.0, 1.5]


def test_an_empty_folder_is_an_empty_table(tmp_path: Path) -> None:
    assert len(read_records(tmp_path)) == 0
    assert len(read_epochs(tmp_path)) == 0


def test_epochs_that_are_none_are_named_and_skipped(tmp_path: Path) -> None:
    write_record(tmp_path, record())
    for seed, epochs in enumerate((60, None, [1.0], "many"), start=1):
        write_record(tmp_path, record(Toy(seed=seed), metrics={"epochs": epochs}))
    with pytest.warns(UserWarning, match="epochs must be a list of objects") as caught:
        assert read_epochs(tmp_path)["seed"].tolist() == [0, 0]
    assert len(caught) == 4
    assert len(read_records(tmp_path)) == 5


def test_a_field_called_fingerprint(tmp_path: Path) -> None:
    write_record(tmp_path, record(metrics={"fingerprint": "mine", "device": 3}))
    table = read_records(tmp_path)
    assert table[["fingerprint", "record.fingerprint"]].to_numpy().tolist() == [["mine", "abc"]]
    assert table[["device", "record.device"]].to_numpy().tolist() == [[3, "cpu"]]


def test_a_folder_that_cannot_be_read_is_an_error(tmp_path, monkeypatch):
    def refuse(folder):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("swatlib.records.record.os.listdir", refuse)
    with pytest.raises(OSError, match=r"records folder .* cannot be read: Permission denied"):
        list(iterate_records(tmp_path))

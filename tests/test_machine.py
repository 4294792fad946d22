"""The processor's name, where the system tells it and where it does not."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest

from swatlib import machine


@pytest.mark.parametrize(
    ("content", "want"),
    [
        ("processor : 0\nmodel name\t: A Chip: 2 GHz\nmodel name : B\n", "A Chip: 2 GHz"),
        ("processor : 0\nCPU implementer : 0x41\n", "other"),
        (None, "other"),
    ],
)
def test_processor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None, want: str
) -> None:
    if content is not None:
        (tmp_path / "cpuinfo").write_text(content)
    monkeypatch.setattr(machine, "CPUINFO", tmp_path / "cpuinfo")
    monkeypatch.setattr(platform, "processor", lambda: "other")
    assert machine.processor() == want


def test_a_processor_nobody_knows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "CPUINFO", tmp_path / "nowhere")
    monkeypatch.setattr(platform, "processor", lambda: "")
    assert machine.processor() is None

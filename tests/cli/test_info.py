"""The command info."""

from __future__ import annotations

from command_line import call


def test_info() -> None:
    code, output = call("info")
    assert code == 0
    for word in ("swatlib", "torch", "threads", "digits, patches, cifar10, cifar100"):
        assert word in output

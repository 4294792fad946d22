"""What a run was computed on: the device, the processor and the instructions PyTorch uses of it."""

from __future__ import annotations

import platform
from pathlib import Path

import torch

CPUINFO = Path("/proc/cpuinfo")


def device() -> str:
    """Return ``"cpu"`` or the name of the GPU."""
    return torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"


def processor() -> str | None:
    """Return the model name of the CPU, None where the system does not tell."""
    try:
        lines = CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # not Linux
        lines = []
    for line in lines:
        name, _, value = line.partition(":")
        if name.strip() == "model name" and value.strip():
            return value.strip()
    return platform.processor() or None


def instruction_set() -> str:
    """Return the vector instructions PyTorch's own kernels use, e.g. ``"AVX2"``."""
    return torch.backends.cpu.get_cpu_capability()

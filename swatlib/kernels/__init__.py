"""Kernels: fast functions of tensors, which know nothing of methods; skip on a first reading."""

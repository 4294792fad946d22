"""Kernels: fast functions of tensors that know no method; to be skipped on a first reading."""

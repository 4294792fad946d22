"""Benchmarks, one file a topic: ``python -m swatlib.bench [TOPIC ...]``."""

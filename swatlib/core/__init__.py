"""The core: one sparse step of one layer."""

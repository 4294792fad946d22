"""Storage: the bytes between forward and backward pass, and on disk."""

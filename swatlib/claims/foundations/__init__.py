"""Claims of Part I, a file a chapter."""

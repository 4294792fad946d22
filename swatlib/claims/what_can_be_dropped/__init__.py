"""Claims of Part II, a file a chapter."""

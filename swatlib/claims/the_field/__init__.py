"""Claims of Part VI, a file a chapter."""

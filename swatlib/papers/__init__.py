"""Papers: what they print, and our reading of it."""

from swatlib.papers.numbers import paper_number, paper_table, paper_tables, paper_wide

__all__ = ["paper_number", "paper_table", "paper_tables", "paper_wide"]

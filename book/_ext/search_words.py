"""Sphinx extension: the search knows ratios and hyphens.

Sphinx cuts a text at everything but letters, digits and underscores. So "2:4" is two numbers, which
it then leaves out, and "speed-up" is found on other pages than "speedup". Here a ratio is one word,
and what a hyphen joins is a word without it; on pages the parts count as well.
"""

from __future__ import annotations

import re
from typing import Any

from sphinx.application import Sphinx
from sphinx.search.en import SearchEnglish

COMPOUND = re.compile(r"\w+(?:[:-]\w+)*")
JOINED = re.compile(r"[:-]")

# The same cut of what the reader asks for. A compound that no page has counts as its parts.
SPLIT_QUERY = r"""
var splitQuery = (query) => {
  const compounds = query.match(/[\p{L}\p{N}_]+(?:[:-][\p{L}\p{N}_]+)*/gu) ?? [];
  const known = (word) => {
    const stem = new Stemmer().stemWord(word.toLowerCase());
    return Object.hasOwn(Search._index.terms, stem) ||
      Object.hasOwn(Search._index.titleterms, stem);
  };
  return compounds.flatMap((compound) => {
    const word = compound.replaceAll("-", "");
    return known(word) ? [word] : compound.split(/[:-]/);
  });
};
"""


def words(text: str) -> list[str]:
    """Return the words under which a text is found.

    >>> words("A 2:4 mask is no speed-up.")
    ['A', '2:4', '2', '4', 'mask', 'is', 'no', 'speedup', 'speed', 'up']
    """
    found = []
    for compound in COMPOUND.findall(text):
        parts = JOINED.split(compound)
        found += parts if len(parts) == 1 else [compound.replace("-", ""), *parts]
    return found


class Words(SearchEnglish):
    """English, cut by :func:`words`."""

    js_splitter_code = SPLIT_QUERY

    def split(self, input: str) -> list[str]:
        """Return the words of a text."""
        return words(input)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the language."""
    app.add_search_language(Words)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}

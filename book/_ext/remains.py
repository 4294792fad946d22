"""What a rendered page shows where its source was not understood.

A directive whose fence is broken, a role with a typing error or a formula that never ends is no
error to Sphinx: it is text, and the reader sees the markup. A printed object without a picture of
its own is the same kind of accident.
"""

from __future__ import annotations

import re

from bs4 import BeautifulSoup

# Of text outside code and formulas. The book has no dollar prices and speaks of no backticks there.
MARKUP = {
    "a fence": r"`{3,}|:{3,}|~{3,}",
    "a backtick": r"`",
    "a role or directive": r"\{[a-z][a-z0-9:_-]*\}",
    "a role of reStructuredText": r"(?<!\w):[a-z]+(?::[a-z]+)?:(?=\S)",
    "a directive of reStructuredText": r"\.\. [a-z:_-]+::",
    "an option of a directive": r"(?m)^\s*:[a-z][a-z-]*:(?:\s|$)",
    "a formula": r"\$|\\(?:begin|end|frac|sum|mathcal|text|cdot|times)\b|\\[\[(]",
    "bold text": r"\*\*[^\W\d][^*\n]*\*\*",
    "a link": r"\]\([^)\s]*\)|\]\[[^\]]*\]",
    "a heading": r"(?m)^#{1,6} \S",
    "a row of a table": r"(?m)^\s*(?:\|.*\|.*\||\* - |\|?\s*:?-{3,}:?\s*\|)",
    "a tag": r"</?(?:a|b|br|code|div|em|i|img|p|pre|script|span|strong|style|table|t[dhr])\b[^>]*>",
    "a comment": r"<!--|-->",
    "a substitution": r"\{\{|\}\}",
    "a reference that leads nowhere": r"\[\?+\]|\?\?|(?:Fig|Table|Equation|Section)\.? %s",
    "a footnote": r"\[\^[^\]]*\]",
}
# Of what the cells of a notebook show.
OBJECTS = {
    "an object": r"<[\w.]+(?: object)? at 0x[0-9a-fA-F]+|<(?:pandas|matplotlib|IPython)\.[\w.]+",
    "a figure without a picture": r"<Figure size",
    "a part of a figure": r"\b(?:Text|Axes|Line2D|AxesSubplot)\((?:[\d.]|0x|_|')",
    "a traceback": r"Traceback \(most recent call last\)",
    "HTML as text": r"</(?:div|table|t[dhr]|style)>",
}
HIDDEN = ".sig, script, style, pre, code, .math, mjx-container, svg, .highlight, .headerlink, math"
BLOCKS = "p, div, section, li, dt, dd, tr, h1, h2, h3, h4, figure, br"


def remains(html: str) -> list[str]:
    """Return what is left of markup in the visible text of a page, each with what is around it.

    Parameters
    ----------
    html
        A page as Sphinx wrote it. Its ``main`` part is looked at, or all of it if there is none.

    Examples
    --------
    >>> remains("<p>as {cite}`somebody` says</p>")[0]
    "a backtick: 'as {cite}`somebody` says'"
    """
    soup = BeautifulSoup(html, "html.parser")
    page = soup.find("main") or soup
    messages = page.select(".system-message, .problematic")
    found = [f"a message: {message.get_text()!r}" for message in messages]
    for reference in page.select("span.xref, .std-ref, .std-numref, .eqref"):
        if not (reference.find_parent("a") or reference.name == "a"):
            found.append(f"an unresolved reference: {reference.get_text()!r}")
    for output in page.select(".cell_output pre"):
        found += matches(output.get_text(), OBJECTS)
    for hidden in page.select(HIDDEN):
        hidden.replace_with(" ")
    for block in page.select(BLOCKS):
        block.insert_before("\n")
    return found + sorted(matches(page.get_text(), MARKUP | OBJECTS))


def matches(text: str, patterns: dict[str, str]) -> list[str]:
    """Return every match of named patterns in a text, with the name and a little context."""
    return [
        f"{name}: {text[max(0, found.start() - 40) : found.end() + 40].strip()!r}"
        for name, pattern in patterns.items()
        for found in re.finditer(pattern, text)
    ]

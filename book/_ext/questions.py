"""Sphinx extension: questions that a reader answers before the page does.

``predict`` asks one question before a result, ``quiz`` several at the end of a chapter::

    :::{predict}
    How much faster is a step whose products are all five times as fast?

    - 5 times
      - No: the rest of the step stays as long as it was.
    - 3.6 times
      - Right: a tenth stays and nine tenths become a fifth.
    :::

The questions of a quiz are numbered, ``1. How ...``, with their answers indented under them. Each
answer has its explanation below it, and the one that begins with "Right" marks the right answer.
Where directives are not known, as on a hosting site or in JupyterLab, this reads as a list. Without
a script a page has the explanations folded beneath the question; ``questions.js`` adds the button
that compares the reader's choice.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from textwrap import dedent
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from element import Element, element

RIGHT = "Right"
ANSWERS = range(2, 6)
NUMBERED = re.compile(r"^\d+\. ", re.MULTILINE)


@dataclass(frozen=True)
class Answer:
    """One answer to choose, and what there is to say about it."""

    text: str
    why: str

    @property
    def right(self) -> bool:
        """Whether the explanation says so."""
        return bool(re.match(rf"{RIGHT}\b", self.why))


@dataclass(frozen=True)
class Question:
    """A question and its answers, in Markdown."""

    text: str
    answers: tuple[Answer, ...]


def read_question(source: str) -> Question:
    """Read a question, the list of its answers, and an explanation below each.

    Raises
    ------
    ValueError
        If there is no question, an answer has no explanation, there are not two to five answers,
        or not one of them is right.

    Examples
    --------
    >>> read_question("Two?\\n\\n- 1\\n  - No.\\n- 2\\n  - Right.").answers[1].right
    True
    """
    text, *parts = re.split(r"^- ", source.strip(), flags=re.MULTILINE)
    if not text.strip():
        raise ValueError(f"a question must begin with what it asks, got {source.strip()[:40]!r}")
    answers = []
    for part in parts:
        answer, _, why = part.partition("\n  - ")
        if not why.strip():
            raise ValueError(f"an answer must have an explanation below it, got {answer.strip()!r}")
        answers.append(Answer(_flush(answer), _flush(why)))
    if len(answers) not in ANSWERS:
        raise ValueError(f"a question must have two to five answers, got {len(answers)}")
    if sum(answer.right for answer in answers) != 1:
        raise ValueError(
            f"one explanation must begin with {RIGHT!r}, got "
            f"{sum(answer.right for answer in answers)} of them: {text.strip()!r}"
        )
    return Question(text.strip(), tuple(answers))


def read_quiz(source: str) -> tuple[Question, ...]:
    """Read numbered questions.

    Raises
    ------
    ValueError
        If there are none, or one of them cannot be read.
    """
    before, *parts = NUMBERED.split(source.strip())
    if before.strip() or not parts:
        begun = source.strip()[:40]
        raise ValueError(f"a quiz must be a numbered list of questions, got {begun!r}")
    return tuple(read_question(_flush(part)) for part in parts)


def _flush(text: str) -> str:
    """Return a list item's text without the indentation of its further lines."""
    first, _, rest = text.partition("\n")
    return f"{first}\n{dedent(rest)}".strip()


class Asked(SphinxDirective):
    """What the two directives have in common."""

    has_content = True

    def words(self, markdown: str) -> list[nodes.Node]:
        """Return parsed Markdown; of a single paragraph what is in it."""
        parsed = nodes.Element()
        lines = StringList(markdown.split("\n"), source=self.get_source_info()[0])
        self.state.nested_parse(lines, self.content_offset, parsed)
        only = parsed.children
        return list(only[0].children if len(only) == 1 and only[0].tagname == "paragraph" else only)

    def form(self, question: Question) -> Element:
        """Return a question as a form: what is asked, the answers, the folded explanations."""
        name = f"question-{self.env.new_serialno('question') + 1}"
        choices, reasons = [], []
        for number, answer in enumerate(question.answers):
            radio = element("input", type="radio", name=name, value=str(number))
            choices.append(element("label", radio, element("span", *self.words(answer.text))))
            judged = {"data_right": ""} if answer.right else {}
            reasons.append(
                element(
                    "li",
                    element("strong", *self.words(answer.text)),
                    element("div", *self.words(answer.why), class_="question-why"),
                    **judged,
                )
            )
        return element(
            "form",
            element("fieldset", element("legend", *self.words(question.text)), *choices),
            element("button", "Compare", type="submit", hidden=""),
            element("p", role="status", class_="question-said"),
            element("details", element("summary", "The answers"), element("ul", *reasons)),
            class_="question",
        )


class Predict(Asked):
    """One question before a result."""

    def run(self) -> list[nodes.Node]:
        """Return the question."""
        try:
            question = read_question("\n".join(self.content))
        except ValueError as error:
            raise self.error(str(error)) from error
        title = element("p", "Predict, then read on", class_="questions-title")
        return [element("div", title, self.form(question), class_="questions predict")]


class Quiz(Asked):
    """Several questions at the end of a chapter."""

    def run(self) -> list[nodes.Node]:
        """Return the questions."""
        try:
            questions = read_quiz("\n".join(self.content))
        except ValueError as error:
            raise self.error(str(error)) from error
        return [element("div", *map(self.form, questions), class_="questions quiz")]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives."""
    app.setup_extension("element")
    app.add_directive("predict", Predict)
    app.add_directive("quiz", Quiz)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}

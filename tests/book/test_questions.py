"""Questions to the reader: how they are written, and how they behave in a page."""

import pytest

from notebooks import BOOK, read, toc_notebooks
from questions import read_question, read_quiz

CHAPTERS = [
    path.relative_to(BOOK).with_suffix("").as_posix()
    for path in toc_notebooks()
    if any(":::{predict}" in cell.source for cell in read(path).cells)
]

QUESTION = """How much,
all in all?

- $1$ time
  - No: that is
    nothing.
- 2 times
  - Right: it is.
"""


def test_a_question_is_read():
    question = read_question(QUESTION)
    assert question.text == "How much,\nall in all?"
    assert [answer.text for answer in question.answers] == ["$1$ time", "2 times"]
    assert [answer.right for answer in question.answers] == [False, True]
    assert question.answers[0].why == "No: that is\nnothing."


def test_a_quiz_is_read_as_its_questions_are():
    indented = QUESTION.replace("\n", "\n   ")
    quiz = read_quiz(f"1. {indented}\n2. {indented}")
    assert quiz == (read_question(QUESTION),) * 2


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("- 1\n  - Right.\n- 2\n  - No.", "begin with what it asks"),
        ("How?\n\n- 1\n- 2\n  - Right.", "explanation below it, got '1'"),
        ("How?\n\n- 1\n  - Right.", "two to five answers, got 1"),
        ("How?\n\n- 1\n  - No.\n- 2\n  - No.", "must begin with 'Right', got 0"),
        ("How?\n\n- 1\n  - Right.\n- 2\n  - Right.", "must begin with 'Right', got 2"),
        ("How?\n\n- 1\n  - No.\n- 2\n  - Rightly so.", "must begin with 'Right', got 0"),
    ],
)
def test_what_is_no_question_is_refused_in_words(source, words):
    with pytest.raises(ValueError, match=words):
        read_question(source)


@pytest.mark.parametrize("source", ["", QUESTION, "first\n1. How?"])
def test_what_is_no_quiz_is_refused_in_words(source):
    with pytest.raises(ValueError, match="must be a numbered list of questions"):
        read_quiz(source)


def test_chapters_ask():
    assert CHAPTERS
    for name in CHAPTERS:
        source = "\n".join(cell.source for cell in read(BOOK / f"{name}.ipynb").cells)
        assert source.count(":::{quiz}") == 1, name


@pytest.mark.browser
@pytest.mark.parametrize("name", CHAPTERS)
@pytest.mark.parametrize("width", [1280, 390])
def test_an_answer_is_compared_with_the_keyboard_alone(visit, name, width):
    seen = visit(name, viewport={"width": width, "height": 800}, color_scheme="dark")
    forms = seen.page.locator("form.question")
    assert forms.count() > 3
    for number in range(forms.count()):
        form = forms.nth(number)
        button, said = form.get_by_role("button"), form.get_by_role("status")
        button.press("Enter")
        assert said.inner_text() == "Choose an answer first."
        form.get_by_role("radio").first.focus()
        seen.page.keyboard.press("ArrowDown")
        seen.page.keyboard.press("Enter")
        second = form.locator("details li").nth(1)
        assert said.inner_text() == second.locator(".question-why").inner_text()
        assert form.locator("label.chosen").count() == form.locator("label.right").count() == 1
        right = form.locator("details li[data-right]")
        assert right.is_visible()
        assert form.locator("label.right").inner_text() == right.locator("strong").inner_text()
    assert not seen.problems


@pytest.mark.browser
@pytest.mark.parametrize("name", CHAPTERS)
def test_without_scripts_every_answer_is_explained(visit, name):
    seen = visit(name, java_script_enabled=False)
    forms = seen.page.locator("form.question")
    for number in range(forms.count()):
        form = forms.nth(number)
        answers = form.get_by_role("radio").count()
        assert answers >= 2
        assert not form.locator("button").is_visible()
        assert form.locator("legend").is_visible()
        form.locator("summary").click()
        why = form.locator(".question-why")
        assert why.count() == answers
        assert all(why.nth(one).is_visible() for one in range(answers))

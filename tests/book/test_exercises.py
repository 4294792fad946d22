"""Exercises say what they train, carry checks, and become worksheets and a syllabus."""

import ast

import pytest

import exercises
import notebooks
import syllabus
import worksheets

CHAPTERS = notebooks.toc_notebooks()


@pytest.fixture(params=CHAPTERS, ids=lambda p: p.relative_to(notebooks.BOOK).as_posix())
def chapter(request):
    return notebooks.read(request.param)


def cells(notebook, tag):
    return [cell.source for cell in notebook.cells if tag in cell.metadata.get("tags", [])]


def test_every_exercise_says_what_it_trains_and_has_a_check(chapter):
    found = exercises.read_exercises(chapter)
    assert len(found) >= 3
    for one in found:
        assert one.trains
        assert one.text
        assert one.level in exercises.LEVELS
        assert one.kind in exercises.KINDS


def test_a_check_reads_what_the_answer_defines(chapter):
    for one in exercises.read_exercises(chapter):
        assert set(one.check.names) & worksheets.loaded(ast.parse(one.check.asserts)), one.label
        made = "\n".join([*one.solution, one.check.answer])
        assert set(one.check.names) <= worksheets.touched(ast.parse(made)), one.label


def test_a_worksheet_holds_every_exercise_and_no_solution(chapter):
    found = exercises.read_exercises(chapter)
    sheet = worksheets.worksheet(chapter)
    answers = cells(sheet, "answer")
    assert len(answers) == len(cells(sheet, "check")) == len(found)
    text = "\n".join(cell.source for cell in sheet.cells)
    for one, answer in zip(found, answers, strict=True):
        assert one.title.split("`")[0] in text
        assert "NotImplementedError" in answer
        for source in one.solution:
            assert source not in text
        assert "{solution" not in text
        assert exercises.ANSWER not in text


def test_a_solved_worksheet_has_every_solution(chapter):
    text = "\n".join(cell.source for cell in worksheets.worksheet(chapter, solved=True).cells)
    for one in exercises.read_exercises(chapter):
        assert all(source in text for source in (*one.solution, one.check.answer))
    assert "NotImplementedError" not in text


def test_setup_leaves_out_what_the_exercises_do_not_need():
    before = ["import math", "a = 1\nb = []", "plot = 2", "b.append(a)", "print(b)"]
    check = exercises.Check(("c",), "# c: a number", "assert c == len(b)", "c = 1")
    one = exercises.Exercise("ex-a", "A", "Text.", "counting", "easy", "by hand", (), check)
    assert worksheets.setup_cells(before, [one]) == [before[0], before[1], before[3]]


def test_setup_keeps_what_is_called_for_what_it_does():
    before = ["import math", "kept = {}", "def fill(n):\n    kept[n] = n", "fill(1)", "print(2)"]
    check = exercises.Check(("c",), "# c: a number", "assert c == kept[1]", "c = kept[1]")
    one = exercises.Exercise("ex-a", "A", "Text.", "counting", "easy", "by hand", (), check)
    assert worksheets.setup_cells(before, [one]) == before[:4]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("assert a", "begin with"),
        ("# a: number\nb = a", "assert something"),
    ],
)
def test_a_check_that_checks_nothing_is_refused(source, said):
    with pytest.raises(ValueError, match=said):
        exercises.read_check(source)


def written(text: str):
    return notebooks.nbformat.v4.new_notebook(cells=[notebooks.nbformat.v4.new_markdown_cell(text)])


def test_an_exercise_that_does_not_say_what_it_trains_is_refused():
    with pytest.raises(ValueError, match="Trains"):
        exercises.read_exercises(written("```{exercise} Why\n:label: ex-why\nWhy?\n```"))


def test_an_exercise_without_a_check_is_refused():
    asked = "```{exercise} Why\n:label: ex-why\n*Trains asking; easy, in words.*\n\nWhy?\n```\n"
    solved = "```{solution} ex-why\n:label: sol-why\nSo.\n```"
    for text in (asked, asked + solved):
        with pytest.raises(ValueError, match="ex-why"):
            exercises.read_exercises(written(text))


@pytest.mark.parametrize("sessions", [1, 6, 12, len(CHAPTERS)])
def test_a_course_has_every_chapter_once_in_order(sessions):
    book = syllabus.chapters()
    parts = syllabus.divide([one.reading for one in book], sessions)
    assert len(parts) == sessions
    assert [position for part in parts for position in part] == list(range(len(book)))
    text = syllabus.course(book, sessions)
    assert all(f"{{doc}}`/{one.name}`" in text for one in book)


def test_sessions_are_as_even_as_they_can_be():
    parts = syllabus.divide([10, 20, 30, 40, 50], 2)
    assert parts == [range(0, 3), range(3, 5)] or parts == [range(0, 4), range(4, 5)]
    assert max(sum([10, 20, 30, 40, 50][part.start : part.stop]) for part in parts) == 90


@pytest.mark.parametrize("sessions", [0, 6])
def test_a_course_needs_a_chapter_for_each_session(sessions):
    with pytest.raises(ValueError, match="between 1 and 5"):
        syllabus.divide([1] * 5, sessions)


def test_what_a_chapter_builds_on_comes_before_it():
    seen: set[str] = set()
    for one in syllabus.chapters():
        assert set(one.builds_on) <= seen
        seen.add(one.name)
    assert any(one.builds_on for one in syllabus.chapters())


def test_the_list_of_exercises_has_them_all():
    book = syllabus.chapters()
    text = syllabus.listed(book)
    for one in book:
        assert all(f"{{ref}}`{e.label}`" in text for e in one.exercises)


@pytest.mark.slow
def test_answers_that_are_missing_fail_and_solutions_pass(chapter, tmp_path):
    """Each exercise is tried empty and then solved, as a reader would, in one kernel."""
    from nbclient import NotebookClient
    from nbformat.v4 import new_code_cell

    from execute import kernel_environment

    empty, solved = worksheets.worksheet(chapter), worksheets.worksheet(chapter, solved=True)
    tried, fails = [], []
    at = 0
    while at < len(empty.cells):
        tags = empty.cells[at].metadata.get("tags", [])
        if "answer" in tags:
            for sheet, failing in ((empty, True), (solved, False)):
                for one in sheet.cells[at : at + 2]:
                    tried.append(new_code_cell(one.source))
                    fails.append(failing)
            at += 2
            continue
        if empty.cells[at].cell_type == "code":
            tried.append(new_code_cell(empty.cells[at].source))
            fails.append(False)
        at += 1
    notebook = notebooks.nbformat.v4.new_notebook(cells=tried)
    client = NotebookClient(
        notebook,
        timeout=300,
        kernel_name="python3",
        allow_errors=True,
        resources={"metadata": {"path": str(tmp_path)}},  # as a download, far from the book
    )
    client.execute(env=kernel_environment())
    for cell, failing in zip(notebook.cells, fails, strict=True):
        problems = [o for o in cell.outputs if o.output_type == "error"]
        assert bool(problems) == failing, (cell.source, [o.evalue for o in problems])

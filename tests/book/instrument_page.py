"""An instrument of an open page, as a reader with a keyboard meets it."""

import re

import pytest

from notebooks import BOOK, read, toc_notebooks

PLACES = {
    name: path.relative_to(BOOK).with_suffix("").as_posix()
    for path in toc_notebooks()
    for cell in read(path).cells
    for name in re.findall(r"^:::\{instrument\} (\S+)$", cell.source, re.MULTILINE)
}
WIDTHS = [1280, 390]


class Instrument:
    """One instrument of an open page."""

    def __init__(self, visit, name: str, width: int, **options):
        self.seen = visit(PLACES[name], viewport={"width": width, "height": 800}, **options)
        self.box = self.seen.page.locator(f'[data-instrument="{name}"]')

    def set(self, label: str, value: float) -> None:
        """Move a slider as the keyboard does."""
        slider = self.box.get_by_role("slider", name=label)
        slider.focus()
        slider.press("Home")
        least, step = (float(slider.get_attribute(name)) for name in ("min", "step"))
        for _ in range(round((value - least) / step)):
            slider.press("ArrowRight")
        assert float(slider.input_value()) == pytest.approx(value)

    def choose(self, label: str, option: str) -> None:
        self.box.get_by_role("combobox", name=label).select_option(option)

    def press(self, button: str) -> None:
        self.box.get_by_role("button", name=button, exact=True).press("Enter")

    def ticks(self, label: str, on: list[bool]) -> None:
        """Set the checkboxes of a group."""
        boxes = self.box.get_by_role("group", name=label).get_by_role("checkbox")
        for number, one in enumerate(on):
            boxes.nth(number).set_checked(one)

    def words(self, name: str) -> str:
        return self.box.locator(f'[data-name="{name}"]').inner_text()

    def said(self, name: str) -> float:
        return float(self.words(name).split()[0])

"""Nothing is cut, on a laptop, on a telephone and on paper."""

import pytest

from notebooks import toc_files

pytestmark = pytest.mark.browser

CHAPTERS = [page for page in toc_files() if page[0].isdigit()]
# One with wide code, one with wide tables, one with controls in a figure, one of each part.
SOME = [
    "1-foundations/01-why-train-sparsely",
    "3-swat/01-the-algorithm",
    "4-counting-and-hardware/01-counting-operations",
    "5-fully-sparse-training/04-information-restoration",
]

COLUMNS = """() => {
  const found = [...document.querySelectorAll("main div.cell_input div.highlight pre")];
  const pre = found.find((one) => one.clientWidth > 0);
  const probe = document.createElement("span");
  probe.textContent = "x".repeat(80);
  pre.append(probe);
  const style = getComputedStyle(pre);
  const room = pre.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
  return [probe.getBoundingClientRect().width, room];
}"""

# What is wider than the page, or than the box that does not scroll around it.
CUT = """(selector) => {
  const width = document.documentElement.clientWidth;
  const cut = (node) => {
    for (let box = node.parentElement; box && box.tagName !== "BODY"; box = box.parentElement) {
      if (["auto", "scroll"].includes(getComputedStyle(box).overflowX)) return false;
    }
    const { right, width: own } = node.getBoundingClientRect();
    return own > 0 && right > width + 1;
  };
  return [...document.querySelectorAll(selector)].filter(cut).length;
}"""

CONTRAST = """(selector) => {
  const channel = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const light = (rgb) => {
    const [r, g, b] = rgb.match(/[\\d.]+/g).map(Number).slice(0, 3).map((v) => channel(v / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (node) => {
    const colour = getComputedStyle(node).backgroundColor;
    // What shines through counts as what is behind it.
    return /^rgba/.test(colour) && node.parentElement ? ground(node.parentElement) : colour;
  };
  return [...document.querySelectorAll(selector)]
    .filter((link) => link.getClientRects().length && link.textContent.trim())
    .map((link) => {
      const pair = [light(getComputedStyle(link).color), light(ground(link))];
      return [(Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05), link.textContent];
    });
}"""


@pytest.mark.parametrize("name", SOME)
def test_eighty_characters_of_code_fit_on_a_laptop(visit, name):
    seen = visit(name, viewport={"width": 1280, "height": 900})
    wide, room = seen.page.evaluate(COLUMNS)
    assert 0 < wide <= room


@pytest.mark.parametrize("name", CHAPTERS)
def test_tables_scroll_and_controls_can_be_used_on_a_telephone(visit, name):
    seen = visit(name, viewport={"width": 390, "height": 844})
    assert seen.page.evaluate(CUT, "main table") == 0
    controls = seen.page.locator("main figure input, main figure select")
    for number in range(controls.count()):
        assert controls.nth(number).bounding_box()["width"] >= 120


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", SOME)
def test_links_can_be_told_from_their_ground(visit, name, scheme):
    seen = visit(name, color_scheme=scheme)
    links = seen.page.evaluate(CONTRAST, "main article a.reference")
    assert len(links) > 3
    assert not [link for link in links if link[0] < 4.5]


@pytest.mark.parametrize("name", SOME)
def test_on_paper_solutions_are_there_and_no_box_is_cut(visit, name):
    # A4 without its margins.
    seen = visit(name, viewport={"width": 718, "height": 1000})
    seen.page.locator("button.toggle-button").first.wait_for()
    seen.page.emulate_media(media="print")
    seen.page.wait_for_timeout(400)  # the theme fades solutions in
    solutions = seen.page.locator("div.solution.dropdown")
    assert solutions.count() >= 3
    for number in range(solutions.count()):
        section = solutions.nth(number).locator("section").first
        assert section.is_visible()
        assert section.evaluate("(s) => getComputedStyle(s).opacity") == "1"
        assert section.bounding_box()["height"] > 20
    inside = seen.page.evaluate(
        """() => [...document.querySelectorAll("main div.highlight pre, main .output pre")]
          .filter((pre) => pre.scrollWidth > pre.clientWidth + 1).length"""
    )
    assert inside == 0
    why = seen.page.locator(".question-why")
    assert all(why.nth(number).is_visible() for number in range(why.count()))

"""Pages are shared out among processes without changing what a page says."""

from parallel import dealt


def test_pages_are_dealt_and_the_reference_comes_last():
    names = ["1/a", "1/b", "1/c", "2/a", "api", "api-core", "data", "intro"]
    order = dealt(names, 2)
    assert order == ["1/a", "1/c", "1/b", "2/a", "data", "intro", "api", "api-core"]
    assert dealt(names, 1) == ["1/a", "1/b", "1/c", "2/a", "data", "intro", "api", "api-core"]
    assert dealt([], 4) == []

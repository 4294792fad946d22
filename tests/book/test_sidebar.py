"""The list of chapters beside pages of source code: made once for each depth of folders."""

from types import SimpleNamespace

import sidebar


def test_it_is_made_once_for_each_depth_and_always_for_a_page_in_it():
    app = SimpleNamespace(env=SimpleNamespace(all_docs={"intro"}))
    made = []

    def beside(pagename):
        context = {"toctree": lambda **options: made.append(pagename) or f"{pagename} {options}"}
        sidebar.keep(app, pagename, "page.html", context, None)
        return context["toctree"]

    assert beside("_modules/a")(maxdepth=2) == "_modules/a {'maxdepth': 2}"
    assert beside("_modules/b")(maxdepth=2) == "_modules/a {'maxdepth': 2}"
    assert beside("_modules/b")(maxdepth=1) == "_modules/b {'maxdepth': 1}"
    assert beside("_modules/c/d")(maxdepth=2) == "_modules/c/d {'maxdepth': 2}"
    for _ in range(2):
        assert beside("intro")(maxdepth=2) == "intro {'maxdepth': 2}"
    assert made == ["_modules/a", "_modules/b", "_modules/c/d", "intro", "intro"]

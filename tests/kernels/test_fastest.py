"""Who chooses among ways of computing a product: nobody, a rule, or a clock, faked here."""

from collections.abc import Callable, Iterator

import pandas as pd
import pytest
import torch

import swatlib
from swatlib.kernels import fastest
from swatlib.kernels.fastest import choices, current, forget, products, way


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    forget()
    yield
    forget()


class Clock:
    """Runs functions, counts the calls, and says how long each took: as long as it returns."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[str] = []
        monkeypatch.setattr(fastest, "times", self.turns)

    def turns(
        self,
        functions: dict[str, Callable[[], float]],
        device: torch.device,
        turns: int,
        warm_up: int,
    ) -> list[dict[str, float]]:
        called = [{name: run() for name, run in functions.items()} for _ in range(warm_up + turns)]
        return called[warm_up:]

    def ways(self, **seconds: float) -> dict[str, Callable[[], object]]:
        def running(name: str, taken: float) -> Callable[[], object]:
            return lambda: (self.calls.append(name), taken)[1]

        return {name: running(name, taken) for name, taken in seconds.items()}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


X = torch.zeros(2, 3, 4, 4)


def test_exactly_and_by_rule_nothing_is_timed(clock: Clock) -> None:
    ways = clock.ways(dense=3, ruled=2, other=1)
    assert current() == "fast"
    assert way("p", [X], ways, "ruled") == "ruled"
    with products("exact"):
        assert way("p", [X], ways, "ruled") == "dense"
    assert not clock.calls
    assert not choices()


def test_the_fastest_is_found_once(clock: Clock) -> None:
    ways = clock.ways(dense=3.0, ruled=2.0, other=1.0)
    with products("auto"):
        assert way("p", [X], ways, "ruled") == "other"
        before = len(clock.calls)
        assert way("p", [X], ways, "ruled") == "other"
    assert len(clock.calls) == before
    (found,) = choices()
    assert found.seconds == {"dense": 3.0, "ruled": 2.0, "other": 1.0}
    assert found.way == "other"
    assert list(pd.DataFrame(choices())) == ["product", "case", "threads", "seconds", "way"]


def test_what_is_hopeless_is_timed_once(clock: Clock) -> None:
    with products("auto"):
        way("p", [X], clock.ways(dense=1.6, ruled=1.0, other=1.4), "ruled")
    counted = {name: clock.calls.count(name) for name in ("dense", "ruled", "other")}
    assert counted == {"dense": 2, "ruled": 6, "other": 6}  # the first call prepares


def test_the_rule_stays_where_little_is_gained(clock: Clock) -> None:
    with products("auto"):
        assert way("p", [X], clock.ways(dense=0.96, ruled=1.0), "ruled") == "ruled"
        assert way("q", [X], clock.ways(dense=0.94, ruled=1.0), "ruled") == "dense"


@pytest.mark.parametrize(
    ("product", "x", "more"),
    [
        ("q", X, "m"),
        ("p", X[:1], "m"),
        ("p", X.double(), "m"),
        ("p", X.to(memory_format=torch.channels_last), "m"),
        ("p", X.mT, "m"),
        ("p", X, "n"),
    ],
)
def test_another_case_is_timed_anew(clock: Clock, product: str, x: torch.Tensor, more: str) -> None:
    ways = clock.ways(dense=1.0, ruled=2.0)
    with products("auto"):
        way("p", [X], ways, "ruled", "m")
        way("p", [X.clone()], ways, "ruled", "m")
        assert len(choices()) == 1
        way(product, [x], ways, "ruled", more)
    assert len(choices()) == 2


def test_the_number_of_threads_is_part_of_a_case(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    ways = clock.ways(dense=1.0, ruled=2.0)
    with products("auto"):
        for threads in (1, 2):
            monkeypatch.setattr(torch, "get_num_threads", lambda threads=threads: threads)
            way("p", [X], ways, "ruled")
    assert [found.threads for found in choices()] == [1, 2]


def test_the_setting_before_comes_back() -> None:
    with products("auto"):
        with products("exact"):
            assert current() == "exact"
        with pytest.raises(ZeroDivisionError), products("exact"):
            raise ZeroDivisionError
        assert current() == "auto"
    assert current() == "fast"


@pytest.mark.parametrize("setting", ["Auto", "dense", "", None, 1])
def test_no_other_setting(setting: str) -> None:
    with (
        pytest.raises(ValueError, match="setting must be one of exact, fast, auto; got"),
        products(setting),
    ):
        raise AssertionError
    assert current() == "fast"


def test_really_timed() -> None:
    with products("auto"):
        found = way("p", [X], {"dense": X.sum, "ruled": X.clone}, "ruled")
    (choice,) = choices()
    assert choice.way == found
    assert all(seconds > 0 for seconds in choice.seconds.values())
    assert choice.case == "2x3x4x4 float32 contiguous cpu"


def test_a_compiled_step_takes_the_rule(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    with products("auto"):
        assert way("p", [X], clock.ways(dense=1.0, ruled=2.0), "ruled") == "ruled"
    assert not clock.calls


def test_at_the_front() -> None:
    assert swatlib.products is products

"""Effects and scales refuse what cannot be run, and list the runs they need."""

from dataclasses import replace

import pytest
from claims_toys import BASE, SWAT, TOYS

from swatlib.claims.effect import DENSELY, Effect, Scale, accuracy, against_dense, way
from swatlib.detection.training import DetectionRun
from swatlib.records import Record
from swatlib.training import Run


def test_a_margin_is_the_scales_or_its_own() -> None:
    assert Effect("", SWAT, DENSELY, "level").margin is None
    for margin in (0, -1.0, float("nan")):
        with pytest.raises(ValueError, match="margin must be"):
            Effect("90 %", SWAT, DENSELY, "level", margin)


def test_a_method_against_dense_is_named_by_its_sparsity() -> None:
    found = against_dense("saw", (0.5, 0.95), "level", 0.5, random=True)
    assert [effect.name for effect in found] == ["50 %", "95 %"]
    assert found[1].first == way("saw", 0.95, random=True)
    assert {effect.margin for effect in found} == {0.5}
    assert all(effect.second == DENSELY for effect in found)
    assert against_dense("saw", (0.5,), "level", label="SAW ")[0].name == "SAW 50 %"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"expected": "better"}, "expected must be one of"),
        ({"expected": float("inf")}, "expected must be"),
        ({"first": ()}, "first must be a way or several"),
        ({"second": ({"sparsities": 0.9},)}, "second must give fields of a run"),
        ({"first": {"seed": 3}}, "other than the seed"),
    ],
)
def test_bad_effects(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(Effect("90 %", SWAT, DENSELY, "level", 1.0), **change)


def test_sides_of_a_difference_of_differences() -> None:
    less = Effect("b", way("saw", 0.8), DENSELY, "level", 1.0)
    effect = Effect("a", SWAT, (DENSELY, way("swat", 0.5)), "below", 1.0, less=less)
    up, down = effect.sides
    assert up == (SWAT, DENSELY)
    assert down == (DENSELY, way("swat", 0.5), way("saw", 0.8))
    values = {"dense": 90.0, "swat": 80.0, "saw": 70.0}
    assert effect.of_sides(lambda one: values[one["method"]]) == (80 + 90, 85 + 70)


def test_runs_of_a_scale() -> None:
    families = replace(TOYS, bases=(BASE, replace(BASE, network="small_vgg")))
    found = [run for _, run in families.runs((SWAT | {"depth": 20},), seed=4)]
    assert [run.network for run in found] == ["small_resnet", "small_vgg"]
    assert all((run.seed, run.depth, run.sparsity) == (4, 20, 0.9) for run in found)
    assert [run.method for run in families.dense(1)] == ["dense", "dense"]


def test_a_scale_of_detectors() -> None:
    scale = replace(TOYS, bases=(DetectionRun(width=8),))
    (dense,) = scale.dense(1)
    assert dense == DetectionRun(width=8, seed=1)
    ((_, run),) = scale.runs((way("fst", 0.5),), seed=2)
    assert run == DetectionRun(width=8, method="fst", sparsity=0.5, seed=2)


@pytest.mark.parametrize("change", [{"bases": ()}, {"experiments": ()}, {"seeds": (0,)}])
def test_bad_scales(change: dict[str, tuple[object, ...]]) -> None:
    with pytest.raises(ValueError, match=next(iter(change))):
        replace(TOYS, **change)
    assert isinstance(TOYS, Scale)


def test_accuracy_of_a_diverged_run_is_chance() -> None:
    record = Record(
        specification={},
        metrics={"test_accuracy": 3.0, "diverged": True},
        data={"classes": 100},
        library="0",
        torch="2",
        device="cpu",
        processor=None,
        instruction_set=None,
        threads=1,
        seconds=0.0,
        date="2020-01-01T00:00:00",
    )
    assert accuracy(record) == 1.0
    assert accuracy(replace(record, metrics={"test_accuracy": 3.0, "diverged": False})) == 3.0


def test_a_way_names_a_method_with_options() -> None:
    assert Run(**way("swat", 0.9, allocation="erk")).options == {"allocation": "erk"}

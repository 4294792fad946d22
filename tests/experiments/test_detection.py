"""The detection experiments: dense beside FST, seed by seed."""

from collections import Counter

from swatlib.experiments.detection import SEEDS, coco, scenes


def test_scenes_compare_three_methods_in_every_seed() -> None:
    methods = Counter(run.method for run in scenes())
    assert methods == {"dense": len(SEEDS), "fst": len(SEEDS), "fst-unrestored": len(SEEDS)}


def test_coco_over_fits_the_images_it_trains_on() -> None:
    assert [run.method for run in coco()] == ["dense", "fst"]
    assert all(run.evaluated_on == "train" for run in coco())

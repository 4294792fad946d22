"""The trained network: no package and no photograph is needed."""

import pytest

from swatlib.experiments import trained_network as experiment
from swatlib.experiments.trained_network import TrainedNetworkRun, measured, pretrained
from swatlib.records.sweep import sweep

RUN = TrainedNetworkRun(pixels=16, images=20, controls=20)


@pytest.mark.parametrize(("images", "controls"), [(100, 25), (100, 10), (20, 30)])
def test_controls_are_whole_batches_of_the_images(images, controls):
    with pytest.raises(ValueError, match=f"controls must be .*got {controls}"):
        TrainedNetworkRun(images=images, controls=controls)


def test_a_missing_package_is_named(monkeypatch):
    def absent(name):
        raise ImportError(name)

    monkeypatch.setattr(experiment.importlib, "import_module", absent)
    with pytest.raises(ModuleNotFoundError, match="'efficientnet-lite0' needs the packages") as e:
        pretrained("efficientnet-lite0", "imagenet", 224)
    assert "\n" not in str(e.value)


def test_photographs_that_are_not_there(monkeypatch, tmp_path, toy):
    monkeypatch.setenv("SWATLIB_DATA", str(tmp_path))
    monkeypatch.setattr(experiment, "pretrained", lambda *_: toy)
    with pytest.raises(FileNotFoundError, match="'bsds500-images' are not in SWATLIB_DATA"):
        TrainedNetworkRun().compute()


def test_records_are_read_row_by_row(monkeypatch, tmp_path, toy, ramps):
    monkeypatch.setattr(experiment, "pretrained", lambda *_: toy)
    monkeypatch.setattr(experiment, "data_folder", lambda: tmp_path)
    monkeypatch.setattr(experiment, "find", lambda *_: tmp_path)
    monkeypatch.setattr(experiment, "read_photographs", lambda *_: ramps())
    sweep([RUN], tmp_path / "records", progress=False)
    rows, layers = (measured(part, tmp_path / "records") for part in ("rows", "layers"))
    assert len(rows) == 3 * 3  # inputs, layers
    assert len(layers) == 3
    assert set(rows["photographs"]) == {"bsds500-images"}
    assert rows["confidence"].between(0.2, 1).all()  # of five classes

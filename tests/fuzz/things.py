"""Small things to call with: networks, images, data sets, records, files."""

import io
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from PIL import Image
from torch import nn

import swatlib
from swatlib import simulator
from swatlib.accounting import densities as densities_of
from swatlib.accounting import trace
from swatlib.accounting.layer import Network
from swatlib.data.splits import Dataset, Images
from swatlib.detection.images import BoxedImages, DetectionData
from swatlib.detection.training import DetectionRun
from swatlib.kernels.convolution import Geometry
from swatlib.methods.ramp import Updates
from swatlib.records import Record, specification, write_record
from swatlib.selectors.nm import NM
from swatlib.simulator import dense_masks, layers_of, mapping, save_masks
from swatlib.storage.pruned import save_pruned
from swatlib.training import Run
from swatlib.training.loop import Descent


class Tiny(nn.Module):
    """A sparse network of one convolution and two linear layers for 6 x 6 images."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.hidden = nn.Linear(144, 8)
        self.head = nn.Linear(8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.conv(x)).flatten(1)
        return self.head(torch.relu(self.hidden(x)))


def dense() -> nn.Module:
    torch.manual_seed(0)
    return Tiny()


def sparse() -> nn.Module:
    return swatlib.sparsify_(dense(), swatlib.swat(0.5))


def images() -> torch.Tensor:
    return torch.randn(4, 3, 6, 6, generator=torch.Generator().manual_seed(0))


def network() -> Network:
    return trace(dense(), (2, 3, 6, 6))


def shapes() -> list[Any]:
    return layers_of(dense(), (2, 3, 6, 6))


def masks() -> list[Any]:
    return [dense_masks(layer) for layer in shapes()]


def boxed() -> BoxedImages:
    boxes = [torch.tensor([[1.0, 1, 9, 9]]), torch.zeros(0, 4)]
    labels = [torch.tensor([1]), torch.zeros(0, dtype=torch.int64)]
    return BoxedImages(torch.zeros(2, 3, 16, 16, dtype=torch.uint8), boxes, labels)


def detection_data() -> DetectionData:
    return DetectionData("tiny", boxed(), boxed(), ("a", "b"))


def dataset() -> Dataset:
    y = torch.tensor([0, 1, 2, 0])
    return Dataset("tiny", images(), y, images(), y, 3, ("a", "b", "c"))


def raw() -> Images:
    x, y = np.arange(4 * 108, dtype=np.uint8).reshape(4, 3, 6, 6), np.array([0, 1, 0, 1])
    return Images(x, y, x, y, ("a", "b"))


def record() -> Record:
    run = specification(Run())
    return Record(run, {"a": 1.0}, None, "0", "0", "cpu", None, None, 1, 1.0, "2020-01-01")


def with_data() -> Record:
    used = {"name": "digits", "shape": [1, 8, 8], "classes": 10, "fingerprint": "0"}
    return replace(record(), metrics={"test_accuracy": 90.0, "train_images": 10}, data=used)


def convolution() -> mapping.Convolution:
    return mapping.forward(shapes()[0], masks()[0].forward_weight)


def optimizer_of(model: nn.Module) -> torch.optim.Optimizer:
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    model(images()).sum().backward()
    optimizer.step()
    return optimizer


def frame() -> pd.DataFrame:
    rows = [("a", 0, 1.0), ("b", 0, 2.0), ("a", 1, 1.5), ("b", 1, 2.5)]
    made = pd.DataFrame(rows, columns=["method", "seed", "test_accuracy"])
    return made.assign(group="g")


def weight() -> torch.Tensor:
    return torch.randn(8, 4, 3, 3, generator=torch.Generator().manual_seed(0))


def archive() -> Path:
    with tarfile.open("a.tar", "w") as tar:
        tar.addfile(tarfile.TarInfo("a.txt"))
    return Path("a.tar")


def png() -> bytes:
    made = io.BytesIO()
    Image.new("RGB", (8, 8), (9, 8, 7)).save(made, "png")
    return made.getvalue()


def picture_folder() -> Path:
    for part in ("train/a", "train/b", "test/a", "test/b"):
        folder = Path("pictures") / part
        folder.mkdir(parents=True, exist_ok=True)
        for name in "xy":
            (folder / f"{name}.png").write_bytes(png())
    return Path("pictures")


def yolo() -> Path:
    files = {
        "d/config.yaml": b"names:\n  0: a\n",
        "d/images/train/x.png": png(),
        "d/images/val/y.png": png(),
        "d/labels/train/x.txt": b"0 0.5 0.5 0.5 0.5",
    }
    with tarfile.open("yolo.tar", "w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return Path("yolo.tar")


def stepped() -> dict[str, Any]:
    model = sparse()
    return {"model": model, "optimizer": optimizer_of(model), "sparsity": 0.5}


def swatlib_nm() -> NM:
    return NM()


def saved() -> dict[str, Any]:
    save_pruned("saved.zip", sparse())
    return {"path": Path("saved.zip"), "model": dense()}


def saved_masks() -> Path:
    save_masks("saved.npz", shapes(), masks())
    return Path("saved.npz")


def written() -> Path:
    Path("records").mkdir(exist_ok=True)
    return write_record(Path("records"), record())


def eight() -> Dataset:
    x, y = torch.randn(4, 1, 8, 8), torch.tensor([0, 1, 2, 0])
    return Dataset("eight", x, y, x, y, 3, ("a", "b", "c"))


def densities() -> list[Any]:
    return densities_of(network(), swatlib.swat(0.5))


def loss(batch: torch.Tensor) -> tuple[torch.Tensor]:
    return (torch.zeros((), requires_grad=True),)


def plan() -> swatlib.Method:
    return swatlib.method("swat", 0.5, freeze_epoch=1)


PRETRAINED = Run(width=4, epochs=1, options={"pretrain_epochs": 1})
PLAIN_GEOMETRY = Geometry(padding=(1, 1))
DESCENT = Descent(epochs=1, batch_size=2, lr=0.1, momentum=0.9, weight_decay=0.0)
RUN = Run(network="small_resnet", width=4, epochs=1, data="digits", images=20)


def simulation() -> Any:
    return simulator.simulate(shapes(), masks(), simulator.Tactical())


def logits() -> torch.Tensor:
    return torch.randn(2, 2, 3, generator=torch.Generator().manual_seed(0))


DETECTION = DetectionRun(width=4, epochs=1, images=4)
LABELS = lambda: torch.tensor([0, 1])  # noqa: E731
PHOTO = lambda: np.arange(40 * 40 * 3, dtype=np.uint8).reshape(40, 40, 3)  # noqa: E731
CROPS = lambda: PHOTO()[None, :16, :16].transpose(0, 3, 1, 2)  # noqa: E731
BOOL = lambda: torch.rand(4, 3, 6, 6) > 0.5  # noqa: E731
UPDATES = lambda: Updates(every=2)  # noqa: E731

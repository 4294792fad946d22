"""A small single-stage detector without anchors, after FCOS (Tian et al. 2019).

At every location of a feature map, one for each 4x4 pixels, it says which class the object here has
and how far its box's edges are. A residual backbone from the parts of the classifiers; a tower of
one convolution; two heads.
"""

from functools import partial
from math import log
from typing import NamedTuple

import torch
from torch import Tensor, nn

from swatlib import checks
from swatlib.checked import checked
from swatlib.detection.boxes import clip, decode, nms
from swatlib.detection.targets import locations
from swatlib.models.layers import BasicBlock, conv3x3, he_init_, named

STRIDE = 4
"""Pixels of the image between two locations of the feature map."""

PRIOR = 0.01
"""What every class scores at every location before training (Lin et al. 2017, section 3.3)."""

FARTHEST = 4.0
"""Largest output of the box head: exp(4) strides, 218 pixels."""


class Detections(NamedTuple):
    """What was found in one image: boxes (n, 4), scores (n,) in [0, 1] and labels (n,)."""

    boxes: Tensor
    scores: Tensor
    labels: Tensor


class Detector(nn.Module):
    """Backbone, tower and heads.

    Parameters
    ----------
    classes : int
    width : int
        Channels of the stem and the first stage; the next two have 2 and 4 times as many.
    """

    @checked
    def __init__(self, classes: int, width: int = 16) -> None:
        super().__init__()
        classes, width = checks.count("classes", classes), checks.count("width", width)
        self.backbone = named(
            {
                "conv1": conv3x3(3, width, stride=2),
                "bn1": nn.BatchNorm2d(width),
                "relu": nn.ReLU(),
                "layer1": BasicBlock(width, width),
                "layer2": BasicBlock(width, 2 * width, stride=2),
                "layer3": BasicBlock(2 * width, 4 * width),
            }
        )
        tower = {"conv": conv3x3(4 * width, 4 * width), "bn": nn.BatchNorm2d(4 * width)}
        self.tower = named(tower | {"relu": nn.ReLU()})
        self.classify = nn.Conv2d(4 * width, classes, 3, padding=1)
        self.measure = nn.Conv2d(4 * width, 4, 3, padding=1)
        he_init_(self)
        for head in (self.classify, self.measure):
            nn.init.normal_(head.weight, std=0.01)
        nn.init.constant_(self.classify.bias, -log((1 - PRIOR) / PRIOR))  # type: ignore[arg-type]

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Map images (N, 3, H, W) to logits (N, L, classes) and distances (N, L, 4) in pixels.

        L = (H / 4) (W / 4) locations in reading order; distances as
        :func:`swatlib.detection.boxes.encode` defines them. H and W must be multiples of 4.
        """
        if images.ndim != 4 or images.shape[1] != 3 or images.shape[2] % 4 or images.shape[3] % 4:
            raise ValueError(
                "images must have shape (N, 3, H, W) with H and W multiples of 4, got "
                f"{tuple(images.shape)}"
            )
        features = self.tower(self.backbone(images))
        logits = self.classify(features).flatten(2).transpose(1, 2)
        raw = self.measure(features).flatten(2).transpose(1, 2)
        return logits, STRIDE * raw.clamp(max=FARTHEST).exp()


@checked
def standardised(images: Tensor) -> Tensor:
    """Map uint8 images to float32 in [-1, 1], the detector's input."""
    return images.float() / 127.5 - 1


@checked(
    images=partial(checks.tensor, shape=(None, 3, None, None), dtypes=(torch.uint8,), meta=False),
    most=checks.count,
    batch_size=checks.count,
)
@torch.no_grad()
def detect(
    model: nn.Module,
    images: Tensor,
    least_score: float = 0.05,
    most: int = 100,
    threshold: float = 0.5,
    batch_size: int = 100,
) -> list[Detections]:
    """Find objects in uint8 images (N, 3, H, W).

    Parameters
    ----------
    least_score : float
        Pairs of location and class below it are dropped.
    most : int
        Of the rest so many of the highest scores are kept for each image; COCO counts 100.
    threshold : float
        Of :func:`swatlib.detection.boxes.nms`.
    batch_size : int
        Images at once.

    Returns
    -------
    list of Detections
        One per image, on the CPU, best score first; boxes are clipped to the image. An image in
        which nothing was found has boxes of shape (0, 4). The model is left in its mode.
    """
    height, width = images.shape[-2:]
    parameter = next(model.parameters(), None)
    if parameter is None:
        raise ValueError("model must have parameters, got none")
    device = parameter.device
    points = locations(height // STRIDE, width // STRIDE, STRIDE)
    training = model.training
    model.eval()
    found = []
    for batch in images.split(batch_size):
        logits, distances = (t.cpu() for t in model(standardised(batch.to(device))))
        boxes = clip(decode(points, distances), height, width)
        for image_scores, image_boxes in zip(logits.sigmoid(), boxes, strict=True):
            scores, index = image_scores.flatten().sort(descending=True, stable=True)
            index = index[scores >= least_score][:most]
            where, labels = index // logits.shape[2], index % logits.shape[2]
            candidates = image_boxes[where], image_scores[where, labels], labels
            kept = nms(*candidates, threshold)
            found.append(Detections(*(t[kept] for t in candidates)))
    model.train(training)
    return found

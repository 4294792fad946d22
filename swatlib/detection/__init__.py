"""Detection, end to end: scenes with exact boxes, a small detector, and real average precision.

FST claims less than 0.2 points of average precision lost on detection (its Table 4). The parts, in
the order they are used: `boxes` (geometry), `images` (a data set with boxes), `scenes` (composed
from embedded images) and `yolo` (photographs from an archive), `detector`, `targets` (which
location learns which box), `loss`, `average_precision` (the COCO definition), `training`.
"""

"""Named experiments: grids of runs, declared once and shown in the chapters that read them.

An experiment is a function that returns its list of runs: frozen dataclasses of JSON values with a
method ``compute``, whatever that computes. ``swatlib sweep NAME`` computes those without a record;
``swatlib experiments`` lists them all.
"""

from collections.abc import Callable, Sequence
from typing import Any

from swatlib.experiments import (
    accelerator,
    accelerator_trained,
    detection,
    failures,
    field,
    fst,
    measurements,
    photographs,
    sensitivity,
    similarity,
    swat,
    trained_network,
    transformer,
)
from swatlib.experiments.grid import FAMILIES, SEEDS, grid

__all__ = ["EXPERIMENTS", "FAMILIES", "SEEDS", "grid"]

EXPERIMENTS: dict[str, Callable[[], Sequence[Any]]] = {
    "forward-digits": sensitivity.forward_digits,
    "forward-patches": sensitivity.forward_patches,
    "backward-digits": sensitivity.backward_digits,
    "backward-patches": sensitivity.backward_patches,
    "backward-classifier-digits": sensitivity.backward_classifier_digits,
    "backward-classifier-patches": sensitivity.backward_classifier_patches,
    "resprop-digits": sensitivity.resprop_digits,
    "resprop-patches": sensitivity.resprop_patches,
    "overfitting-digits": sensitivity.overfitting_digits,
    "overfitting-patches": sensitivity.overfitting_patches,
    "forward-learning-rate": sensitivity.forward_learning_rate,
    "matched-patches": sensitivity.matched_patches,
    "sensitivity-cifar": sensitivity.sensitivity_cifar,
    "topk-variants-digits": swat.topk_variants_digits,
    "topk-variants-patches": swat.topk_variants_patches,
    "topk-variants-cifar": swat.topk_variants_cifar,
    "accuracy-digits": swat.accuracy_digits,
    "accuracy-patches": swat.accuracy_patches,
    "accuracy-cifar": swat.accuracy_cifar,
    "depth-width-digits": swat.depth_width_digits,
    "period-digits": swat.period_digits,
    "period-cifar": swat.period_cifar,
    "distribution-digits": swat.distribution_digits,
    "distribution-patches": swat.distribution_patches,
    "distribution-cifar": swat.distribution_cifar,
    "structured-digits": swat.structured_digits,
    "structured-patches": swat.structured_patches,
    "topology-digits": swat.topology_digits,
    "topology-patches": swat.topology_patches,
    "topology-cifar": swat.topology_cifar,
    "threshold-digits": swat.threshold_digits,
    "fst-ablation-digits": fst.fst_ablation_digits,
    "fst-ablation-patches": fst.fst_ablation_patches,
    "fst-ablation-cifar": fst.fst_ablation_cifar,
    "fst-resolution-cifar": fst.fst_resolution_cifar,
    "saliency-digits": fst.saliency_digits,
    "saliency-cifar": fst.saliency_cifar,
    "two-to-four-digits": fst.two_to_four_digits,
    "two-to-four-cifar": fst.two_to_four_cifar,
    "mask-changes-digits": fst.mask_changes_digits,
    "transposable-digits": fst.transposable_digits,
    "saliency-forward-dense-digits": fst.saliency_forward_dense_digits,
    "photographs": photographs.photographs,
    "photographs-more": photographs.photographs_more,
    "photographs-float32": photographs.photographs_float32,
    "photographs-100": photographs.photographs_100,
    "photographs-field": field.field_photographs,
    "field-digits": field.field_digits,
    "field-patches": field.field_patches,
    "field-mild-patches": field.field_mild_patches,
    "transformer-digits": transformer.transformer_digits,
    "transformer-patches": transformer.transformer_patches,
    "transformer-photographs": transformer.transformer_photographs,
    "failures-starved": failures.failures_starved,
    "failures-few-filters": failures.failures_few_filters,
    "failures-noise": failures.failures_noise,
    "failures-long": failures.failures_long,
    "failures-penalty": failures.failures_penalty,
    "failures-rate": failures.failures_rate,
    "similarity": similarity.similarity,
    "trained-network": trained_network.trained_network,
    "detection": detection.scenes,
    "detection-coco": detection.coco,
    "measurements": measurements.measurements,
    "accelerator": accelerator.points,
    "accelerator-trained": accelerator_trained.trained,
}
"""Experiments by the name the command line gives them."""

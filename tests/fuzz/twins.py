"""Valid calls of every public callable.

A required argument is taken by its name from ``VALUES`` unless the callable's own entry in
``TWINS`` gives it. The entry of a method is the object and the arguments.
"""

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from PIL import Image
from scipy import stats
from things import (
    BOOL,
    CROPS,
    DESCENT,
    DETECTION,
    PHOTO,
    PLAIN_GEOMETRY,
    PRETRAINED,
    RUN,
    UPDATES,
    archive,
    boxed,
    convolution,
    dataset,
    dense,
    densities,
    detection_data,
    eight,
    frame,
    images,
    logits,
    loss,
    masks,
    network,
    optimizer_of,
    picture_folder,
    plan,
    png,
    raw,
    record,
    saved,
    saved_masks,
    shapes,
    sparse,
    stepped,
    swatlib_nm,
    weight,
    with_data,
    written,
    yolo,
)

import swatlib
from swatlib import simulator
from swatlib.accounting import Density, count
from swatlib.detection.detector import Detections, Detector
from swatlib.experiments import accelerator
from swatlib.methods.dsr import FartherApart
from swatlib.papers import paper_tables
from swatlib.records import Record, read_record, specification
from swatlib.records.checkpoint import Checkpoint
from swatlib.records.sweep import Outcome, Summary
from swatlib.selectors import MVUE, RandomK, Reuse, RowThreshold, SoftNM, TopColumns, TopK
from swatlib.selectors.channels import TopChannels
from swatlib.selectors.held import Held
from swatlib.selectors.transposable import Transposable
from swatlib.simulator import counts
from swatlib.training import Run, build

VALUES: dict[str, Callable[[], Any]] = {
    "sparsity": lambda: 0.5,
    "model": sparse,
    "x": images,
    "weight": weight,
    "grad": lambda: torch.randn(4, 8, 6, 6),
    "classes": lambda: 3,
    "image": lambda: 8,
    "channels": lambda: 3,
    "inputs": lambda: 4,
    "outputs": lambda: 8,
    "growth": lambda: 4,
    "width": lambda: 4,
    "height": lambda: 4,
    "n": lambda: 2,
    "m": lambda: 4,
    "pixels": lambda: 16,
    "seed": lambda: 0,
    "layers": shapes,
    "layer": lambda: shapes()[0],
    "masks": masks,
    "run": lambda: RUN,
    "dataset": dataset,
    "network": network,
    "recipe": lambda: swatlib.swat(0.5),
    "example": lambda: (2, 3, 6, 6),
    "boxes": lambda: torch.tensor([[1.0, 1, 9, 9], [2, 2, 8, 8]]),
    "labels": lambda: torch.tensor([0, 1]),
    "points": lambda: torch.tensor([[2.0, 2.0], [6.0, 6.0]]),
    "shapes": lambda: [(8, 4, 3, 3), (10, 8)],
    "geometry": lambda: PLAIN_GEOMETRY,
    "weight_shape": lambda: torch.Size([8, 3, 3, 3]),
    "path": lambda: Path("no such file"),
    "folder": lambda: Path("no such folder"),
    "specification": lambda: {"a": 1},
    "record": record,
    "count": lambda: 2,
    "machine": simulator.Tactical,
    "memory": simulator.Memory,
    "counts": lambda: [counts.Count(1, 1)],
    "conv": convolution,
    "mask": lambda: np.ones((2, 2, 3, 3), bool),
    "lanes": lambda: 16,
    "window": lambda: simulator.Window("X", 9),
    "point": lambda: accelerator.Point(network="small_vgg", image=8, classes=2),
    "distribution": lambda: stats.norm(),
    "symbols": lambda: torch.tensor([0, 1, 1, 2]),
    "angle": lambda: 30.0,
    "method": lambda: swatlib.method("swat", 0.5),
    "optimizer": lambda: optimizer_of(sparse()),
    "progress": lambda: swatlib.Progress(0, 2, 1),
}


def of(make: Callable[[], Any], **arguments: Callable[[], Any]) -> Callable[[], Any]:
    """Return the twin of a method: the object and the arguments that have no name in ``VALUES``."""
    return lambda: (make(), {name: value() for name, value in arguments.items()})


def given(**arguments: Callable[[], Any]) -> Callable[[], dict[str, Any]]:
    """Return the twin of a function."""
    return lambda: {name: value() for name, value in arguments.items()}


WEIGHT = given(x=weight)

FRACTION = given(fraction=lambda: 0.5)

TWINS: dict[str, Callable[[], Any]] = {
    "methods.ramp.cosine": FRACTION,
    "methods.ramp.cubic": FRACTION,
    "methods.ramp.Updates.period": of(UPDATES),
    "methods.ramp.Updates.end": of(UPDATES),
    "methods.ramp.Updates.due": of(UPDATES),
    "methods.ramp.Updates.fraction": of(UPDATES),
    "methods.rewire.rewire_": FRACTION,
    "methods.rewire.Rewire": given(when=UPDATES),
    "methods.rising.risen": FRACTION,
    "methods.rising.resized": given(change=lambda: abs),
    "methods.rising.Rise": given(when=UPDATES),
    "methods.snfs.redistribute_by_momentum_": FRACTION,
    "methods.snfs.RedistributeByMomentum": given(when=UPDATES),
    "methods.dsr.reallocate_": given(wanted=lambda: 2),
    "methods.dsr.FartherApart.period": of(lambda: FartherApart(every=2)),
    "methods.dsr.Reallocate": given(when=lambda: FartherApart(every=2)),
    "methods.imp.after_rounds": given(k=lambda: 1, rounds=lambda: 2),
    "methods.imp.Rounds": given(rounds=lambda: 2),
    "methods.method.Method.start": of(plan, loss=lambda: lambda: torch.zeros(())),
    "methods.static.held_recipe": given(name=lambda: "held"),
    "core.recipe.Recipe.updated": of(lambda: swatlib.swat(0.5), active=lambda: 0.5),
    "methods.dst.learn_thresholds_": given(alpha=lambda: 0.1),
    "methods.dst.LearnThresholds": given(alpha=lambda: 0.1),
    "methods.soft_filter.asymptotic": FRACTION,
    "methods.soft_filter.on_shortcut": given(name=lambda: "layer1.0.downsample"),
    "methods.soft_filter.zero_filters_": given(rate=lambda: 0.5),
    "methods.soft_filter.ZeroFilters": given(rate=lambda: 0.5),
    "methods.top_kast.take_anew_": given(explored=lambda: 0.1),
    "methods.top_kast.AlwaysTopK": given(explored=lambda: 0.1),
    "selectors.row_threshold.RowThreshold.choose": of(RowThreshold, x=weight),
    "selectors.held.Held.choose": of(lambda: Held(0.5), x=weight),
    "selectors.mvue.MVUE.choose": of(MVUE, x=weight),
    "selectors.mvue.survival": given(groups=lambda: torch.tensor([[4.0, 2.0, 1.0, 1.0]])),
    "selectors.soft.SoftNM.choose": of(SoftNM, x=weight),
    "selectors.reuse.Reuse.choose": of(lambda: Reuse(0.5), x=weight),
    "selectors.projected.projected_length": given(weight_shape=lambda: (4, 3, 3, 3)),
    "selectors.projected.random_projection": given(weight=weight, k=lambda: 3),
    "accounting.projection.additions": given(layer=lambda: network().layers[0]),
    "accounting.projection.projection_share": given(traced=network),
    "methods.resprop.reused": given(epoch=lambda: 3),
    "selectors.held.first_mask": given(x=weight),
    "accounting.count.Count": given(densities=lambda: tuple(densities())),
    "accounting.count.Count.to_frame": of(lambda: count(network())),
    "accounting.density.Densities": given(names=lambda: ["a"], each=lambda: [Density()]),
    "accounting.density.spread": given(sparsities=lambda: {"forward_weight": 0.5}),
    "accounting.density.Density.product": of(Density, name=lambda: "forward"),
    "accounting.density.leaves_whole": given(
        name=lambda: "forward_weight", layer=lambda: network().layers[0]
    ),
    "accounting.rounding.granted": given(shape=lambda: (4, 3, 3, 3)),
    "accounting.topk.topk_share": given(traced=network),
    "accounting.methods.densities_of": given(method=plan),
    "accounting.trained.trained_densities": given(recorded=lambda: {}),
    "methods.method.Method.dense_steps": of(plan),
    "accounting.methods.named": given(name=lambda: "swat"),
    "analysis.statistics.mean_interval": given(
        frame=frame, by=lambda: "method", value=lambda: "test_accuracy"
    ),
    "analysis.statistics.student_interval": given(values=lambda: pd.Series([1.0, 2.0])),
    "core.operands.Operand": given(product=lambda: "forward", tensor=lambda: "weight"),
    "core.operands.operand": given(name=lambda: "forward_weight"),
    "core.recipe.Recipe.map": of(lambda: swatlib.swat(0.5), function=lambda: str),
    "core.operands.PerOperand.map": of(swatlib.PerOperand, function=lambda: str),
    "core.operands.PerOperand.of": of(swatlib.PerOperand, product=lambda: "forward"),
    "core.recipe.Recipe.at_sparsity": of(lambda: swatlib.swat(0.5)),
    "core.selector.Selector.at_sparsity": of(lambda: TopK(0.5)),
    "methods.method": given(name=lambda: "swat"),
    "methods.resolve": given(name=lambda: "swat-erk", options=lambda: {"freeze_epoch": 1}),
    "methods.method.Method.recipes": of(plan),
    "methods.method.Method.check": of(plan, epochs=lambda: 2, momentum=lambda: 0.9),
    "methods.method.Method.after_backward": of(plan),
    "methods.method.Method.after_step": of(plan),
    "methods.topology.FreezeAt": given(epoch=lambda: 1),
    "training.loop.Descent": lambda: vars(DESCENT).copy(),
    "training.loop.steps": given(images=lambda: 4, loss=lambda: loss, descent=lambda: DESCENT),
    "training.run.Run.compute": of(lambda: RUN),
    "detection.training.DetectionRun.compute": of(lambda: DETECTION),
    "training.run.Run.of": of(lambda: Run, specification=lambda: specification(RUN)),
    "accounting.layer.Layer": given(
        name=lambda: "a",
        kind=lambda: "linear",
        weight=lambda: (3, 4),
        input=lambda: (2, 4),
        output=lambda: (2, 3),
    ),
    "accounting.layer.Network": given(layers=lambda: network().layers),
    "accounting.methods.is_downsampling": given(layer=lambda: network().layers[0]),
    "accounting.methods.method_densities": given(name=lambda: "swat"),
    "core.allocation.momentum": given(sizes=lambda: [10, 20], mean_momentum=lambda: [0.5, 1.0]),
    "training.augmentation.augment": given(generator=torch.Generator),
    "selectors.channels.TopChannels.choose": of(lambda: TopChannels(0.5), x=weight),
    "data.load": given(name=lambda: "digits", images=lambda: 20),
    "data.archive.is_hidden": given(name=lambda: "a"),
    "data.archive.members": given(path=archive),
    "data.folder.find": given(name=lambda: "a"),
    "data.folder.image_folder": given(path=picture_folder, pixels=lambda: 8),
    "data.folder.read_photographs": given(path=picture_folder, pixels=lambda: 8),
    "data.patches.photograph": given(name=lambda: "coffee"),
    "data.patches.windows": given(image=PHOTO),
    "data.patches.contrast": given(crops=lambda: CROPS().astype(np.float32)),
    "data.patches.standardised": given(crops=CROPS),
    "data.patches.places": given(image=lambda: np.tile(PHOTO(), (4, 4, 1))),
    "data.pictures.decode": given(content=png, name=lambda: "a.png"),
    "data.label_noise.with_label_noise": given(dataset=dataset, share=lambda: 0.5),
    "data.splits.area_average": given(x=lambda: raw().train_x, pixels=lambda: 3),
    "data.splits.balanced_subset": given(
        labels=lambda: raw().train_y, images=lambda: 2, classes=lambda: 2
    ),
    "data.splits.prepare": given(name=lambda: "a", raw=raw, images=lambda: 2),
    "detection.average_precision.average_precision": given(
        found=lambda: [Detections(torch.zeros(0, 4), torch.zeros(0), torch.zeros(0).long())] * 2,
        truth=boxed,
    ),
    "detection.boxes.iou": given(a=VALUES["boxes"], b=VALUES["boxes"]),
    "detection.boxes.generalised_iou": given(a=VALUES["boxes"], b=VALUES["boxes"]),
    "detection.boxes.decode": given(distances=VALUES["boxes"]),
    "detection.boxes.nms": given(scores=lambda: torch.tensor([0.5, 0.4])),
    "detection.boxes.check_boxes": given(height=lambda: 16, width=lambda: 16),
    "detection.detector.standardised": given(images=lambda: boxed().images),
    "detection.detector.detect": given(
        model=lambda: Detector(2, 4), images=lambda: boxed().images, most=lambda: 3
    ),
    "detection.images.BoxedImages.first": of(boxed, count=lambda: 1),
    "detection.images.check": given(found=boxed),
    "detection.images.describe": given(data=detection_data),
    "detection.loss.focal_loss": given(
        logits=logits, labels=lambda: torch.tensor([[0, 1], [1, 2]])
    ),
    "detection.loss.detection_loss": given(
        logits=logits,
        distances=lambda: torch.rand(2, 2, 4),
        labels=lambda: torch.tensor([[0, 1], [1, 2]]),
        boxes=lambda: torch.rand(2, 2, 4) + torch.tensor([0.0, 0, 2, 2]),
    ),
    "detection.scenes.backgrounds": given(pixels=lambda: 48),
    "detection.scenes.ink": given(digit=lambda: np.eye(8) * 16, size=lambda: 8),
    "detection.scenes.compose": given(
        digits=lambda: np.eye(8)[None] * 16,
        labels=lambda: np.array([1]),
        crops=lambda: np.zeros((1, 3, 48, 48), np.uint8),
    ),
    "detection.scenes.one_class": given(data=detection_data),
    "detection.targets.locations": given(rows=lambda: 2, columns=lambda: 2, stride=lambda: 4),
    "detection.targets.assign": given(stride=lambda: 4),
    "detection.training.load": given(name=lambda: "scenes", images=lambda: 4),
    "detection.training.train_detection": given(run=lambda: DETECTION),
    "detection.training.build": given(run=lambda: DETECTION),
    "detection.training.train": given(
        model=lambda: Detector(2, 4), boxed=boxed, run=lambda: DETECTION
    ),
    "detection.training.targets_of": given(boxed=boxed),
    "detection.yolo.letterbox": given(image=lambda: Image.new("RGB", (4, 4))),
    "detection.yolo.read_labels": given(text=lambda: "0 0.5 0.5 0.2 0.2"),
    "detection.yolo.read_yolo": given(path=yolo),
    "methods.allocation.densities": given(allocation=lambda: "erk"),
    "methods.momentum.redistribute_": stepped,
    "surgery.first_layer.first_layer": given(names=lambda: ["conv", "hidden"]),
    "analysis.angles.energy_to_angle": given(energy=lambda: 0.5),
    "analysis.angles.angle_between": given(a=images, b=images),
    "analysis.angles.sparsification_angle": given(mask=BOOL),
    "analysis.angles.layer_angles": given(inputs=images),
    "selectors.information_restoration.weight_gradient": given(
        grad=lambda: torch.randn(4, 8, 4, 4)
    ),
    "kernels.keep.keep": given(choice=lambda: torch.tensor(0.5)),
    "kernels.keep.as_mask": given(choice=lambda: torch.tensor(0.5)),
    "kernels.keep.masked": given(mask=BOOL),
    "models.transformer.Attention": given(heads=lambda: 2),
    "models.transformer.Block": given(heads=lambda: 2),
    "models.transformer.VisionTransformer": given(grid=lambda: 4, patch=lambda: 2, depth=lambda: 1),
    "models.build.build_network": given(name=lambda: "small_vgg", image=lambda: 8, width=lambda: 4),
    "selectors.nm.NM.choose": of(swatlib_nm, x=weight),
    "core.periodic.period_text": given(period=lambda: 2),
    "analysis.statistics.paired_difference": given(
        frame=frame, first=lambda: "a", second=lambda: "b", by=lambda: "group"
    ),
    "papers.numbers.paper_table": given(name=lambda: paper_tables()[0]),
    "papers.numbers.paper_wide": given(name=lambda: paper_tables()[0]),
    "papers.numbers.paper_number": given(
        table=lambda: "swat-text", quantity=lambda: "training_speedup", item=lambda: "section 1"
    ),
    "storage.pruned.save_pruned": given(path=lambda: Path("a.zip")),
    "storage.pruned.load_pruned": saved,
    "methods.recipe": given(method_name=lambda: "swat"),
    "records.record.Record": lambda: {f.name: getattr(record(), f.name) for f in fields(Record)},
    "records.record.jsonable": given(value=lambda: {"a": [1.0]}),
    "records.record.checksum": given(fields=lambda: {"a": 1}),
    "records.record.write_record": given(folder=lambda: Path(".")),
    "records.record.read_fields": given(path=written),
    "records.record.read_record": given(path=written),
    "records.record.iterate_records": given(folder=lambda: written().parent),
    "records.record.read_records": given(folder=lambda: written().parent),
    "records.record.read_epochs": given(folder=lambda: written().parent),
    "core.selector.Selector.choose": of(lambda: TopK(0.5)),
    "selectors.topk.TopK.choose": of(lambda: TopK(0.5)),
    "selectors.topk.RandomK.choose": of(lambda: RandomK(0.5)),
    "selectors.topk.TopColumns.choose": of(lambda: TopColumns(0.5)),
    "kernels.semi_structured.available": given(
        device=lambda: "cpu", dtype=lambda: torch.float16, shape=lambda: (32, 64)
    ),
    "kernels.semi_structured.linear": given(
        x=lambda: torch.rand(2, 4), weight=lambda: torch.rand(3, 4)
    ),
    "kernels.semi_structured.converted": given(weight=lambda: torch.rand(4, 8)),
    "kernels.semi_structured.pointwise": given(weight=lambda: torch.rand(4, 3, 1, 1)),
    "analysis.similarity.entropy": given(symbols=VALUES["symbols"]),
    "analysis.similarity.conditional_entropy": given(given=VALUES["symbols"]),
    "simulator.counts.count_true": given(mask=VALUES["mask"]),
    "simulator.geometry.Layer": given(name=lambda: "a", filters=lambda: 2, channels=lambda: 2),
    "simulator.geometry.Layer.computes": of(lambda: shapes()[0], product=lambda: "forward"),
    "simulator.geometry.as_layers": given(model=dense, uses=lambda: network().layers),
    "simulator.live.masks_of": given(y=lambda: torch.tensor([0, 1, 2, 0])),
    "simulator.masks.Masks": given(
        forward_weight=lambda: masks()[0].forward_weight,
        weight_grad_activation=lambda: masks()[0].weight_grad_activation,
    ),
    "simulator.masks.Masks.stationary": of(lambda: masks()[0], product=lambda: "forward"),
    "simulator.masks.Masks.stream": of(lambda: masks()[0], product=lambda: "forward"),
    "simulator.masks.random_mask": given(
        rng=lambda: np.random.default_rng(0), shape=lambda: (4, 4)
    ),
    "simulator.masks.save_masks": given(path=lambda: Path("a.npz")),
    "simulator.masks.load_masks": given(path=saved_masks),
    "simulator.density_model.predicted_cycles": given(
        product=lambda: "forward", density=lambda: 0.5
    ),
    "simulator.memory.dram_bits": given(values=lambda: 4, nonzeros=lambda: 2, bits=lambda: 20),
    "simulator.memory.limited": given(count=counts.Count, dense_dram_bits=lambda: 2),
    "simulator.memory.energy": given(count=counts.Count, precision=lambda: simulator.HALF),
    "simulator.memory.precision_of": given(value_bits=lambda: 16),
    "simulator.memory.Precision": given(bits=lambda: 16, multiply_pj=lambda: 1.1),
    "simulator.network.Simulation": given(
        layers=list,
        counts=lambda: {"forward": []},
        self_cycles=lambda: {"forward": []},
        machine=dict,
    ),
    "simulator.scnn.Cartesian.count": of(simulator.Cartesian, convs=lambda: [convolution()]),
    "simulator.tcl.Tactical.count": of(simulator.Tactical, convs=lambda: [convolution()]),
    "simulator.tcl.deal_sets": given(machine=simulator.Tactical),
    "experiments.accelerator_trained.compare": given(random=masks),
    "experiments.accelerator_trained.filter_imbalance": given(mask=VALUES["mask"]),
    "simulator.windows.Window": given(shape=lambda: "X"),
    "simulator.windows.Window.offsets": of(lambda: simulator.Window("T", 2, 5)),
    "simulator.windows.Window.selector_bits": of(lambda: simulator.Window("T", 2, 5)),
    "simulator.windows.parse_window": given(text=lambda: "X9"),
    "core.recipe.Recipe": given(name=lambda: "a"),
    "core.recipe.Recipe.acting": of(lambda: swatlib.swat(0.5), ndim=lambda: 4),
    "surgery.sparsify.active_mask": given(layer=lambda: sparse().hidden),
    "surgery.state.load_sparsity_state_": given(state=lambda: swatlib.sparsity_state(sparse())),
    "records.checkpoint.Checkpoint": given(folder=lambda: Path("kept")),
    "records.checkpoint.Checkpoint.save": of(
        lambda: Checkpoint(Path("kept"), RUN), state=lambda: {"a": 1}
    ),
    "records.checkpoint.of_records": given(folder=lambda: Path(".")),
    "records.sweep.Outcome": given(status=lambda: "done"),
    "records.sweep.Summary.count": of(
        lambda: Summary(left=1), outcome=lambda: Outcome(RUN, "done")
    ),
    "records.sweep.compute": given(folder=lambda: Path("."), train=lambda: lambda run: {"a": 1}),
    "records.sweep.lock": given(folder=lambda: Path(".")),
    "records.sweep.check_writable": given(folder=lambda: Path(".")),
    "records.sweep.seconds": given(text=lambda: "30m"),
    "records.sweep.sweep": given(
        runs=lambda: [RUN], train=lambda: lambda run: {"a": 1}, progress=lambda: False
    ),
    "kernels.kth_magnitude.keep_above": given(threshold=lambda: torch.tensor(0.5)),
    "kernels.kth_magnitude.above": given(threshold=lambda: torch.tensor(0.5)),
    "selectors.frozen.Frozen": given(selector=lambda: TopK(0.5)),
    "training.loop.build": given(dataset=eight),
    "training.loop.pretrain_": given(
        model=lambda: build(PRETRAINED, eight()), dataset=eight, run=lambda: PRETRAINED
    ),
    "training.loop.train": given(model=lambda: build(RUN, eight()), dataset=eight),
    "training.rate.rate": given(schedule=lambda: "cosine", progress=lambda: 0.5),
    "training.loop.evaluate": given(y=lambda: torch.tensor([0, 1, 2, 0])),
    "selectors.transposable.Transposable.choose": of(Transposable, x=weight),
    "selectors.transposable.transposable_mask": given(),
    "records.upgrade.upgrade_record": given(path=written),
    "records.upgrade.upgrade": given(folder=lambda: written().parent),
    "experiments.field.side_by_side": given(
        base=lambda: RUN, sparsities=lambda: (0.5,), alphas=lambda: (1e-3,), seeds=lambda: (0,)
    ),
    "experiments.field.name_of": given(run=lambda: RUN),
    "experiments.field.counted": given(record=with_data),
    "experiments.field.compared": given(records=lambda: [with_data()]),
    "experiments.verify.Verdict": given(
        key=lambda: "a", identical=lambda: True, agrees=lambda: True, differences=dict
    ),
    "experiments.verify.compare": given(metrics=lambda: {"a": 1.0}),
    "experiments.verify.own_run": given(specification=lambda: specification(RUN)),
    "experiments.verify.verify": given(
        folder=lambda: written().parent, train=lambda: lambda run: {"a": 1.0}
    ),
    "experiments.verify.verify_records": given(
        records=lambda: [read_record(written())], train=lambda: lambda run: {"a": 1.0}
    ),
}
"""What is not in ``VALUES`` under its name."""

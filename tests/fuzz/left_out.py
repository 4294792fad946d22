"""What is left out of the fuzz, with the reason."""

from typing import Any

LEFT_OUT = {
    "files.": "inside of what writes a file, which is the edge",
    "bench.": "programs that measure, not a library",
    "cli.": "reached through typer, which reads text; tests/cli",
    "checks.": "its argument is what is checked; tests/test_checks.py",
    "checked.": "its argument is what is checked; tests/test_checked.py",
    "testing.": "the contract of a recipe; every clause trains, tests/testing",
    "plotting.": "draws on axes of matplotlib, which has errors of its own",
    "plotting.bars.": "draws on axes of matplotlib, which has errors of its own",
    "papers.natural_zeros.": "a program that measures networks of the papers for minutes",
    "papers.swat_tables.": "the papers' tables, cell by cell, for the book; takes seconds a call",
    "claims.": "the papers' claims, for the book; what is no claim is refused in tests/claims",
    "experiments.measure_accelerator.": "measures for minutes",
    "experiments.measure_angles.": "measures for minutes",
    "experiments.measure_fst_cost.": "measures for minutes",
    "experiments.measure_gradients.": "measures for minutes",
    "experiments.measure_memory.": "measures for minutes",
    "experiments.measure_selection.": "measures for minutes",
    "experiments.measure_similarity.": "measures for minutes",
    "experiments.measure_topk.": "measures for minutes",
    "experiments.measure_topology.": "measures for minutes",
    "experiments.measure_two_of_four.": "measures for minutes",
    "experiments.measurements.": "names of what measures for minutes",
    "experiments.restoration.": "the inside of measurements; tests/experiments/test_restoration.py",
    "experiments.trained_network.": "measures a network of another package, for minutes",
    "training.step.": "takes the step that is timed; train() is the edge",
    "papers.allocations.": "the papers' networks layer by layer; takes seconds a call",
    "accounting.record.": "hooks inside of trace()",
    "records.executors.": "workers inside of sweep(), which is the edge",
    "surgery.twin.": "copies inside of trace() and sparsify_(), which are the edge",
    "core.selector_state.": "what a layer keeps; load_sparsity_state_() is the edge",
    "core.products.": "the inside of the layers; tests/core/test_products.py",
    "core.layers.": "torch's own constructors; forward has tests/core/test_layer_calls.py",
    "core.sparse_layer.": "the inside of the layers; tests/core/test_sparse_layer.py",
    "core.decay.": "the inside of the layers, which autograd calls",
    "models.densenet.": "parts of network(), which is the edge",
    "models.layers.": "parts of network(), which is the edge",
    "models.resnet.": "parts of network(), which is the edge",
    "models.small.": "parts of network(), which is the edge",
    "models.vgg.": "parts of network(), which is the edge",
    "models.wide_resnet.": "parts of network(), which is the edge",
    "simulator.banks.": "inner loops of a machine over arrays it laid out; simulate() is the edge",
    "simulator.pairs.": "inner loops of a machine over arrays it laid out; simulate() is the edge",
    "simulator.schedule.": "inner loops of a machine over arrays it laid out",
    "experiments.detection.": "declares runs of the book",
    "experiments.fst.": "declares runs of the book",
    "experiments.grid.": "declares runs of the book",
    "experiments.photographs.": "declares runs of the book, over photographs not shipped",
    "experiments.sensitivity.": "declares runs of the book",
    "experiments.similarity.": "declares runs of the book, and computes them for seconds",
    "experiments.swat.": "declares runs of the book",
    "kernels.kth_magnitude.precision": "inside of thresholds and patterns, in every step",
    "kernels.kth_magnitude.kth_largest": "inside of topk_threshold(), which is the edge",
    "surgery.adopted.": "inside of sparsify_(), which is the edge",
    "surgery.multiplying.": "inside of sparsify_(), which is the edge",
    "accounting.trace.warn_of_others": "inside of count(), which is the edge",
    "simulator.network.Machine.": "a protocol",
    "selectors.frozen.Frozen.choose": "needs its layer's state; tests/methods/test_topology.py",
    "records.record.write_fields": "the inside of write_record(), which is the edge",
    "selectors.information_restoration.FixedColumns.": "the inside of a layer's weight gradient",
    "selectors.information_restoration.columns_needed": "the inside of a layer's weight gradient",
    "selectors.nm.UnfoldedNM.": "the inside of a layer's weight gradient",
    "kernels.convolution.unfold": "the inside of a layer's weight gradient",
    "simulator.mapping.": "the inside of simulate() and of a machine's count()",
    "experiments.accelerator.records": "a table of the book of its committed records",
    "experiments.accelerator_trained.speedups": "a table of the book of its committed records",
    "experiments.accelerator_trained.imbalances": "a table of the book of its committed records",
    "kernels.packing.": "the inside of a layer that compress_() made",
    "data.cache.": "the inside of load(), which names the files",
    "core.selector.ColumnSelector.": "the inside of a layer's weight gradient",
    "core.selector.Selector.operand": "the inside of a layer, in every step",
    "core.selector.Selector.kept": "the inside of active_mask(), which is the edge",
    "core.selector.Selector.new_state": "the inside of a layer",
    "core.recipe.Plan.": "what a plan must have; Method.recipes() is fuzzed",
    "kernels.convolution.blank": "the inside of a layer's backward pass",
    "kernels.convolution.convolution_backward": "the inside of a layer's backward pass",
    "kernels.convolution.linear_backward": "the inside of a layer's backward pass",
    "kernels.convolution.row_length": "the inside of a layer's weight gradient",
    "kernels.nm.beaten_by": "inside of nm_mask(), which is the edge",
    "kernels.nm.two_of_four": "inside of nm_mask(), which is the edge",
    "kernels.groups.": "inside of a selector's choose and operand, in every step",
    "kernels.slices.": "inside of a selector's choose, in every step",
    "kernels.steps.": "inside of the operators that choose with a period",
    "selectors.mvue.MVUE.operand": "the inside of a layer, in every step",
    "selectors.reuse.Reuse.operand": "the inside of a layer, in every step",
    "selectors.reuse.Reuse.previous": "the inside of a layer, in every step",
    "selectors.reuse.differs": "inside of Reuse.choose(), which is the edge",
    "selectors.soft.SoftNM.operand": "the inside of a layer, in every step",
    "selectors.soft.SoftNM.kept": "the inside of active_mask(), which is the edge",
    "methods.method.Between.": "hooks that do nothing; Method's, which call them, are the edge",
    "methods.rewire.HeldWeight.": "what held() returns, for the inside of an update",
    "methods.rewire.best": "inside of rewire_(), which is the edge",
    "methods.rewire.kept_by_magnitude": "inside of rewire_(), which is the edge",
    "methods.rewire.kept_by_sign": "inside of rewire_(), which is the edge",
    "methods.rewire.kept_above": "inside of reallocate_(), which is the edge",
    "methods.rewire.kept_together": "inside of resize_(), which is the edge",
    "methods.rewire.part": "inside of rewire_(), which is the edge",
    "methods.rewire.by_gradient": "inside of rewire_(), which is the edge",
    "methods.rewire.at_random": "inside of rewire_(), which is the edge",
    "methods.rewire.zero_": "inside of rewire_(), which is the edge",
    "methods.rewire.move_": "inside of rewire_(), which is the edge",
    "methods.rewire.exchange_": "inside of rewire_(), which is the edge",
    "methods.rising.goal": "inside of resize_(), which is the edge",
    "methods.snfs.momentum_of": "inside of redistribute_by_momentum_(), which is the edge",
    "methods.snfs.grown_counts": "inside of redistribute_by_momentum_(), which is the edge",
    "methods.dsr.proportional": "inside of reallocate_(), which is the edge",
    "methods.first_batch.as_dense": "inside of Method.start(), which is the edge",
    "methods.first_batch.averaged": "inside of Method.start(), which is the edge",
    "methods.first_batch.gradients": "inside of Method.start(), which is the edge",
    "methods.first_batch.best_of_all": "inside of keep_by_first_batch_(), tests/methods",
    "methods.first_batch.keep_by_first_batch_": "inside of Method.start(), which is the edge",
    "methods.grasp.hessian_gradient": "inside of Method.start(), which is the edge",
    "methods.dst.long_tailed": "inside of learn_thresholds_(), which is the edge",
    "methods.dst.gradients_through": "inside of learn_thresholds_(), which is the edge",
    "methods.dst.sgd_step_": "inside of learn_thresholds_(), which is the edge",
    "methods.top_kast.inside": "inside of update_inside_(), which is the edge",
    "models.narrow.": "inside of build_network(), which is the edge",
    "selectors.row_threshold.beside": "the inside of a selector's choose",
    "selectors.row_threshold.RowThreshold.new_state": "the inside of a layer",
    "selectors.row_threshold.RowThreshold.thresholds": "the inside of a layer",
    "training.loop.Descent.of": "inside of steps(), which is the edge",
    "training.loop.leaving_no_trace": "inside of steps(), which is the edge",
    "methods.swat.split": "inside of swat(), which is the edge",
    "methods.swat.topk_at": "inside of swat(), which is the edge",
    "selectors.information_restoration.gradient_from_columns": "inside of weight_gradient()",
    "selectors.transposable.best_pattern": "inside of transposable_mask(), which is the edge",
    "storage.compression.KeepSign.": "the inside of BitReLU, which autograd calls",
    "core.periodic.periodic": "makes an operator of torch when the library is imported",
    "core.periodic.chosen_mask": "the inside of a selector's choose",
    "data.cifar.": "downloads; tests/data",
    "data.patches.read_patches": "cuts all photographs, seconds a call; data.load() is the edge",
    "detection.scenes.read_scenes": "paints all scenes, seconds a call; load() is the edge",
    "experiments.accelerator.run": "a sweep of the book over its committed records",
    "experiments.accelerator_trained.run": "a sweep of the book over its committed records",
    "experiments.accelerator_trained.count_trained": "trains for a minute",
}
"""Modules, by the beginning of a name."""


LEFT_OUT_METHODS = {
    ".forward": "torch calls it with what the layer before returned",
    ".acts_on": "the inside of Recipe.acting(), which is the edge",
}
"""Methods of any class, by the end of a name."""

HOOKS = (".start", ".dense_steps", ".after_backward", ".after_step", ".check")
"""What a subclass of Between gives; Method's hooks, which call them, are the edge."""

NOT_FUZZED = {
    "an exception": lambda kind: issubclass(kind, Exception),
    "a tuple with names: whoever takes it checks it": lambda kind: hasattr(kind, "_fields"),
    "a dictionary with types": lambda kind: hasattr(kind, "__total__"),
    "a protocol": lambda kind: getattr(kind, "_is_protocol", False),
}
"""Kinds of classes."""


def reason(name: str, value: Any = None) -> str | None:
    """Return why a callable is left out, None if it is not."""
    for start, why in LEFT_OUT.items():
        if name.startswith(start):
            return why
    for end, why in LEFT_OUT_METHODS.items():
        if name.endswith(end):
            return why
    if name.endswith(HOOKS) and name.startswith("methods.") and ".Method." not in name:
        return "a hook of Between: Method's hooks, which call it, are the edge"
    if isinstance(value, type):
        return next((why for why, holds in NOT_FUZZED.items() if holds(value)), None)
    return None

"""The transformer: one dense recipe for all methods, and which layers they act on."""

from dataclasses import replace

import pytest

from swatlib.experiments.transformer import (
    AS_PUBLISHED,
    BLOCKS,
    FEED_FORWARD,
    SQUARED,
    TRANSFORMER_DIGITS,
    TRANSFORMER_PATCHES,
    TRANSFORMER_PHOTOGRAPHS,
    transformer_digits,
    transformer_patches,
    transformer_photographs,
)
from swatlib.training import DENSE

ALL = (
    (TRANSFORMER_DIGITS, transformer_digits),
    (TRANSFORMER_PATCHES, transformer_patches),
    (TRANSFORMER_PHOTOGRAPHS, transformer_photographs),
)


@pytest.mark.parametrize(("base", "declare"), ALL)
def test_all_methods_have_the_recipe_of_the_dense_runs(base, declare) -> None:  # type: ignore[no-untyped-def]
    for run in declare():
        assert replace(run, **DENSE, network=base.network, seed=0) == base


def test_every_way_has_a_dense_run_with_its_network_and_seed() -> None:
    runs = transformer_digits()
    dense = {(run.network, run.seed) for run in runs if run.method == "dense"}
    assert {(run.network, run.seed) for run in runs} == dense


def test_activations_are_sparse_behind_the_squared_relu_only() -> None:
    for run in transformer_digits():
        if run.method != "dense":
            assert (run.network == SQUARED) == (run.method == "activations-2to4")
            assert run.options["only"]


@pytest.mark.parametrize("declare", [transformer_digits, transformer_photographs])
def test_two_methods_are_there_as_published_and_on_attention_too(declare) -> None:  # type: ignore[no-untyped-def]
    runs = declare()
    for name in AS_PUBLISHED:
        layers = {(run.options["only"], run.seed) for run in runs if run.method == name}
        seeds = {run.seed for run in runs}
        assert layers == {(only, seed) for only in (BLOCKS, FEED_FORWARD) for seed in seeds}

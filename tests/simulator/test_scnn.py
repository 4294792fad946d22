"""The Cartesian machine against plain loops."""

import plain_machines as plain
from hypothesis import given, settings
from hypothesis import strategies as st
from simulator_shapes import layers_with_masks

from swatlib.simulator import PRODUCTS, Cartesian, Layer, Masks
from swatlib.simulator.mapping import convolutions


@settings(max_examples=50)
@given(
    layers_with_masks(streams=True),
    st.sampled_from(PRODUCTS),
    st.booleans(),
    st.builds(Cartesian, st.integers(1, 3), st.sampled_from([8, 30, 6144])),
)
def test_cartesian_equals_plain_loops(
    case: tuple[Layer, Masks], product: str, sparse_stream: bool, machine: Cartesian
) -> None:
    layer, masks = case
    stream = masks.stream(product) if sparse_stream else None
    for conv in convolutions(layer, product, masks.stationary(product), stream):
        count = machine.count([conv])[0]
        assert (count.dense_cycles, count.cycles, count.macs) == plain.cartesian(conv, machine)

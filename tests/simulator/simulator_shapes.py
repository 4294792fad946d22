"""Random layers and masks for hypothesis."""

import numpy as np
from hypothesis import strategies as st

from swatlib.simulator import Layer, Masks, Tactical, Window
from swatlib.simulator.schedule import POLICIES


@st.composite
def small_layers(draw: st.DrawFn, most: int = 7) -> Layer:
    """Layers of every geometry: even kernels, padding above the kernel, strides above the map."""
    size = st.integers(1, most)
    kernel = (draw(st.integers(1, 4)), draw(st.integers(1, 4)))
    padding = (draw(st.integers(0, kernel[0])), draw(st.integers(0, kernel[1])))
    image = tuple(max(draw(size), k - 2 * p) for k, p in zip(kernel, padding, strict=True))
    groups = draw(st.sampled_from([1, 1, 2, 3]))
    return Layer(
        "layer",
        groups * draw(size),
        groups * draw(size),
        kernel,
        (draw(st.integers(1, 5)), draw(st.integers(1, 5))),
        padding,
        groups,
        (image[0], image[1]),
        draw(st.integers(1, 2)),
    )


@st.composite
def layers_with_masks(draw: st.DrawFn, streams: bool = False) -> tuple[Layer, Masks]:
    """A layer and random masks of any density, 0 and 1 included."""
    layer = draw(small_layers())
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))

    def mask(shape: tuple[int, ...]) -> np.ndarray:
        return rng.random(shape) < draw(st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0]))

    made = Masks(mask(layer.weight_shape), mask(layer.input_shape))
    if streams:
        made = Masks(
            made.forward_weight,
            made.weight_grad_activation,
            forward_activation=mask(layer.input_shape),
            input_grad_gradient=mask(layer.output_shape),
            weight_grad_gradient=mask(layer.output_shape),
        )
    return layer, made


def windows(bounded: bool = False) -> st.SearchStrategy[Window]:
    """Windows of every shape."""
    size = st.integers(0, 4)
    some = [
        st.builds(Window, st.sampled_from(["L", "T"]), size, size),
        st.builds(Window, st.just("X"), size),
    ]
    return st.one_of(*some) if bounded else st.one_of(*some, st.just(Window("inf")))


small_machines = st.builds(
    Tactical,
    windows(),
    lanes=st.integers(1, 5),
    rows=st.integers(1, 3),
    tiles=st.integers(1, 3),
    columns=st.integers(1, 3),
    policy=st.sampled_from(POLICIES),
    sort=st.booleans(),
)


LAYER = Layer("a", 16, 16, image=(4, 4), first=True)


def masks() -> list[Masks]:
    weight = np.zeros(LAYER.weight_shape, bool)
    weight[:, :4] = True
    return [Masks(weight, np.ones(LAYER.input_shape, bool))]

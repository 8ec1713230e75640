"""Kinds of layers: shape, parameter and mirror rules."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aespec.layers.base import Layer
from aespec.registry import kinds
from aespec.shapes import ShapeError

KINDS = kinds("layer")


def layer(spec):
    return Layer.read(spec)


def back(kind: Layer, x):
    """The shape that the mirror of a layer makes of the layer's output."""
    y = kind.infer(x)
    for undo in kind.mirror(x):
        y = undo.infer(y)
    return y


# Expected counts are sums of products that can be read off the kernel's shape: (inputs + 1) * outputs and so on.
@pytest.mark.parametrize(
    ("spec", "x", "shape", "count"),
    [
        ({"dense": 100}, (784,), (100,), 784 * 100 + 100),
        ({"dense": {"units": 30, "use_bias": False}}, (7, 100), (7, 30), 3000),
        ({"dense": 3}, (None, 4), (None, 3), 15),
        ({"conv2d": {"filters": 16, "kernel_size": 3, "padding": "same"}}, (28, 28, 1), (28, 28, 16), 160),
        ({"conv2d": {"filters": 32, "kernel_size": 3, "padding": "same"}}, (14, 14, 16), (14, 14, 32), 4640),
        ({"conv2d": {"filters": 2, "kernel_size": [3, 2], "strides": [2, 1]}}, (7, 6, 1), (3, 5, 2), 14),
        ({"conv1d": {"filters": 4, "kernel_size": 3, "dilation_rate": 3}}, (10, 2), (4, 4), 28),
        ({"conv1d": {"filters": 4, "kernel_size": 3, "strides": 3, "padding": "same"}}, (10, 2), (4, 4), 28),
        ({"conv1d": {"filters": 4, "kernel_size": 3}}, (None, 2), (None, 4), 28),
        ({"conv2d_transpose": {"filters": 32, "kernel_size": 3, "strides": 2}}, (3, 3, 64), (7, 7, 32), 18464),
        (
            {"conv2d_transpose": {"filters": 16, "kernel_size": 3, "strides": 2, "padding": "same"}},
            (7, 7, 32),
            (14, 14, 16),
            4624,
        ),
        ({"conv1d_transpose": {"filters": 2, "kernel_size": 2, "strides": 3}}, (4, 1), (12, 2), 6),
        ({"conv1d_transpose": {"filters": 2, "kernel_size": 3, "strides": 2, "output_padding": 1}}, (4, 1), (10, 2), 8),
        ({"max_pool2d": 2}, (7, 7, 64), (3, 3, 64), 0),
        ({"max_pool2d": {"pool_size": 2, "padding": "same"}}, (7, 7, 64), (4, 4, 64), 0),
        ({"average_pool1d": {"pool_size": 3, "strides": 2}}, (8, 2), (3, 2), 0),
        ("global_average_pool2d", (4, 5, 3), (3,), 0),
        ({"upsampling2d": [2, 3]}, (2, 2, 1), (4, 6, 1), 0),
        ({"zero_padding2d": [[0, 1], [2, 3]]}, (3, 3, 1), (4, 8, 1), 0),
        ({"zero_padding1d": [2, 0]}, (3, 1), (5, 1), 0),
        ({"cropping2d": 1}, (5, 4, 1), (3, 2, 1), 0),
        ("flatten", (28, 28), (784,), 0),
        ("flatten", (None, 28), (None,), 0),
        ({"reshape": [-1, 4]}, (6, 2), (3, 4), 0),
        ({"permute": [3, 1, 2]}, (2, 3, 4), (4, 2, 3), 0),
        ({"repeat_vector": 28}, (30,), (28, 30), 0),
        ({"lstm": {"units": 100, "return_sequences": True}}, (None, 28), (None, 100), 51600),
        ({"lstm": 30}, (None, 100), (30,), 15720),
        ({"lstm": {"units": 100, "return_sequences": True}}, (28, 30), (28, 100), 52400),
        ({"gru": 30}, (28, 100), (30,), 3 * 30 * (100 + 30) + 2 * 90),
        ({"bidirectional": {"layer": {"lstm": 5}}}, (4, 3), (10,), 2 * 4 * (5 * (3 + 5) + 5)),
        ({"bidirectional": {"layer": {"lstm": 5}, "merge_mode": "sum"}}, (4, 3), (5,), 2 * 4 * (5 * (3 + 5) + 5)),
        ({"time_distributed": {"layer": {"dense": 28}}}, (28, 100), (28, 28), 2828),
        ("batch_normalization", (4, 3), (4, 3), 12),
        ({"layer_normalization": {"center": False}}, (4, 3), (4, 3), 3),
        ({"gaussian_latent": 10}, (100,), (10,), 2 * 1010),
        ({"dropout": 0.5}, (4,), (4,), 0),
    ],
)
def test_shapes_and_counts(spec, x, shape, count):
    kind = layer(spec)
    assert kind.infer(x) == shape
    assert sum(p.size for p in kind.params(x).values()) == count


@pytest.mark.parametrize(
    ("spec", "x", "text"),
    [
        ({"conv2d": {"filters": 1, "kernel_size": 3}}, (28, 28), "number of axes"),
        ({"conv2d": {"filters": 1, "kernel_size": 5}}, (4, 9, 1), "longer than the axis"),
        ({"max_pool2d": 4}, (3, 3, 1), "longer than the axis"),
        ({"cropping2d": 2}, (4, 9, 1), "leaves nothing"),
        ({"dense": 3}, (4, None), "unknown length"),
        ({"lstm": 3}, (4,), "number of axes"),
        ({"lstm": 3}, (28, 28, 1), "number of axes"),
        ({"repeat_vector": 3}, (4, 4), "number of axes"),
        ({"reshape": [5, 5]}, (24,), "do not fill"),
        ({"reshape": [5, -1]}, (24,), "do not fill"),
        ({"permute": [2, 1]}, (2, 3, 4), "another number of axes"),
        ({"time_distributed": {"layer": {"dense": 3}}}, (4,), "no steps"),
    ],
)
def test_wrong_shapes_are_refused(spec, x, text):
    with pytest.raises(ShapeError, match=text) as caught:
        layer(spec).infer(x)
    assert caught.value.wanted
    assert caught.value.got


WINDOWS = st.fixed_dictionaries(
    {
        "kernel_size": st.integers(1, 5),
        "strides": st.integers(1, 3),
        "padding": st.sampled_from(["same", "valid"]),
    }
)
LENGTH = st.integers(5, 31)


@settings(max_examples=400, deadline=None)
@given(fields=WINDOWS, height=LENGTH, width=LENGTH)
def test_mirror_of_a_convolution_gives_its_shape_back(fields, height, width):
    kind = layer({"conv2d": {"filters": 4, **fields}})
    assert back(kind, (height, width, 3)) == (height, width, 3)
    kind = layer({"conv1d": {"filters": 4, **fields}})
    assert back(kind, (height, 3)) == (height, 3)


@settings(max_examples=200, deadline=None)
@given(fields=WINDOWS, extra=st.integers(0, 2), height=LENGTH, width=LENGTH)
def test_mirror_of_a_transposed_convolution_gives_its_shape_back(fields, extra, height, width):
    possible = fields["padding"] == "valid" and extra < min(fields["strides"], fields["kernel_size"])
    kind = layer({"conv2d_transpose": {"filters": 4, **fields, "output_padding": extra if possible else 0}})
    assert back(kind, (height, width, 3)) == (height, width, 3)


@settings(max_examples=200, deadline=None)
@given(
    size=st.integers(1, 4),
    strides=st.integers(1, 4),
    padding=st.sampled_from(["same", "valid"]),
    height=LENGTH,
    width=LENGTH,
    mode=st.sampled_from(["max", "average"]),
)
def test_mirror_of_a_pooling_gives_its_shape_back(size, strides, padding, height, width, mode):
    fields = {"pool_size": size, "strides": strides, "padding": padding}
    assert back(layer({f"{mode}_pool2d": fields}), (height, width, 3)) == (height, width, 3)
    assert back(layer({f"{mode}_pool1d": fields}), (height, 3)) == (height, 3)


@settings(max_examples=100, deadline=None)
@given(
    before=st.integers(0, 3), after=st.integers(0, 3), size=st.integers(1, 4), height=LENGTH, width=st.integers(7, 31)
)
def test_mirror_of_a_resizing_gives_its_shape_back(before, after, size, height, width):
    margins = [[before, min(after, height - before - 1)], [after, before]]
    for spec in ({"zero_padding2d": margins}, {"cropping2d": margins}, {"upsampling2d": [size, 2]}):
        assert back(layer(spec), (height, width, 3)) == (height, width, 3)


@pytest.mark.parametrize("kind", list(KINDS))
def test_mirror_of_each_example_gives_its_shape_back(kind):
    for example in KINDS[kind].examples:
        made = KINDS[kind].model_validate(dict(example.fields))
        if None in example.input:
            continue
        if made.mirror(example.input) or made.infer(example.input) != example.input:
            assert back(made, example.input) == example.input


@pytest.mark.parametrize("kind", list(KINDS))
def test_each_kind_has_examples_and_reads_back_what_it_writes(kind):
    assert KINDS[kind].examples
    for example in KINDS[kind].examples:
        made = KINDS[kind].model_validate(dict(example.fields))
        assert Layer.read(made.to_data()) == made
        known = [n for n in made.infer(example.input) if n is not None]
        assert all(n > 0 for n in known)


def test_stride_of_pooling_and_convolution_multiply_in_a_folded_mirror():
    kind, pool = layer({"conv2d": {"filters": 4, "kernel_size": 3, "padding": "same"}}), layer({"max_pool2d": 2})
    for height, width in product(range(4, 32), (7, 8)):
        y = pool.infer(kind.infer((height, width, 3)))
        (first, *rest) = kind.mirror((height, width, 3), pool=pool)
        assert first.kind == "conv2d_transpose"
        assert first.strides == (2, 2)
        for undo in (first, *rest):
            y = undo.infer(y)
        assert y == (height, width, 3)


def test_a_name_is_kept_for_branches():
    with pytest.raises(TypeError, match="cannot be called `inputs`"):
        type(Layer)("Merge", (Layer,), {"__annotations__": {"inputs": list[str]}, "__module__": __name__})

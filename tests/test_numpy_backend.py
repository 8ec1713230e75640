"""The reference against arithmetic done by hand: a comment beside a row says how its numbers come about."""

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aespec import compile, parse, rules, weights
from aespec.activations import Activation
from aespec.backend import Backend, Model, Trainable
from aespec.diagnostics import AespecError
from aespec.graph import INPUT, Graph, Node
from aespec.layers import Layer
from aespec.layers.activation import Activation as ActivationLayer
from aespec.layers.dense import Dense
from aespec.layers.wrap import TimeDistributed
from aespec.losses import Loss, MeanSquaredError
from aespec.plan import TrainingPlan
from aespec.registry import find_backend, kinds
from aespec.regularizers import Regularizer
from aespec_numpy.optimizers import step
from aespec_numpy.table import activate, apply, from_logits, in_training, lowerings
from aespec_numpy.training import running_averages

backend = find_backend("numpy")  # with the lowerings that other packages bring

ln = math.log


def value(layer, x, rng=None, **params):
    """What a layer, stated as in a spec, makes of one sample."""
    arrays = {name: np.array(param, float) for name, param in params.items()}
    return apply(Layer.read(layer), arrays, np.array([x], float), rng=rng)[0]


def near(expected):
    return pytest.approx(np.array(expected, float), rel=1e-12, abs=1e-14)


def column(numbers):
    """Numbers as steps of one channel."""
    return [[n] for n in numbers]


# -- convolutions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("x", "kernel", "fields", "expected"),
    [
        # 1 + 20, 2 + 30, 3 + 40
        pytest.param([1, 2, 3, 4], [1, 10], {}, [21, 32, 43], id="valid"),
        # windows [1 2] and [3 4]; the 5 is left over
        pytest.param([1, 2, 3, 4, 5], [1, 10], {"strides": 2}, [21, 43], id="valid, the end left over"),
        # every second value, times 10
        pytest.param([1, 2, 3, 4, 5], [10], {"strides": 2}, [10, 30, 50], id="kernel shorter than stride"),
        # 1 + 30, 2 + 40
        pytest.param([1, 2, 3, 4], [1, 10], {"dilation_rate": 2}, [31, 42], id="dilation"),
        # [0 1 2 3 0]: 0 + 10 + 200, 1 + 20 + 300, 2 + 30 + 0
        pytest.param([1, 2, 3], [1, 10, 100], {"padding": "same"}, [210, 321, 32], id="same, odd kernel"),
        # one zero lacks, and goes after: [1 2 3 0]
        pytest.param([1, 2, 3], [1, 10], {"padding": "same"}, [21, 32, 3], id="same, even kernel"),
        # three zeros lack, one before and two after: [0 1 2 3 0 0]
        pytest.param([1, 2, 3], [1, 10, 100, 1000], {"padding": "same"}, [3210, 321, 32], id="same, kernel 4"),
        # ceil(4 / 2) = 2 windows reach (2 - 1) * 2 + 3 = 5: one zero after, windows [1 2 3] and [3 4 0]
        pytest.param([1, 2, 3, 4], [1, 10, 100], {"padding": "same", "strides": 2}, [321, 43], id="same, stride"),
        # 3 windows reach 2 * 2 + 3 = 7: one zero on each side, windows [0 1 2], [2 3 4], [4 5 0]
        pytest.param(
            [1, 2, 3, 4, 5], [1, 10, 100], {"padding": "same", "strides": 2}, [210, 432, 54], id="same, odd length"
        ),
        # 3 windows at 0, 3, 6 reach 6 + 2 = 8: one zero after: 1 + 20, 4 + 50, 7 + 0
        pytest.param(
            [1, 2, 3, 4, 5, 6, 7], [1, 10], {"padding": "same", "strides": 3}, [21, 54, 7], id="same, kernel shorter"
        ),
        # reach 3, so [0 1 2 3 4 0]: 0 + 20, 1 + 30, 2 + 40, 3 + 0
        pytest.param(
            [1, 2, 3, 4], [1, 10], {"padding": "same", "dilation_rate": 2}, [20, 31, 42, 3], id="same, dilation"
        ),
    ],
)
def test_conv1d(x, kernel, fields, expected):
    layer = {"conv1d": {"filters": 1, "kernel_size": len(kernel), **fields}}
    taps = np.reshape(kernel, (-1, 1, 1))
    assert value(layer, column(x), kernel=taps) == near(column(expected))
    assert value(layer, column(x), kernel=taps, bias=[5]) == near(column(np.add(expected, 5)))


@pytest.mark.parametrize(
    ("x", "kernel", "fields", "expected"),
    [
        # 1 + 20 + 400 + 5000, 2 + 30 + 500 + 6000
        pytest.param([[1, 2, 3], [4, 5, 6]], [[1, 10], [100, 1000]], {}, [[5421, 6532]], id="valid"),
        # rows 1 and 3, windows [a b] -> a + 10 b
        pytest.param(
            [[1, 2, 3], [4, 5, 6], [7, 8, 9]], [[1, 10]], {"strides": [2, 1]}, [[21, 32], [87, 98]], id="not square"
        ),
        # a row of zeros below: 1 + 30, 2 + 40, 3 + 0, 4 + 0
        pytest.param([[1, 2], [3, 4]], [[1], [10]], {"padding": "same"}, [[31, 42], [3, 4]], id="same below"),
        # rows reach two apart, columns one: 1 + 50 is all that fits of rows 1 and 3
        pytest.param([[1, 2], [3, 4], [5, 6]], [[1], [10]], {"dilation_rate": [2, 1]}, [[51, 62]], id="dilation"),
    ],
)
def test_conv2d(x, kernel, fields, expected):
    layer = {"conv2d": {"filters": 1, "kernel_size": list(np.shape(kernel)), **fields}}
    y = value(layer, np.expand_dims(x, -1), kernel=np.reshape(kernel, (*np.shape(kernel), 1, 1)))
    assert y[..., 0] == near(expected)


def test_conv_channels_and_activation():
    # kernel[0, channel, filter]: step [1 2] -> 1 * 1 + 2 * 100, 1 * 10 - 2 * 1000, the latter cut by relu
    layer = {"conv1d": {"filters": 2, "kernel_size": 1, "activation": "relu"}}
    assert value(layer, [[1, 2], [3, 4]], kernel=[[[1, 10], [100, -1000]]]) == near([[201, 0], [403, 0]])


@pytest.mark.parametrize(
    ("x", "kernel", "fields", "expected"),
    [
        # [1 10 100] at 0 and its double at 2, added: 5 long
        pytest.param([1, 2], [1, 10, 100], {"strides": 2}, [1, 10, 102, 20, 200], id="valid"),
        # of those the first 2 * 2, from (3 - 2) // 2 = 0
        pytest.param([1, 2], [1, 10, 100], {"strides": 2, "padding": "same"}, [1, 10, 102, 20], id="same, odd kernel"),
        # [1 10 100 1000] at 0 and its double at 2 are 6 long; 4 of them from (4 - 2) // 2 = 1
        pytest.param(
            [1, 2], [1, 10, 100, 1000], {"strides": 2, "padding": "same"}, [10, 102, 1020, 200], id="same, even kernel"
        ),
        pytest.param([1, 2], [1, 10, 100], {}, [1, 12, 120, 200], id="valid, stride 1"),
        # of those 2 from (3 - 1) // 2 = 1
        pytest.param([1, 2], [1, 10, 100], {"padding": "same"}, [12, 120], id="same, stride 1"),
        # [1 12 20]; 2 of them from (2 - 1) // 2 = 0
        pytest.param([1, 2], [1, 10], {"padding": "same"}, [1, 12], id="same, stride 1, even kernel"),
        # (2 - 1) * 3 + max(2, 3) = 6: a zero after each kernel, at the end as well
        pytest.param([1, 2], [1, 10], {"strides": 3}, [1, 10, 0, 2, 20, 0], id="valid, kernel shorter than stride"),
        pytest.param(
            [1, 2], [1, 10], {"strides": 3, "padding": "same"}, [1, 10, 0, 2, 20, 0], id="same, kernel shorter"
        ),
        pytest.param([1, 2], [7], {"strides": 2}, [7, 0, 14, 0], id="kernel of one"),
        pytest.param(
            [1, 2], [1, 10, 100], {"strides": 2, "output_padding": 1}, [1, 10, 102, 20, 200, 0], id="output padding"
        ),
        # (2 - 1) * 3 + max(2, 3) + 1 = 7
        pytest.param(
            [1, 2], [1, 10], {"strides": 3, "output_padding": 1}, [1, 10, 0, 2, 20, 0, 0], id="output padding, k < s"
        ),
        # [1 0 10] at 0 and its double at 1
        pytest.param([1, 2], [1, 10], {"dilation_rate": 2}, [1, 2, 10, 20], id="dilation"),
        # of those 2 from (3 - 1) // 2 = 1
        pytest.param([1, 2], [1, 10], {"dilation_rate": 2, "padding": "same"}, [2, 10], id="same, dilation"),
    ],
)
def test_conv1d_transpose(x, kernel, fields, expected):
    layer = {"conv1d_transpose": {"filters": 1, "kernel_size": len(kernel), **fields}}
    taps = np.reshape(kernel, (-1, 1, 1))
    assert value(layer, column(x), kernel=taps) == near(column(expected))
    assert value(layer, column(x), kernel=taps, bias=[5]) == near(column(np.add(expected, 5)))  # zeros get it too


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        # [[1 10] [100 1000]] at column 0 and its double at column 1
        pytest.param({}, [[1, 12, 20], [100, 1200, 2000]], id="valid"),
        pytest.param({"strides": [1, 2]}, [[1, 10, 2, 20], [100, 1000, 200, 2000]], id="stride of columns"),
        pytest.param({"strides": [3, 1]}, [[1, 12, 20], [100, 1200, 2000], [0, 0, 0]], id="stride of rows"),
        # 1 row, 2 columns, from 0 and 0
        pytest.param({"padding": "same"}, [[1, 12]], id="same"),
        pytest.param(
            {"strides": [1, 2], "output_padding": [0, 1]},
            [[1, 10, 2, 20, 0], [100, 1000, 200, 2000, 0]],
            id="output padding",
        ),
    ],
)
def test_conv2d_transpose(fields, expected):
    layer = {"conv2d_transpose": {"filters": 1, "kernel_size": 2, **fields}}
    kernel = np.reshape([[1, 10], [100, 1000]], (2, 2, 1, 1))
    assert value(layer, [[[1], [2]]], kernel=kernel)[..., 0] == near(expected)


def test_conv_transpose_channels_and_activation():
    # kernel[0, filter, channel]: 1 + 20, 100 + 2000, 2 - 6 = -4 cut by relu
    layer = {"conv1d_transpose": {"filters": 3, "kernel_size": 1, "activation": "relu"}}
    assert value(layer, [[1, 2]], kernel=[[[1, 10], [100, 1000], [2, -3]]]) == near([[21, 2100, 0]])


@st.composite
def geometries(draw):
    """The fields of a transposed convolution over one or two axes, and the number of positions it is given on each."""
    rank, dilated, padding = draw(st.integers(1, 2)), draw(st.booleans()), draw(st.sampled_from(["same", "valid"]))
    axes = st.lists(st.integers(1, 3), min_size=rank, max_size=rank)
    size = draw(st.lists(st.integers(1, 5), min_size=rank, max_size=rank))
    strides, dilation = ([1] * rank, draw(axes)) if dilated else (draw(axes), [1] * rank)
    reach = [(k - 1) * d + 1 for k, d in zip(size, dilation, strict=True)]
    room = [0 if padding == "same" else min(s, r) - 1 for s, r in zip(strides, reach, strict=True)]
    fields = {"kernel_size": size, "strides": strides, "dilation_rate": dilation, "padding": padding}
    return fields, [draw(st.integers(0, most)) for most in room], draw(axes)


@given(geometry=geometries(), seed=st.integers(0))
@settings(max_examples=300, deadline=None)
def test_conv_transpose_is_the_adjoint_of_conv(geometry, seed):
    """``<conv(x), y> == <x, conv_transpose(y)>``: they share the kernel as it is stored."""
    fields, output_padding, lengths = geometry
    rank = len(lengths)
    conv = Layer.read({f"conv{rank}d": {"filters": 3, **fields}})
    back = Layer.read({f"conv{rank}d_transpose": {"filters": 2, "output_padding": output_padding, **fields}})
    rng = np.random.default_rng(seed)
    kernel = {"kernel": rng.normal(size=(*conv.kernel_size, 2, 3))}

    y = rng.normal(size=(2, *lengths, 3))
    scattered = apply(back, kernel, y)
    assert scattered.shape[1:] == back.infer(y.shape[1:])
    x = rng.normal(size=scattered.shape)
    gathered = apply(conv, kernel, x)
    assert gathered.shape == y.shape  # each of these lengths comes back
    assert np.sum(gathered * y) == pytest.approx(np.sum(x * scattered), rel=1e-10, abs=1e-10)


# -- poolings, resizing, arranging -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("x", "fields", "largest", "mean"),
    [
        pytest.param([1, 3, 2], {"pool_size": 2}, [3], [2], id="valid, the end left over"),
        pytest.param([1, 3, 2], {"pool_size": 2, "strides": 1}, [3, 3], [2, 2.5], id="overlapping"),
        # the second window has -4 and a position that does not count: were it a zero, 0 and -2
        pytest.param([-5, -3, -4], {"pool_size": 2, "padding": "same"}, [-3, -4], [-4, -4], id="same"),
        # one position that does not count on each side: [. -1 -2], [-1 -2 -6], [-2 -6 .]
        pytest.param(
            [-1, -2, -6],
            {"pool_size": 3, "strides": 1, "padding": "same"},
            [-1, -1, -2],
            [-1.5, -3, -4],
            id="same, both sides",
        ),
        pytest.param([1, 2, 3, 4], {"pool_size": 1, "strides": 3, "padding": "same"}, [1, 4], [1, 4], id="with gaps"),
    ],
)
def test_pool1d(x, fields, largest, mean):
    assert value({"max_pool1d": fields}, column(x)) == near(column(largest))
    assert value({"average_pool1d": fields}, column(x)) == near(column(mean))


NINE = np.arange(1.0, 10).reshape(3, 3, 1)


@pytest.mark.parametrize(
    ("layer", "x", "expected"),
    [
        ({"max_pool2d": 2}, NINE, [[[5]]]),
        ({"average_pool2d": 2}, NINE, [[[3]]]),  # (1 + 2 + 4 + 5) / 4
        ({"max_pool2d": {"pool_size": 2, "padding": "same"}}, NINE, [[[5], [6]], [[8], [9]]]),
        # (1 + 2 + 4 + 5) / 4, (3 + 6) / 2, (7 + 8) / 2, 9
        ({"average_pool2d": {"pool_size": 2, "padding": "same"}}, NINE, [[[3], [4.5]], [[7.5], [9]]]),
        ({"max_pool2d": {"pool_size": [3, 1], "strides": [1, 2]}}, NINE, [[[7], [9]]]),
        ({"max_pool1d": 2}, [[1, 9], [5, 2]], [[5, 9]]),  # each channel for itself
        ("global_average_pool1d", [[1, 10], [3, 30]], [2, 20]),
        ("global_average_pool2d", [[[1, 5], [3, 6]], [[4, 7], [8, 8]]], [4, 6.5]),
        ({"upsampling1d": 2}, [[1, 2], [3, 4]], [[1, 2], [1, 2], [3, 4], [3, 4]]),
        ({"upsampling2d": [1, 2]}, [[[1], [2]], [[3], [4]]], [[[1], [1], [2], [2]], [[3], [3], [4], [4]]]),
        ({"upsampling2d": [2, 1]}, [[[1], [2]]], [[[1], [2]], [[1], [2]]]),
        ({"zero_padding1d": {"padding": [[2, 1]]}}, [[1], [2]], [[0], [0], [1], [2], [0]]),
        ({"zero_padding2d": {"padding": [[1, 0], [0, 2]]}}, [[[7]]], [[[0], [0], [0]], [[7], [0], [0]]]),
        ({"cropping1d": {"cropping": [[2, 1]]}}, [[1], [2], [3], [4], [5]], [[3], [4]]),
        ({"cropping1d": {"cropping": [[1, 0]]}}, [[1], [2], [3]], [[2], [3]]),
        ({"cropping2d": {"cropping": [[0, 1], [2, 0]]}}, NINE, [[[3]], [[6]]]),
        ("flatten", [[[1, 2], [3, 4]], [[5, 6], [7, 8]]], [1, 2, 3, 4, 5, 6, 7, 8]),
        ({"reshape": [-1, 2]}, [1, 2, 3, 4, 5, 6], [[1, 2], [3, 4], [5, 6]]),
        ({"permute": [2, 1]}, [[1, 2, 3], [4, 5, 6]], [[1, 4], [2, 5], [3, 6]]),
        # output[i, j, k] = x[j, k, i]: axis 1 of the output is axis 3 of the input
        ({"permute": [3, 1, 2]}, [[[1, 2], [3, 4], [5, 6]]], [[[1, 3, 5]], [[2, 4, 6]]]),
        ({"repeat_vector": 3}, [1, 2], [[1, 2], [1, 2], [1, 2]]),
    ],
    ids=lambda row: str(row) if isinstance(row, (str, dict)) else "",
)
def test_layers_without_parameters(layer, x, expected):
    y = value(layer, x)
    assert y.shape == np.shape(expected)
    assert y == near(expected)


# -- dense, wrappers, recurrent ----------------------------------------------------------------------------------------


def test_dense():
    # over the last axis: [1 2] -> 1 * 1 + 2 * 3 + 10, 1 * 2 + 2 * 4 - 20 = -10, which leaky_relu takes to -2
    params = {"kernel": [[1, 2], [3, 4]], "bias": [10, -20]}
    layer = {"dense": {"units": 2, "activation": {"leaky_relu": 0.2}}}
    assert value(layer, [1, 2], **params) == near([17, -2])
    assert value(layer, [[1, 2], [0, 0]], **params) == near([[17, -2], [10, -4]])
    assert value({"time_distributed": {"layer": layer}}, [[1, 2], [0, 0]], **params) == near([[17, -2], [10, -4]])


def test_activation_layer():
    assert value({"activation": "relu"}, [-1, 2]) == near([0, 2])


def test_time_distributed_works_on_each_step_alone():
    # the largest of each half of each step, never across steps
    layer = {"time_distributed": {"layer": {"max_pool1d": 2}}}
    x = [column([1, 2, 3, 4]), column([8, 7, 6, 5])]
    assert value(layer, x) == near([column([2, 4]), column([8, 6])])


LSTM = {
    # sigmoid(ln 3) = 3/4 in, sigmoid(ln 4) = 4/5 forget, tanh(ln 2) = (4 - 1) / (4 + 1) = 3/5, sigmoid(ln 9) = 9/10 out
    "kernel": [[ln(3), ln(4), ln(2), 0]],
    "bias": [0, 0, 0, ln(9)],
}
H1 = 0.9 * math.tanh(0.75 * 0.6)  # c = 3/4 * 3/5, there is nothing to forget
# the state adds ln 2 to the candidate: tanh(2 ln 2) = (16 - 1) / (16 + 1); c = 4/5 * 9/20 + 3/4 * 15/17
H2 = 0.9 * math.tanh(0.8 * 0.45 + 0.75 * 15 / 17)


def test_lstm():
    params = {**LSTM, "recurrent_kernel": [[0, 0, ln(2) / H1, 0]]}
    assert value({"lstm": 1}, [[1], [1]], **params) == near([H2])
    assert value({"lstm": {"units": 1, "return_sequences": True}}, [[1], [1]], **params) == near([[H1], [H2]])


def test_lstm_keeps_a_gate_s_units_together():
    # gates i f c o, each of two units: i = 3/4, 1/2; c = tanh(ln 2) = 3/5, tanh(ln 3) = 8/10; o = 9/10, 1/2
    kernel = [[ln(3), 0, 5, 5, ln(2), ln(3), ln(9), 0]]
    layer = {"lstm": {"units": 2, "use_bias": False}}
    y = value(layer, [[1]], kernel=kernel, recurrent_kernel=np.zeros((2, 8)))
    assert y == near([0.9 * math.tanh(0.45), 0.5 * math.tanh(0.4)])


def test_lstm_without_bias():
    # all gates 1/2, candidate tanh(ln 3) = 8/10
    y = value({"lstm": {"units": 1, "use_bias": False}}, [[1]], kernel=[[0, 0, ln(3), 0]], recurrent_kernel=[[9] * 4])
    assert y == near([0.5 * math.tanh(0.4)])


def test_gru():
    # z = sigmoid(ln 3) = 3/4, r = sigmoid(ln 4) = 4/5. Reset after the product: r applies to the recurrent bias too.
    # step 1: tanh(ln 2 + 4/5 * ln 2 / (4/5)) = tanh(2 ln 2) = 15/17; h = 1/4 * 15/17
    h1 = 0.25 * 15 / 17
    # step 2: the state adds another ln 2 inside the reset: tanh(3 ln 2) = (64 - 1) / (64 + 1) = 63/65
    h2 = 0.75 * h1 + 0.25 * 63 / 65
    params = {
        "kernel": [[ln(3), 0, 0]],
        "recurrent_kernel": [[0, 0, ln(2) / 0.8 / h1]],
        "bias": [[0, 0, ln(2)], [0, ln(4), ln(2) / 0.8]],
    }
    assert value({"gru": {"units": 1, "return_sequences": True}}, [[1], [1]], **params) == near([[h1], [h2]])
    assert value({"gru": 1}, [[1], [1]], **params) == near([h2])


def test_gru_without_bias():
    # z = 1/2, candidate tanh(ln 3) = 8/10
    y = value({"gru": {"units": 1, "use_bias": False}}, [[1]], kernel=[[0, 0, ln(3)]], recurrent_kernel=[[9] * 3])
    assert y == near([0.4])


@pytest.mark.parametrize(
    ("merge_mode", "sequence", "last"),
    [
        # With z = 1/2 the state halves, and gains half the candidate: tanh(ln 3) = 8/10 forward, tanh(ln 2) = 6/10
        # backward. Forward over [1, 0]: 0.4, 0.2. Backward over [0, 1]: 0, 0.3, so 0.3 stands at the first step.
        ("concat", [[0.4, 0.3], [0.2, 0]], [0.2, 0.3]),
        ("sum", [[0.7], [0.2]], [0.5]),
        ("mul", [[0.12], [0]], [0.06]),
        ("ave", [[0.35], [0.1]], [0.25]),
    ],
)
def test_bidirectional(merge_mode, sequence, last):
    params = {
        "forward_kernel": [[0, 0, ln(3)]],
        "forward_recurrent_kernel": [[0, 0, 0]],
        "backward_kernel": [[0, 0, ln(2)]],
        "backward_recurrent_kernel": [[0, 0, 0]],
    }
    for return_sequences, expected in ((True, sequence), (False, last)):
        gru = {"gru": {"units": 1, "use_bias": False, "return_sequences": return_sequences}}
        layer = {"bidirectional": {"layer": gru, "merge_mode": merge_mode}}
        assert value(layer, [[1], [0]], **params) == near(expected)


# -- normalization, noise, the variational code ------------------------------------------------------------------------


def batch(layer, x, rng=None, **params):
    arrays = {name: np.array(param, float) for name, param in params.items()}
    return apply(Layer.read(layer), arrays, np.array(x, float), rng=rng)


MOVING = {"moving_mean": [1], "moving_variance": [4 - 1e-3]}


def test_batch_normalization_outside_training():
    # (3 - 1) / sqrt(4 - 0.001 + 0.001) = 1; times 10, plus 5
    assert batch("batch_normalization", [[3]], **MOVING, gamma=[10], beta=[5]) == near([[15]])
    bare = {"batch_normalization": {"center": False, "scale": False}}
    assert batch(bare, [[3]], **MOVING) == near([[1]])


WRAPPED = {"time_distributed": {"layer": {"batch_normalization": {"epsilon": 3.0, "momentum": 0.75}}}}


@pytest.mark.parametrize(
    ("layer", "x"),
    [
        (WRAPPED["time_distributed"]["layer"], column([1, 3])),
        (WRAPPED["time_distributed"]["layer"], [column([1, 3])]),
        (WRAPPED, [column([1, 3])]),
        (WRAPPED, [column([1, 1]), column([3, 3])]),
    ],
    ids=["samples", "steps", "wrapped steps", "wrapped steps of samples"],
)
def test_batch_normalization_in_training(layer, x):
    # mean 2 and biased variance 1 over everything but channels, epsilon 3: (x - 2) / 2, times 10, plus 5
    params = {name: np.array(p, float) for name, p in {**MOVING, "gamma": [10], "beta": [5]}.items()}
    y = apply(Layer.read(layer), params, np.array(x, float), rng=np.random.default_rng())
    assert y == near(np.where(np.array(x) == 1, 0, 10))
    # a quarter of the way from 1 to 2, and from 3.999 to 1
    averages = running_averages(Layer.read(layer), params, np.array(x, float))
    assert averages == {"moving_mean": near([1.25]), "moving_variance": near([0.75 * 3.999 + 0.25])}


def test_layer_normalization():
    # mean 2, variance 1, epsilon 3: -1/2, 1/2; the other row has mean 0 and variance 1
    layer = {"layer_normalization": {"epsilon": 3.0}}
    params = {"gamma": [10, 20], "beta": [1, 2]}
    for rng in (None, np.random.default_rng()):
        assert batch(layer, [[1, 3], [-1, 1]], rng=rng, **params) == near([[-4, 12], [-4, 12]])
    bare = {"layer_normalization": {"epsilon": 3.0, "center": False, "scale": False}}
    assert batch(bare, [[1, 3]]) == near([[-0.5, 0.5]])


@pytest.mark.parametrize("layer", [{"dropout": 0.5}, {"masking_noise": 0.5}, {"gaussian_noise": 0.5}])
def test_noise_is_for_training_only(layer):
    x = np.arange(1.0, 7).reshape(2, 3)
    assert batch(layer, x) == near(x)
    assert batch({"time_distributed": {"layer": layer}}, x[np.newaxis]) == near(x[np.newaxis])
    assert not np.array_equal(batch(layer, x, rng=np.random.default_rng(0)), x)


@pytest.mark.parametrize(("layer", "kept"), [({"dropout": 0.75}, 4.0), ({"masking_noise": 0.75}, 1.0)])
@pytest.mark.parametrize("wrapped", [False, True])
def test_a_fraction_is_masked(layer, kept, wrapped):
    layer = {"time_distributed": {"layer": layer}} if wrapped else layer
    y = batch(layer, np.ones((10, 10, 100)), rng=np.random.default_rng(1))
    assert set(np.unique(y)) == {0.0, kept}
    # 10,000 draws: the standard deviation of the fraction is sqrt(3/16 / 10,000) = 0.0043
    assert np.mean(y == 0) == pytest.approx(0.75, abs=0.02)


def test_gaussian_noise_has_its_standard_deviation():
    noise = batch({"gaussian_noise": 0.2}, np.zeros((100, 100)), rng=np.random.default_rng(2))
    # 10,000 draws: standard errors 0.2 / 100 of the mean and 0.2 / sqrt(20,000) of the deviation
    assert np.mean(noise) == pytest.approx(0, abs=0.01)
    assert np.std(noise) == pytest.approx(0.2, abs=0.007)


def test_gaussian_latent():
    # mean 2 * 3 + 1 = 7; log_var 2 * ln 2 - ln 64 = -ln 16, so a standard deviation of 1/4
    params = {"mean_kernel": [[3]], "mean_bias": [1], "log_var_kernel": [[ln(2)]], "log_var_bias": [-ln(64)]}
    assert batch({"gaussian_latent": 1}, [[2]], **params) == near([[7]])
    codes = batch({"gaussian_latent": 1}, np.full((10_000, 1), 2), rng=np.random.default_rng(3), **params)
    assert np.mean(codes) == pytest.approx(7, abs=0.0125)  # five standard errors
    assert np.std(codes) == pytest.approx(0.25, abs=0.009)


# -- activations -------------------------------------------------------------------------------------------------------

phi = NormalDist().cdf
ACTIVATIONS = {
    "linear": lambda x: x,
    "relu": lambda x: x if x > 0 else 0,
    "relu6": lambda x: min(max(x, 0), 6),
    "leaky_relu": lambda x: x if x > 0 else x / 5,
    "elu": lambda x: x if x > 0 else math.exp(x) - 1,
    "celu": lambda x: x if x > 0 else math.exp(x) - 1,
    "selu": lambda x: 1.0507009873554805 * (x if x > 0 else 1.6732632423543772 * (math.exp(x) - 1)),
    "gelu": lambda x: x * phi(x),
    "silu": lambda x: x / (1 + math.exp(-x)),
    # tanh(log(a)) = (a^2 - 1) / (a^2 + 1), and with a = 1 + e: a^2 - 1 = e (e + 2)
    "mish": lambda x: x * (e := math.exp(x)) * (e + 2) / (e * (e + 2) + 2),
    "sigmoid": lambda x: (1 + math.tanh(x / 2)) / 2,
    "hard_sigmoid": lambda x: 0 if x < -3 else 1 if x > 3 else x / 6 + 0.5,
    "hard_silu": lambda x: 0 if x < -3 else x if x > 3 else x * (x + 3) / 6,
    "log_sigmoid": lambda x: ln(1 / (1 + math.exp(-x))),
    "tanh": lambda x: 1 - 2 / (math.exp(2 * x) + 1),
    "hard_tanh": lambda x: min(max(x, -1), 1),
    "tanh_shrink": lambda x: x - math.sinh(x) / math.cosh(x),
    "softplus": lambda x: ln(1 + math.exp(x)),
    "softsign": lambda x: x / (1 + x) if x > 0 else x / (1 - x),
    "exponential": lambda x: math.e**x,
}
AXIS_ACTIVATIONS = {"softmax", "log_softmax"}
POINTS = [-20.0, -7.0, -3.0, -1.0, -0.1, 0.0, 0.1, 1.0, 3.0, 7.0, 20.0]


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation(name):
    y = activate(Activation.read(name), np.array(POINTS))
    assert y == pytest.approx(np.array([ACTIVATIONS[name](x) for x in POINTS]), rel=1e-12, abs=1e-15)


@pytest.mark.parametrize(
    ("activation", "x", "expected"),
    [
        ({"leaky_relu": 0.01}, -5, -0.05),
        ({"leaky_relu": 0.01}, 5, 5),
        ({"elu": 2.0}, -1, 2 * (math.exp(-1) - 1)),
        ({"elu": 2.0}, 3, 3),
        ({"celu": 2.0}, -1, 2 * (math.exp(-0.5) - 1)),
        ({"celu": 2.0}, 3, 3),
        ({"gelu": {"approximate": True}}, 0, 0),
        # sqrt(2 / pi) * (1 + 0.044715) = 0.8335620...
        ({"gelu": {"approximate": True}}, 1, 0.5 * (1 + math.tanh(0.7978845608028654 * 1.044715))),
        ("gelu", 1, 0.8413447460685429),  # Phi(1), from tables of the normal distribution
        ("gelu", -10, -7.619853024160527e-23),  # -10 * Phi(-10)
        # where the naive formulas lose every digit or overflow
        ("sigmoid", -700, math.exp(-700)),
        ("log_sigmoid", -1000, -1000),
        ("log_sigmoid", 40, -math.exp(-40)),
        ("softplus", 1000, 1000),
        ("softplus", -40, math.exp(-40)),
        ("silu", -1000, 0),
        ("mish", 1000, 1000),
        ("elu", -1e-12, -1e-12),
        ("selu", 1000, 1050.7009873554805),
    ],
)
def test_activation_at(activation, x, expected):
    y = activate(Activation.read(activation), np.array([float(x)]))
    assert y[0] == pytest.approx(expected, rel=1e-11, abs=1e-300)


def test_softmax_over_the_last_axis():
    # exp: 1, 2, 5 of 8; shifted by 1,000 it is the same, and exp(-2000) is nothing
    logits = np.array([[0, ln(2), ln(5)], [1000, 1000 + ln(2), 1000 + ln(5)], [-1000, -1000, 1000]])
    shares = np.array([[1 / 8, 2 / 8, 5 / 8], [1 / 8, 2 / 8, 5 / 8], [0, 0, 1]])
    assert activate(Activation.read("softmax"), logits) == pytest.approx(shares, rel=1e-12)
    logs = np.array([[-ln(8), -ln(4), ln(5 / 8)], [-ln(8), -ln(4), ln(5 / 8)], [-2000, -2000, 0]])
    assert activate(Activation.read("log_softmax"), logits) == pytest.approx(logs, rel=1e-12)


@pytest.mark.parametrize("name", kinds("activation"))
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_activation_keeps_precision_and_is_finite(name, dtype):
    x = np.array([[-1e4, -90.0, -0.5, 0.0], [0.5, 1.0, 20.0, 80.0]], dtype)
    y = activate(Activation.read(name), x)
    assert y.dtype == dtype
    assert np.all(np.isfinite(y))


def test_every_activation_has_a_formula_here():
    assert {*ACTIVATIONS, *AXIS_ACTIVATIONS} == set(kinds("activation"))


# -- losses and regularizers -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("loss", "t", "y", "expected"),
    [
        ("mse", [[1, 2]], [[2, 4]], 2.5),  # (1 + 4) / 2
        ("mae", [[1, 2]], [[2, 4]], 1.5),
        ("huber", [[0, 0]], [[0.5, -3]], (0.125 + 2.5) / 2),  # 0.5^2 / 2 and 1 * (3 - 1/2)
        ("huber", [[0]], [[1]], 0.5),
        ({"huber": 2.0}, [[0]], [[3]], 4),  # 2 * (3 - 2/2)
        ({"huber": 2.0}, [[0]], [[-1.5]], 1.125),  # 1.5^2 / 2
        ("binary_crossentropy", [[1, 0]], [[0.25, 0.25]], (ln(4) - ln(0.75)) / 2),
        ("binary_crossentropy", [[0.5]], [[0.25]], (ln(4) - ln(0.75)) / 2),
        ("binary_crossentropy", [[1]], [[0]], -ln(1e-7)),
        ("binary_crossentropy", [[0]], [[1]], -ln(1e-7)),
        ({"binary_crossentropy": {"epsilon": 0.25}}, [[1]], [[0]], ln(4)),
        # the mean over rows of the sum over the last axis: (ln 4 + ln 2) / 2
        ("categorical_crossentropy", [[0, 1], [1, 0]], [[0.75, 0.25], [0.5, 0.5]], (ln(4) + ln(2)) / 2),
        ("categorical_crossentropy", [[[0, 1], [1, 0]]], [[[0.75, 0.25], [0.5, 0.5]]], (ln(4) + ln(2)) / 2),
        ("categorical_crossentropy", [[1, 0]], [[0, 1]], -ln(1e-7)),
        ({"categorical_crossentropy": {"epsilon": 0.25}}, [[1, 0]], [[0, 1]], ln(4)),
    ],
)
def test_loss(loss, t, y, expected):
    loss = Loss.read(loss)
    # 1 - (1 - 1e-7) has nine digits
    assert lowerings[loss](loss, np.array(t, float), np.array(y, float)) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("loss", "t", "z", "expected"),
    [
        ("binary_crossentropy", [[1, 0]], [[ln(3), ln(3)]], (ln(4 / 3) + ln(4)) / 2),  # y = 3/4
        ("binary_crossentropy", [[0.5]], [[0]], ln(2)),
        ("binary_crossentropy", [[0, 1]], [[1000, -1000]], 1000),  # clipped: 16.1
        ("binary_crossentropy", [[1, 0]], [[1000, -1000]], 0),
        ("binary_crossentropy", [[0]], [[40]], 40 + math.exp(-40)),
        ("categorical_crossentropy", [[1, 0]], [[ln(3), 0]], ln(4 / 3)),
        ("categorical_crossentropy", [[0, 1]], [[ln(3), 0]], ln(4)),
        ("categorical_crossentropy", [[0, 1]], [[1000, 0]], 1000),
        ("categorical_crossentropy", [[1, 0]], [[1000, 0]], 0),
    ],
)
def test_loss_from_logits(loss, t, z, expected):
    loss = Loss.read(loss)
    assert from_logits[loss](loss, np.array(t, float), np.array(z, float)) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("loss", "activation"), [("binary_crossentropy", "sigmoid"), ("categorical_crossentropy", "softmax")]
)
def test_logits_give_the_value_of_probabilities(loss, activation):
    rng = np.random.default_rng(0)
    z, t, loss = rng.uniform(-5, 5, (20, 7)), rng.random((20, 7)), Loss.read(loss)
    on_probabilities = lowerings[loss](loss, t, activate(Activation.read(activation), z))
    assert from_logits[loss](loss, t, z) == pytest.approx(on_probabilities, rel=1e-12)


def kl(p, q):
    return p * ln(p / q) + (1 - p) * ln((1 - p) / (1 - q))


@pytest.mark.parametrize(
    ("regularizer", "x", "expected"),
    [
        ({"l1": 0.5}, [[1, -2], [3, 0]], 1.5),  # 0.5 * (3 + 3) / 2
        ({"l2": 0.5}, [[1, -2], [3, 0]], 3.5),  # 0.5 * (5 + 9) / 2
        ({"l1_l2": {"l1": 2.0, "l2": 0.5}}, [[1, -2], [3, 0]], 9.5),  # 2 * 3 + 0.5 * 7
        ({"l1": 1.0}, [[[1, -2], [3, -4]]], 10),  # every element of a sample
        # a unit's mean over the batch is 1/4: 1/2 ln 2 + 1/2 ln(2/3) = 1/2 ln(4/3); two units alike
        ({"kl_divergence": {"weight": 2.0, "target": 0.5}}, [[0.1, 0.4], [0.4, 0.1]], 2 * ln(4 / 3)),
        ({"kl_divergence": {"weight": 1.0, "target": 0.1}}, [[0.0, 0.1], [0.2, 0.1]], 0),
        ({"kl_divergence": {"weight": 1.0, "target": 0.1}}, [[0.3]], kl(0.1, 0.3)),
        ({"kl_divergence": {"weight": 1.0, "target": 0.1}}, [[[0.3], [0.6]]], kl(0.1, 0.3) + kl(0.1, 0.6)),
        ({"kl_divergence": {"weight": 1.0, "target": 0.5}}, [[0.0]], kl(0.5, 1e-7)),
        ({"kl_divergence": {"weight": 1.0, "target": 0.5}}, [[1.0]], kl(0.5, 1 - 1e-7)),
    ],
)
def test_regularizer(regularizer, x, expected):
    regularizer = Regularizer.read(regularizer)
    assert lowerings[regularizer](regularizer, np.array(x, float)) == pytest.approx(expected, rel=1e-9, abs=1e-15)


@pytest.mark.parametrize(
    ("mean", "log_var", "expected"),
    [
        ([[0]], [[0]], 0),
        ([[1]], [[0]], 0.5),
        ([[0]], [[ln(4)]], 1.5 - ln(2)),  # -(1 + ln 4 - 4) / 2
        ([[1, 2], [0, 1]], [[0, 0], [0, 0]], (2.5 + 0.5) / 2),  # the sum of a sample, meaned
    ],
)
def test_gaussian_kl(mean, log_var, expected):
    regularizer = Regularizer.read({"gaussian_kl": 3.0})
    got = lowerings[regularizer](regularizer, np.array(mean, float), np.array(log_var, float))
    assert got == pytest.approx(3 * expected, rel=1e-12)


# -- optimizers --------------------------------------------------------------------------------------------------------

ADAM = {"learning_rate": 0.5, "beta_1": 0.5, "beta_2": 0.75, "epsilon": 1.0}
# g = 2 twice: m 1, 3/2; v 1, 7/4; the rate 1/2 sqrt(1/4) / (1/2) = 1/2, then 1/2 sqrt(7/16) / (3/4)
ADAM_STEPS = [0.5 * 1 / (1 + 1), 0.5 * math.sqrt(7 / 16) / 0.75 * 1.5 / (math.sqrt(7 / 4) + 1)]

ADADELTA = 2 * math.sqrt(3 / (1 + 3))
ADADELTA_STEPS = [0.5 * ADADELTA, math.sqrt((ADADELTA**2 / 4 + 3) / (7 / 4 + 3))]


@pytest.mark.parametrize(
    ("optimizer", "steps"),
    [
        # what is taken away at each of two steps from w = 8, the gradient being 2 both times
        ({"sgd": 0.5}, [1, 1]),
        ({"sgd": {"learning_rate": 0.5, "momentum": 0.25}}, [1, 1.25]),
        # the momentum m is 1, 5/4; each step is m / 4 + 1
        ({"sgd": {"learning_rate": 0.5, "momentum": 0.25, "nesterov": True}}, [1.25, 1.3125]),
        ({"adam": ADAM}, ADAM_STEPS),
        # 1/8 * 1/2 of the weight besides: of 8, then of what is left
        (
            {"adamw": {**ADAM, "weight_decay": 0.125}},
            [0.5 + ADAM_STEPS[0], (8 - 0.5 - ADAM_STEPS[0]) / 16 + ADAM_STEPS[1]],
        ),
        # mean squares 1/4 * 4 = 1 and 3/4 + 1 = 7/4; epsilon 3
        (
            {"rmsprop": {"learning_rate": 0.5, "rho": 0.75, "epsilon": 3.0}},
            [1 / math.sqrt(4), 1 / math.sqrt(7 / 4 + 3)],
        ),
        (
            {"rmsprop": {"learning_rate": 0.5, "rho": 0.75, "epsilon": 3.0, "momentum": 0.5}},
            [1 / math.sqrt(4), 0.5 / math.sqrt(4) + 1 / math.sqrt(7 / 4 + 3)],
        ),
        # mean gradients 1/2 and 7/8
        (
            {"rmsprop": {"learning_rate": 0.5, "rho": 0.75, "epsilon": 3.0, "centered": True}},
            [1 / math.sqrt(4 - 1 / 4), 1 / math.sqrt(7 / 4 + 3 - 49 / 64)],
        ),
        # 1/8 * 1/2 of the weight: of 8, then of what is left
        ({"sgd": {"learning_rate": 0.5, "weight_decay": 0.125}}, [1.5, 1 + 6.5 / 16]),
        # m is 1, 3/2; the greatest gradient 2; epsilon 1; the rate 1/2 / (1/2), then 1/2 / (3/4)
        ({"adamax": ADAM}, [1 / 3, 2 / 3 * 1.5 / 3]),
        # the sum of squares is 5 at first, then 9 and 13; epsilon 3
        (
            {"adagrad": {"learning_rate": 0.5, "initial_accumulator_value": 5.0, "epsilon": 3.0}},
            [1 / math.sqrt(12), 1 / math.sqrt(16)],
        ),
        # mean squares of gradients 1 and 7/4, of steps 0 and then of the first; epsilon 3
        ({"adadelta": {"learning_rate": 0.5, "rho": 0.75, "epsilon": 3.0}}, ADADELTA_STEPS),
    ],
    ids=str,
)
def test_optimizer(optimizer, steps):
    assert taken({"optimizer": optimizer}, 8, [2] * len(steps)) == near(steps)
    assert taken({"optimizer": optimizer}, -8, [-2] * len(steps)) == near([-step for step in steps])


def taken(plan, w, gradients):
    """What steps with these gradients take away from a weight; as many at once as there are numbers in each."""
    plan, states, moves = TrainingPlan.model_validate(plan), {}, []
    rate = plan.optimizer.learning_rate
    for number, gradient in enumerate(gradients, start=1):
        before = {"w": np.array(w, float)}
        w = step(plan, before, {"w": np.array(gradient, float)}, states, number, rate)["w"]
        moves.append((before["w"] - w).tolist())
    return moves


def test_nadam():
    # u(t) = 1/2 (1 - 0.96^t / 2); m = 1, v = 1 of v / (1 - 3/4); look ahead with u(2), correct by u(1) u(2) and u(1)
    u1, u2 = 0.5 * (1 - 0.96 / 2), 0.5 * (1 - 0.96**2 / 2)
    move = 0.5 * (u2 * 1 / (1 - u1 * u2) + (1 - u1) * 2 / (1 - u1)) / (math.sqrt(1 / 0.25) + 1)
    found = taken({"optimizer": {"nadam": ADAM}}, 8, [2])
    assert found == pytest.approx([move], rel=1e-7)  # Keras holds 0.96 in float32


def test_gradients_are_clipped_one_by_one():
    assert taken({"optimizer": {"sgd": 0.5}, "clip_value": 1.5}, [8, 8, 8], [[2, -9, 1]]) == [near([0.75, -0.75, 0.5])]


@pytest.mark.parametrize(("gradient", "moves"), [([30, 40], [0.3, 0.4]), ([0.3, 0.4], [0.15, 0.2]), ([0, 0], [0, 0])])
def test_gradients_are_shortened_together(gradient, moves):
    assert taken({"optimizer": {"sgd": 0.5}, "clip_norm": 1.0}, [8, 8], [gradient]) == [near(moves)]


def test_the_length_that_is_clipped_is_that_of_all_gradients():
    plan = TrainingPlan.model_validate({"optimizer": {"sgd": 1.0}, "clip_norm": 1.0})
    values = {"v": np.zeros(1), "w": np.zeros(1)}
    moved = step(plan, values, {"v": np.array([3.0]), "w": np.array([4.0])}, {}, 1, 1.0)
    assert (moved["v"], moved["w"]) == (near([-0.6]), near([-0.8]))


def test_weights_are_averaged_from_the_first_on():
    plan, states = TrainingPlan.model_validate({"optimizer": {"sgd": 1.0}, "ema": 0.75}), {}
    w, averages = np.array(8.0), []
    for number in (1, 2, 3):
        w = step(plan, {"w": w}, {"w": np.array(4.0)}, states, number, 1.0)["w"]
        averages.append(float(states["w"]["average"]))
    # the weights are 4, 0, -4
    assert averages == near([4, 3, 0.75 * 3 - 1])


# -- every kind --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", ["layer", "activation", "loss", "regularizer", "optimizer"])
def test_every_kind_has_a_meaning(family):
    assert [name for name, kind in kinds(family).items() if kind not in lowerings] == []


def test_every_stochastic_layer_differs_in_training():
    assert [name for name, kind in kinds("layer").items() if kind.stochastic and kind not in in_training] == []


EXAMPLES = [
    pytest.param(kind.model_validate(example.fields), example.input, id=f"{name}-{i}")
    for name, kind in kinds("layer").items()
    for i, example in enumerate(kind.examples)
]


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("layer", "x"), EXAMPLES)
def test_examples_have_the_shape_and_precision_stated(layer, x, dtype, training):
    graph = Graph("example", x, (Node.of("encoder/it", layer, INPUT, x),), "encoder/it", (MeanSquaredError(),))
    params = {name.rpartition("/")[2]: array for name, array in weights.draw(graph, 0, dtype).items()}
    rng = np.random.default_rng(0)
    samples = rng.normal(size=(2, *(6 if n is None else n for n in x))).astype(dtype)
    y = apply(layer, params, samples, rng=rng if training else None)
    assert y.shape[1:] == layer.infer(samples.shape[1:])
    assert y.dtype == dtype
    assert np.all(np.isfinite(y))


# -- models ------------------------------------------------------------------------------------------------------------


def model(dtype="float64", seed=0, **spec):
    return backend.build(compile(parse({"input": [2], "decoder": "mirror", **spec})), seed=seed, dtype=dtype)


def set_weights(model, **changes):
    model.load_weights({**model.weights(), **{k.replace("__", "/"): np.array(v, float) for k, v in changes.items()}})


def test_it_is_a_model_of_an_installed_backend():
    assert find_backend("numpy") is backend
    found: Backend = backend
    assert (found.name, found.versions()) == ("numpy", {"numpy": np.__version__})
    built = model(encoder=[{"dense": 1}])
    assert isinstance(built, Model)
    assert not isinstance(built, Trainable)


def test_a_model_is_its_nodes_in_order():
    # encoder: 1 * 1 + 2 * 10 + 3 = 24; decoder: 24 * [2 -1] + [1 0]
    built = model(encoder=[{"dense": 1}])
    set_weights(
        built,
        encoder__dense_1__kernel=[[1], [10]],
        encoder__dense_1__bias=[3],
        decoder__dense_1__kernel=[[2, -1]],
        decoder__dense_1__bias=[1, 0],
    )
    x = np.array([[1.0, 2.0]])
    traced = built.trace(x)
    assert list(traced) == ["encoder/dense_1", "decoder/dense_1"]
    assert traced["encoder/dense_1"] == near([[24]])
    assert traced["decoder/dense_1"] == near([[49, -24]])
    for whole, encoder, decoder in (
        (built.reconstruct, built.encode, built.decode),
        (built.native, built.native.encoder, built.native.decoder),
    ):
        assert encoder(x) == near([[24]])
        assert decoder(np.array([[24.0]])) == near([[49, -24]])
        assert whole(x) == near([[49, -24]])
    # ((1 - 49)^2 + (2 + 24)^2) / 2
    assert built.losses(x) == {"mse": 1490.0, "total": 1490.0}


class Difference(Layer):
    kind = "difference"


class Wave(Activation):
    kind = "wave"


def graph_of(*nodes, input=(2,)):
    return Graph("by_hand", input, nodes, nodes[0].name, (MeanSquaredError(),))


DAG = graph_of(
    Node("encoder/both", Difference(), (INPUT, INPUT), (2,), (2,), {}),
    Node("decoder/both", Difference(), ("encoder/both", INPUT), (2,), (2,), {}),
)


def test_a_node_may_have_several_inputs(monkeypatch):
    monkeypatch.setitem(lowerings._table, "layer:difference", lambda layer, params, a, b: a - 2 * b)
    # 3 - 6 = -3; -3 - 6 = -9
    assert backend.build(DAG).trace(np.array([[3.0, 0.0]])) == {
        "encoder/both": near([[-3, 0]]),
        "decoder/both": near([[-9, 0]]),
    }


@pytest.mark.parametrize(
    ("graph", "missing"),
    [
        (DAG, ["difference"]),
        (graph_of(Node.of("encoder/it", ActivationLayer(function=Wave()), INPUT, (2,))), ["wave"]),
        (
            graph_of(
                Node.of("encoder/it", TimeDistributed(layer=Dense(units=2, activation=Wave())), INPUT, (3, 2)),
                Node("decoder/both", Difference(), (INPUT, "encoder/it"), (3, 2), (3, 2), {}),
                input=(3, 2),
            ),
            ["wave", "difference"],
        ),
    ],
    ids=["layer", "activation", "both at once"],
)
def test_a_kind_without_meaning_is_refused_before_anything_is_built(graph, missing):
    with pytest.raises(AespecError) as error:
        backend.build(graph)
    assert [d.rule for d in error.value.diagnostics] == [rules.UnsupportedKind] * len(missing)
    assert [d.wanted for d in error.value.diagnostics] == [f"a lowering of `{kind}` for `numpy`" for kind in missing]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_dtype_of_the_weights_is_the_dtype_of_every_value(dtype):
    built = model(dtype, encoder=[{"dense": {"units": 3, "activation": "gelu"}}, "batch_normalization", {"dense": 1}])
    x = np.ones((2, 2), "float64" if dtype == "float32" else "float32")
    assert {array.dtype for array in built.trace(x).values()} == {np.dtype(dtype)}
    built.load_weights({name: array.astype("float64") for name, array in built.weights().items()})
    assert {array.dtype for array in built.weights().values()} == {np.dtype(dtype)}


def test_weights_are_copies_both_ways():
    built = model(encoder=[{"dense": 1}])
    mine = built.weights()
    for array in mine.values():
        array[:] = 7
    assert not any(np.all(array == 7) for array in built.weights().values())
    built.load_weights(mine)
    for array in mine.values():
        array[:] = 8
    assert all(np.all(array == 7) for array in built.weights().values())


def test_saved_weights_read_back(tmp_path):
    built = model(encoder=[{"dense": 1}])
    assert backend.save(built, tmp_path, {}) == ["weights.safetensors"]
    read = weights.read(tmp_path / "weights.safetensors")
    assert read.keys() == built.weights().keys()
    assert all(np.array_equal(read[name], array) for name, array in built.weights().items())


def test_a_tied_dense_uses_the_transpose():
    built = model(encoder=[{"dense": 1}], decoder={"mirror": {"tie_weights": True}})
    assert sorted(built.weights()) == ["decoder/dense_1/bias", "encoder/dense_1/bias", "encoder/dense_1/kernel"]
    set_weights(built, encoder__dense_1__kernel=[[1], [10]])
    # 1 + 20 = 21, and back: 21 * [1 10]
    assert built.reconstruct(np.array([[1.0, 2.0]])) == near([[21, 210]])


def test_a_tied_transposed_convolution_uses_the_same_kernel():
    built = model(
        input=[3, 1],
        encoder=[{"conv1d": {"filters": 1, "kernel_size": 2}}],
        decoder={"mirror": {"tie_weights": True}},
    )
    set_weights(built, encoder__conv1d_1__kernel=[[[1]], [[10]]])
    # [1 2 3] -> [21 32]; scattered: [21 210 + 32 320]
    assert built.reconstruct(np.array([[[1.0], [2.0], [3.0]]])) == near([[[21], [242], [320]]])


DENSE = {"encoder__dense_1__kernel": [[1, 0], [0, 1]], "encoder__dense_1__bias": [0, 0]}


@pytest.mark.parametrize(
    "decoder",
    [
        [{"dense": {"units": 2, "activation": "sigmoid"}}],
        [{"dense": {"units": 2, "activation": "sigmoid"}}, {"reshape": [1, 2]}, "flatten"],
        [
            {"reshape": [1, 2]},
            {"time_distributed": {"layer": {"dense": {"units": 2, "activation": "sigmoid"}}}},
            "flatten",
        ],
        [{"dense": 2}, {"activation": "sigmoid"}],
    ],
    ids=["last", "moved", "every step", "a layer of its own"],
)
@pytest.mark.parametrize("training", [False, True])
def test_the_loss_is_computed_from_logits(decoder, training):
    built = model(encoder=[{"dense": 2}], decoder=decoder, loss="binary_crossentropy")
    kernel = next(name for name in built.weights() if name.startswith("decoder") and name.endswith("kernel"))
    set_weights(built, **DENSE, **{kernel.replace("/", "__"): [[-1000, 0], [0, 1000]]})
    # Logits -1000 and 500 for targets 1 and 0.5: 1000 and 500 - 250, far beyond the 16.1 of clipped values.
    x = np.array([[1.0, 0.5]])
    assert built.losses(x, training=training)["binary_crossentropy"] == pytest.approx((1000 + 250) / 2, rel=1e-12)


def test_logits_move_to_where_their_values_go():
    built = model(
        input=[3, 2],
        encoder=["flatten", {"dense": 6}],
        decoder=[{"dense": {"units": 6, "activation": "sigmoid"}}, {"reshape": [2, 3]}, {"permute": [2, 1]}],
        loss="binary_crossentropy",
    )
    set_weights(
        built,
        encoder__dense_1__kernel=np.zeros((6, 6)),
        decoder__dense_1__bias=[1000, -1000, -1000, -1000, 1000, 1000],
    )
    # In their place the logits are [[1000 -1000], [-1000 1000], [-1000 1000]]: all right, then one wrong.
    assert built.losses(np.array([[[1.0, 0], [0, 1], [0, 1]]]))["binary_crossentropy"] == 0
    assert built.losses(np.array([[[1.0, 0], [1, 1], [0, 1]]]))["binary_crossentropy"] == near(1000 / 6)


def test_probabilities_that_are_no_sigmoid_are_clipped():
    built = model(encoder=[{"dense": 2}], decoder=[{"dense": 2}], loss="binary_crossentropy")
    set_weights(built, **DENSE, decoder__dense_1__kernel=[[0, 0], [0, 0]])
    assert built.losses(np.array([[1.0, 1.0]]))["binary_crossentropy"] == pytest.approx(-ln(1e-7), rel=1e-9)


def test_terms_and_total():
    dense = {"units": 2, "kernel_regularizer": {"l1": 0.5}, "activity_regularizer": {"l2": 0.1}}
    built = model(encoder=[{"dense": dense}], decoder=[{"dense": 2}])
    set_weights(built, **DENSE, decoder__dense_1__kernel=[[1, 0], [0, 1]])
    x = np.array([[1.0, 2.0], [3.0, 0.0]])  # comes back as it is
    losses = built.losses(x)
    assert losses == pytest.approx(
        {
            "mse": 0,
            "encoder/dense_1/kernel/l1": 0.5 * 2,
            "encoder/dense_1/activity/l2": 0.1 * (5 + 9) / 2,
            "total": 1.7,
        },
        rel=1e-12,
    )


def test_an_activity_term_on_the_logits_node_sees_the_activated_value():
    dense = {"units": 2, "activation": "sigmoid", "activity_regularizer": {"l1": 1.0}}
    built = model(encoder=[{"dense": 2}], decoder=[{"dense": dense}], loss="binary_crossentropy")
    set_weights(built, **DENSE, decoder__dense_1__kernel=[[ln(3), 0], [0, 1]])
    # sigmoid(ln 3) + sigmoid(0) = 3/4 + 1/2; losses -ln(3/4) and -ln(1 - 1/2)
    losses = built.losses(np.array([[1.0, 0.0]]))
    assert losses["decoder/dense_1/activity/l1"] == pytest.approx(1.25, rel=1e-12)
    assert losses["binary_crossentropy"] == pytest.approx((ln(4 / 3) + ln(2)) / 2, rel=1e-12)


@pytest.mark.parametrize(("scale", "divisor"), [("sample", 1), ("element", 2)])
@pytest.mark.parametrize("training", [False, True])
def test_the_variational_term(scale, divisor, training):
    built = model(encoder=[{"gaussian_latent": {"units": 1, "beta": 3.0, "kl_scale": scale}}])
    set_weights(
        built,
        encoder__gaussian_latent_1__mean_kernel=[[1], [0]],
        encoder__gaussian_latent_1__log_var_kernel=[[0], [ln(4)]],
    )
    # sample [1 0]: mean 1, variance 1: 1/2. sample [0 1]: mean 0, variance 4: 3/2 - ln 2
    term = built.losses(np.eye(2), training=training)["encoder/gaussian_latent_1/latent/gaussian_kl"]
    assert term == pytest.approx(3 / divisor * (0.5 + 1.5 - ln(2)) / 2, rel=1e-12)


def test_training_uses_the_moments_of_the_batch_and_keeps_no_average():
    built = model(encoder=["batch_normalization", {"dense": 2}], decoder=[{"dense": 2}])
    set_weights(built, **DENSE, decoder__dense_1__kernel=[[1, 0], [0, 1]])
    before = built.weights()
    x = np.array([[4.0, 4.0], [6.0, 6.0]])
    # mean 5 and variance 1: x - (x - 5) / s is 4 + 1/s and 6 - 1/s
    s = math.sqrt(1 + 1e-3)
    assert built.losses(x, training=True)["mse"] == pytest.approx(((4 + 1 / s) ** 2 + (6 - 1 / s) ** 2) / 2, rel=1e-12)
    # mean 0 and variance 1 otherwise: x (1 - 1/s)
    assert built.losses(x)["mse"] == pytest.approx((16 + 36) / 2 * (1 - 1 / s) ** 2, rel=1e-9)
    assert built.running_averages(x) == {
        "encoder/batch_normalization_1/moving_mean": near([0.01 * 5] * 2),
        "encoder/batch_normalization_1/moving_variance": near([1, 1]),
    }
    assert all(np.array_equal(before[name], array) for name, array in built.weights().items())


def test_noise_comes_from_the_seed():
    x, spec = np.ones((4, 2)), {"encoder": [{"gaussian_noise": 1.0}, {"dense": 1}]}
    first, twin, other = (model(seed=seed, **spec) for seed in (0, 0, 1))
    drawn = [first.losses(x, training=True)["total"] for _ in range(2)]
    assert drawn == [twin.losses(x, training=True)["total"] for _ in range(2)]
    assert drawn[0] != drawn[1]  # drawn anew
    other.load_weights(first.weights())
    assert other.losses(x, training=True)["total"] != drawn[0]
    assert first.losses(x) == other.losses(x)

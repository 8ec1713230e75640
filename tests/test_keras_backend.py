"""The Keras backend: what is Keras's own about it. That it agrees with the others is the conformance suite's."""

import os
import random
import subprocess
import sys
from math import sqrt
from pathlib import Path

import numpy as np
import pytest

import aespec
from aespec.diagnostics import AespecError
from aespec.kind import Kind
from aespec.registry import find_backend

SPECS = Path(__file__).parents[1] / "specs"

backend = find_backend("keras")
import keras  # noqa: E402 (the backend has it imported quietly)
import tensorflow as tf  # noqa: E402


def build(encoder, decoder="mirror", *, input=(4,), loss="mse", seed=0, dtype="float64", **training):
    spec = aespec.parse({
        "input": list(input), "encoder": encoder, "decoder": decoder, "loss": loss, "training": training,
    })  # fmt: skip
    return backend.build(aespec.compile(spec), seed=seed, dtype=dtype), spec.training


def samples(model, count=6, steps=5, seed=0):
    shape = [steps if n is None else n for n in model.graph.input]
    return np.random.default_rng(seed).random((count, *shape)).astype(model.dtype)


def randomize(model, seed=1):
    rng = np.random.default_rng(seed)
    model.load_weights({name: rng.normal(size=p.shape) * 0.5 for name, p in model.graph.params.items()})
    return model


def train(model, plan, x, epochs=1, batch_size=3):
    trainer = model.trainer(plan)
    return [trainer.epoch(x, np.arange(len(x)), batch_size, lambda done: None) for _ in range(epochs)][-1]


def zoo(name, dtype="float32"):
    spec = aespec.load(SPECS / f"{name}.yaml")
    return backend.build(aespec.compile(spec), seed=1, dtype=dtype), spec.training


# ---- Values: transposed convolutions against a scatter written out, the rest in the conformance suite.


def scatter(x, kernel, strides, padding, dilation, extra):
    """A transposed convolution as its definition reads: every position adds the kernel, then a part is kept."""
    n, k = np.array(x.shape[1:3]), np.array(kernel.shape[:2])
    s, d = np.array(strides), np.array(dilation)
    reach = (k - 1) * d + 1
    full = np.zeros((len(x), *((n - 1) * s + np.maximum(reach, s) + s + extra), kernel.shape[2]))
    for i, j in np.ndindex(*n):
        for a, b in np.ndindex(*k):
            full[:, i * s[0] + a * d[0], j * s[1] + b * d[1]] += x[:, i, j] @ kernel[a, b].T
    start = np.maximum(reach - s, 0) // 2 if padding == "same" else (0, 0)
    length = n * s if padding == "same" else (n - 1) * s + np.maximum(reach, s) + extra
    return full[:, start[0] : start[0] + length[0], start[1] : start[1] + length[1]]


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
def test_transposed_convolutions(size, stride, padding):
    other = size % 5 + 1  # kernels that are not square: 1x2, 2x3, ... 5x1
    extra = (min(stride, size) - 1, 0) if padding == "valid" else (0, 0)
    fields = {"filters": 2, "kernel_size": [size, other], "strides": stride, "padding": padding}
    layer = {**fields, "output_padding": list(extra), "use_bias": False}
    kernel = np.random.default_rng(0).normal(size=(size, other, 2, 3))
    for n in ((3, 4), (1, 2)):
        model, _ = build([{"conv2d_transpose": layer}], ["flatten", {"dense": 3 * n[0] * n[1]}, {"reshape": [*n, 3]}], input=(*n, 3))  # fmt: skip
        model.load_weights({**model.weights(), "encoder/conv2d_transpose_1/kernel": kernel})
        x = samples(model)
        expected = scatter(x, kernel, (stride, stride), padding, (1, 1), np.array(extra))
        np.testing.assert_allclose(model.encode(x), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize(("size", "rate"), [([1, 1], [2, 2]), ([3, 3], [2, 1]), ([2, 3], [3, 2]), ([4, 2], [2, 3])])
def test_dilated_transposed_convolutions(size, rate, padding):
    layer = {"filters": 2, "kernel_size": size, "dilation_rate": rate, "padding": padding, "use_bias": False}
    model, _ = build([{"conv2d_transpose": layer}], ["flatten", {"dense": 36}, {"reshape": [3, 4, 3]}], input=(3, 4, 3))
    kernel = np.random.default_rng(0).normal(size=(*size, 2, 3))
    model.load_weights({**model.weights(), "encoder/conv2d_transpose_1/kernel": kernel})
    x = samples(model)
    expected = scatter(x, kernel, (1, 1), padding, rate, np.array([0, 0]))
    np.testing.assert_allclose(model.encode(x), expected, rtol=0, atol=1e-12)
    check_gradients(model, x)


def check_gradients(model, x):
    """Against central differences, at three places of each parameter."""
    weights, gradients, step = model.weights(), model.gradients(x), 1e-5
    for name, gradient in gradients.items():
        for at in np.random.default_rng(0).integers(gradient.size, size=3):
            moved = []
            for sign in (1, -1):
                value = weights[name].copy()
                value.flat[at] += sign * step
                model.load_weights({**weights, name: value})
                moved.append(model.losses(x)["total"])
            expected = (moved[0] - moved[1]) / (2 * step)
            assert gradient.flat[at] == pytest.approx(expected, rel=1e-5, abs=1e-9), name
    model.load_weights(weights)


@pytest.mark.parametrize(
    ("encoder", "input"),
    [
        ([{"conv1d": {"filters": 2, "kernel_size": 3, "dilation_rate": 2}}], (9, 3)),
        ([{"conv2d": {"filters": 2, "kernel_size": [3, 2], "dilation_rate": [1, 2], "padding": "same"}}], (6, 5, 2)),
        ([{"lstm": {"units": 3, "return_sequences": True}}, {"gru": 2}], (4, 3)),
        ([{"gaussian_latent": 2}], (4,)),
        ([{"dense": {"units": 3, "activation": {"celu": 0.5}}}, {"dense": {"units": 2, "activation": "tanh"}}], (4,)),
        ([{"time_distributed": {"layer": {"lstm": 2}}}, "flatten"], (2, 3, 2)),
    ],
)
def test_gradients(encoder, input):
    model, _ = build(encoder, input=input)
    check_gradients(randomize(model), samples(model))


# scale * alpha = 1.0507009873554805 * 1.6732632423543772; the others by their formulas, from below.
@pytest.mark.parametrize(
    ("activation", "slope"),
    [
        ("selu", 1.7580993408473766),
        ("elu", 1.0),
        ({"elu": 2.0}, 2.0),
        ("celu", 1.0),
        ({"celu": 0.5}, 1.0),
        ("relu", 0.0),
        ("leaky_relu", 0.2),
        ({"leaky_relu": 0.3}, 0.3),
        ("gelu", 0.5),
        ({"gelu": {"approximate": True}}, 0.5),
        ("hard_sigmoid", 1 / 6),
    ],
)
def test_the_derivative_at_exactly_zero(activation, slope):
    """One dense layer with zero weights: its pre-activation is 0, and d loss / d bias = 2 (y - t) slope / n."""
    model, _ = build([{"activation": {"function": "linear"}}], [{"dense": {"units": 4, "activation": activation}}])
    model.load_weights({name: np.zeros(p.shape) for name, p in model.graph.params.items()})
    x = samples(model, count=1)
    expected = 2 * (model.reconstruct(x) - x) * slope / 4
    np.testing.assert_allclose(model.gradients(x)["decoder/dense_1/bias"], expected[0], rtol=1e-15)


def test_a_saturated_wrong_output_still_has_a_gradient():
    """At z = 40 and t = 0 the gradient of binary cross-entropy is 1/n, in float32 as well."""
    end = {"time_distributed": {"layer": {"dense": {"units": 2, "activation": "sigmoid"}}}}
    model, _ = build(["flatten"], [{"reshape": [3, 2]}, end, {"permute": [2, 1]}, {"permute": [2, 1]}], input=(3, 2), loss="binary_crossentropy", dtype="float32")  # fmt: skip
    weights = {"decoder/time_distributed_1/kernel": np.zeros((2, 2)), "decoder/time_distributed_1/bias": [40.0, 40.0]}
    model.load_weights(weights)
    x = np.zeros((2, 3, 2))
    assert model.losses(x)["binary_crossentropy"] == 40
    np.testing.assert_array_equal(model.gradients(x)["decoder/time_distributed_1/bias"], [0.5, 0.5])
    np.testing.assert_array_equal(model.reconstruct(x), np.ones((2, 3, 2)))


# ---- The native model.


@pytest.mark.parametrize(
    ("layer", "input", "stock"),
    [
        ({"dense": {"units": 3, "activation": "selu"}}, (4,), [keras.layers.Dense]),
        ({"dense": {"units": 3, "activation": {"elu": 2.0}}}, (4,), [keras.layers.Dense, keras.layers.ELU]),
        ({"conv2d": {"filters": 2, "kernel_size": 3}}, (5, 5, 1), [keras.layers.Conv2D]),
        ({"conv1d_transpose": {"filters": 2, "kernel_size": 3, "strides": 2}}, (5, 1), [keras.layers.Conv1DTranspose]),
        ({"lstm": 3}, (None, 2), [keras.layers.LSTM]),
        ({"bidirectional": {"layer": {"gru": 3}, "merge_mode": "ave"}}, (4, 2), [keras.layers.Bidirectional]),
        ({"time_distributed": {"layer": {"conv1d": {"filters": 2, "kernel_size": 2}}}}, (3, 4, 2), [keras.layers.TimeDistributed]),
        ({"time_distributed": {"layer": "batch_normalization"}}, (3, 2), [keras.layers.BatchNormalization]),
        ({"masking_noise": 0.2}, (4,), [keras.Model]),
        ({"gaussian_latent": 2}, (4,), [keras.Model]),
    ],
)  # fmt: skip
def test_native_layers_are_stock(layer, input, stock):
    model, _ = build([layer, *(["flatten"] if None not in input else [])], [{"dense": 2}, {"dense": 2}] if False else [*_back(layer, input)], input=input)  # fmt: skip
    kinds = [type(built) for built in model.native.encoder.layers[1 : 1 + len(stock)]]
    assert all(issubclass(kind, expected) and kind.__module__.startswith("keras.") for kind, expected in zip(kinds, stock, strict=True))  # fmt: skip

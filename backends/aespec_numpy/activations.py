"""The activations, each ``(activation, x) -> y``, written so that no large value overflows on the way."""

# mypy: disable-error-code=no-any-return
# (NumPy's stubs say Any for the arithmetic of two arrays whose precision is open.)
from __future__ import annotations

import math

import numpy as np

from aespec import activations as kinds
from aespec_numpy.table import Array, lowerings

__all__ = ["log_softmax", "sigmoid", "softmax", "softplus"]


def sigmoid(x: Array) -> Array:
    """``1 / (1 + exp(-x))``, with ``exp`` of negative numbers only."""
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + small), small / (1 + small))


def softplus(x: Array) -> Array:
    """``log(1 + exp(x))``."""
    return np.logaddexp(x, 0)


def log_softmax(x: Array) -> Array:
    """``x - log(sum(exp(x)))`` over the last axis, the largest value taken out first."""
    below = x - x.max(axis=-1, keepdims=True)
    return below - np.log(np.exp(below).sum(axis=-1, keepdims=True))


def softmax(x: Array) -> Array:
    """``exp(x) / sum(exp(x))`` over the last axis, the largest value taken out first."""
    weight = np.exp(x - x.max(axis=-1, keepdims=True))
    return weight / weight.sum(axis=-1, keepdims=True)


@lowerings(kinds.Linear)
def _linear(activation: kinds.Linear, x: Array) -> Array:
    return x


@lowerings(kinds.Relu)
def _relu(activation: kinds.Relu, x: Array) -> Array:
    return np.maximum(x, 0)


@lowerings(kinds.Relu6)
def _relu6(activation: kinds.Relu6, x: Array) -> Array:
    return np.clip(x, 0, 6)


@lowerings(kinds.LeakyRelu)
def _leaky_relu(activation: kinds.LeakyRelu, x: Array) -> Array:
    return np.where(x > 0, x, activation.negative_slope * x)


@lowerings(kinds.Elu)
def _elu(activation: kinds.Elu, x: Array) -> Array:
    return np.where(x > 0, x, activation.alpha * np.expm1(np.minimum(x, 0)))


@lowerings(kinds.Celu)
def _celu(activation: kinds.Celu, x: Array) -> Array:
    return np.maximum(x, 0) + activation.alpha * np.expm1(np.minimum(x, 0) / activation.alpha)


@lowerings(kinds.Selu)
def _selu(activation: kinds.Selu, x: Array) -> Array:
    return activation.SCALE * np.where(x > 0, x, activation.ALPHA * np.expm1(np.minimum(x, 0)))


@lowerings(kinds.Gelu)
def _gelu(activation: kinds.Gelu, x: Array) -> Array:
    if activation.approximate:
        return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    # Phi(x) = erfc(-x / sqrt(2)) / 2, which keeps its digits far below zero where 1 + erf has none left.
    phi = np.vectorize(math.erfc, otypes=[np.float64])(-x / math.sqrt(2)) / 2
    return x * phi.astype(x.dtype)


@lowerings(kinds.Silu)
def _silu(activation: kinds.Silu, x: Array) -> Array:
    return x * sigmoid(x)


@lowerings(kinds.Mish)
def _mish(activation: kinds.Mish, x: Array) -> Array:
    return x * np.tanh(softplus(x))


@lowerings(kinds.Sigmoid)
def _sigmoid(activation: kinds.Sigmoid, x: Array) -> Array:
    return sigmoid(x)


@lowerings(kinds.HardSigmoid)
def _hard_sigmoid(activation: kinds.HardSigmoid, x: Array) -> Array:
    return np.clip(x + 3, 0, 6) / 6


@lowerings(kinds.HardSilu)
def _hard_silu(activation: kinds.HardSilu, x: Array) -> Array:
    return x * np.clip(x + 3, 0, 6) / 6


@lowerings(kinds.LogSigmoid)
def _log_sigmoid(activation: kinds.LogSigmoid, x: Array) -> Array:
    return -softplus(-x)


@lowerings(kinds.Tanh)
def _tanh(activation: kinds.Tanh, x: Array) -> Array:
    return np.tanh(x)


@lowerings(kinds.HardTanh)
def _hard_tanh(activation: kinds.HardTanh, x: Array) -> Array:
    return np.clip(x, -1, 1)


@lowerings(kinds.TanhShrink)
def _tanh_shrink(activation: kinds.TanhShrink, x: Array) -> Array:
    return x - np.tanh(x)


@lowerings(kinds.Softplus)
def _softplus(activation: kinds.Softplus, x: Array) -> Array:
    return softplus(x)


@lowerings(kinds.Softsign)
def _softsign(activation: kinds.Softsign, x: Array) -> Array:
    return x / (1 + np.abs(x))


@lowerings(kinds.Exponential)
def _exponential(activation: kinds.Exponential, x: Array) -> Array:
    return np.exp(x)


@lowerings(kinds.Softmax)
def _softmax(activation: kinds.Softmax, x: Array) -> Array:
    return softmax(x)


@lowerings(kinds.LogSoftmax)
def _log_softmax(activation: kinds.LogSoftmax, x: Array) -> Array:
    return log_softmax(x)

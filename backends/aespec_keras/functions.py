"""Activations, losses and regularizers in Keras.

An activation is lowered to the function that Keras takes as ``activation=`` and saves by its stock name; or, where
it has a constant that no stock name stands for, to a layer `Apart` that follows. A loss is lowered to its value:
``(loss, target, output, logits) -> scalar``. A regularizer is lowered to a Keras regularizer, which on an activity
gives a sum over the batch: Keras divides that by the batch size.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import pi, prod, sqrt
from typing import Any

import numpy as np

from aespec import activations, losses, regularizers
from aespec.shapes import Shape
from aespec_keras.framework import keras, tf
from aespec_keras.layers import nested
from aespec_keras.shares import mean_of_all
from aespec_keras.table import lowerings

__all__ = ["Apart", "KLDivergence", "activate", "crossentropy_of_logits"]

ops = keras.ops
Tensor = Any

TINY = float(np.finfo(np.float32).tiny)
"""The least float32 that no processor takes for zero."""


@dataclass(frozen=True)
class Apart:
    """An activation that Keras has no name for: the layer that computes it is made apart, and follows."""

    layer: Callable[..., Any]
    """(shape, name=, dtype=) -> keras.Layer"""


def activate(activation: activations.Activation, x: Shape, **own: Any) -> Any:
    """The Keras layer that applies an activation."""
    lowered = lowerings[activation](activation)
    return lowered.layer(x, **own) if isinstance(lowered, Apart) else keras.layers.Activation(lowered, **own)


# Four functions that have the values of Keras's own, whose names they bear so that Keras saves them as its own.


def selu(x: Tensor) -> Tensor:
    """TensorFlow's kernel has the derivative from above at exactly zero; this has the one from below."""
    return _selu_from_below(x)


@tf.custom_gradient  # type: ignore[untyped-decorator]
def _selu_from_below(x: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    # The kernel takes its derivative from the output: given it a hair lower, it takes zero for negative. A formula
    # in the kernel's place makes the training of a convolutional model 1.6 times as long.
    y = tf.nn.selu(x)

    def backward(gradient: Tensor) -> Tensor:
        with tf.control_dependencies([gradient]):  # when nothing else needs the output any more: in its own memory
            return tf.raw_ops.SeluGrad(gradients=gradient, outputs=y - TINY)

    return y, backward


def celu(x: Tensor, alpha: float = 1.0) -> Tensor:
    """Keras's formula has the derivative 2 at exactly zero; this has 1."""
    return ops.where(x > 0, x, alpha * ops.expm1(ops.minimum(x, 0.0) / alpha))


def leaky_relu(x: Tensor, negative_slope: float = 0.2) -> Tensor:
    """TensorFlow's kernel rounds the slope to float32; this keeps float64."""
    if keras.backend.standardize_dtype(x.dtype) == "float32":
        return ops.leaky_relu(x, negative_slope)
    return ops.where(x > 0, x, negative_slope * x)


def gelu(x: Tensor, approximate: bool = False) -> Tensor:
    """TensorFlow rounds the constants to float32; this keeps float64."""
    if approximate:
        return 0.5 * x * (1 + ops.tanh(sqrt(2 / pi) * (x + 0.044715 * x**3)))
    return 0.5 * x * (1 + ops.erf(x / sqrt(2)))


@lowerings(
    activations.Linear,
    activations.Relu,
    activations.Relu6,
    activations.Silu,
    activations.Mish,
    activations.Sigmoid,
    activations.HardSigmoid,
    activations.HardSilu,
    activations.LogSigmoid,
    activations.Tanh,
    activations.HardTanh,
    activations.TanhShrink,
    activations.Softplus,
    activations.Softsign,
    activations.Exponential,
    activations.Softmax,
    activations.LogSoftmax,
)
def _stock(activation: activations.Activation) -> Any:
    return keras.activations.get(activation.kind)


@lowerings(activations.Selu)
def _selu(activation: activations.Selu) -> Any:
    return selu


@lowerings(activations.Celu)
def _celu(activation: activations.Celu) -> Any:
    return celu if activation.alpha == 1 else Apart(partial(nested, partial(celu, alpha=activation.alpha)))


@lowerings(activations.Elu)
def _elu(activation: activations.Elu) -> Any:
    if activation.alpha == 1:
        return keras.activations.elu
    return Apart(lambda x, **own: keras.layers.ELU(activation.alpha, **own))


@lowerings(activations.LeakyRelu)
def _leaky_relu(activation: activations.LeakyRelu) -> Any:
    slope = activation.negative_slope
    return leaky_relu if slope == 0.2 else Apart(partial(nested, partial(leaky_relu, negative_slope=slope)))


@lowerings(activations.Gelu)
def _gelu(activation: activations.Gelu) -> Any:
    return gelu if not activation.approximate else Apart(partial(nested, partial(gelu, approximate=True)))


def _in_rows(loss: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """A loss of elements, given the values of a sample in one row.

    XLA computes over rows of 784 faster than over images of 28 x 28: `stacked` trains 1.2 times as fast at batch 32.
    """

    def of_rows(kind: losses.Loss, *given: Tensor | None) -> Tensor:
        return loss(kind, *(None if each is None else _row(each) for each in given))

    return of_rows


def _row(x: Tensor) -> Tensor:
    known = None not in x.shape[1:]
    return ops.reshape(x, (-1, prod(x.shape[1:])) if known else (ops.shape(x)[0], -1))


@lowerings(losses.BinaryCrossentropy)
@_in_rows
def _binary_crossentropy(
    loss: losses.BinaryCrossentropy, target: Tensor, output: Tensor, logits: Tensor | None
) -> Tensor:
    if logits is not None:
        return crossentropy_of_logits(target, logits)
    y = ops.clip(output, loss.epsilon, 1 - loss.epsilon)
    return -ops.mean(target * ops.log(y) + (1 - target) * ops.log(1 - y))


@tf.custom_gradient  # type: ignore[untyped-decorator]
def crossentropy_of_logits(target: Tensor, logits: Tensor) -> tuple[Tensor, Callable[[Tensor], tuple[Tensor, Tensor]]]:
    """The mean binary crossentropy, of max(x, 0) - x t + ln(1 + exp(-|x|)).

    A logarithm takes longer than what spares it: ln(1 + a) + ln(1 + b) is ln(1 + (a + b + ab)), as exact. So two halves
    of the rows share theirs, up to three times, as often as the rows are known to be even.
    """
    small = folded = tf.exp(-tf.abs(logits))
    for _ in range(3):
        if folded.shape[0] and folded.shape[0] % 2 == 0:
            one, other = tf.split(folded, 2)
            folded = one + other + one * other
    total = tf.reduce_sum(tf.nn.relu(logits) - logits * target) + tf.reduce_sum(tf.math.log1p(folded))
    count = tf.cast(tf.size(logits), logits.dtype)

    def backward(gradient: Tensor) -> tuple[Tensor, Tensor]:
        probability = tf.where(logits >= 0, tf.ones_like(small), small) / (1 + small)
        each = gradient / count
        return -logits * each, (probability - target) * each

    return total / count, backward


@lowerings(losses.CategoricalCrossentropy)
def _categorical_crossentropy(
    loss: losses.CategoricalCrossentropy, target: Tensor, output: Tensor, logits: Tensor | None
) -> Tensor:
    if logits is not None:
        return -ops.mean(ops.sum(target * ops.log_softmax(logits), axis=-1))
    return -ops.mean(ops.sum(target * ops.log(ops.clip(output, loss.epsilon, 1 - loss.epsilon)), axis=-1))


@lowerings(losses.MeanSquaredError)
@_in_rows
def _mse(loss: losses.MeanSquaredError, target: Tensor, output: Tensor, logits: Tensor | None) -> Tensor:
    return ops.mean(ops.square(target - output))


@lowerings(losses.MeanAbsoluteError)
@_in_rows
def _mae(loss: losses.MeanAbsoluteError, target: Tensor, output: Tensor, logits: Tensor | None) -> Tensor:
    return ops.mean(ops.abs(target - output))


@lowerings(losses.Huber)
@_in_rows
def _huber(loss: losses.Huber, target: Tensor, output: Tensor, logits: Tensor | None) -> Tensor:
    error = ops.abs(target - output)
    line = loss.delta * (error - loss.delta / 2)
    return ops.mean(ops.where(error <= loss.delta, ops.square(error) / 2, line))


@lowerings(regularizers.L1)
def _l1(regularizer: regularizers.L1) -> Any:
    return _exact(keras.regularizers.L1, l1=regularizer.weight)


@lowerings(regularizers.L2)
def _l2(regularizer: regularizers.L2) -> Any:
    return _exact(keras.regularizers.L2, l2=regularizer.weight)


@lowerings(regularizers.L1L2)
def _l1_l2(regularizer: regularizers.L1L2) -> Any:
    return _exact(keras.regularizers.L1L2, l1=regularizer.l1, l2=regularizer.l2)


@lowerings(regularizers.GaussianKL)
def _gaussian_kl(regularizer: regularizers.GaussianKL) -> Any:
    # It stands on twice the divergence of each unit, which is never negative: see the lowering of `gaussian_latent`.
    return _exact(keras.regularizers.L1, l1=regularizer.weight / 2)


def _exact(stock: type[Any], **factors: float) -> Any:
    """A stock regularizer whose factors are not rounded to float32, as Keras rounds them."""
    regularizer = stock(**factors)
    for name, factor in factors.items():
        setattr(regularizer, name, np.float64(factor))
    return regularizer


@lowerings(regularizers.KLDivergence)
def _kl_divergence(regularizer: regularizers.KLDivergence) -> Any:
    return KLDivergence(regularizer.weight, regularizer.target)


@keras.saving.register_keras_serializable("aespec")
class KLDivergence(keras.regularizers.Regularizer):  # type: ignore[misc]
    """Sparsity: each unit is to be active for the fraction ``target`` of a batch, times the batch size.

    Keras divides an activity's regularizer by the batch size, this one with it.
    """

    def __init__(self, weight: float, target: float) -> None:
        self.weight, self.target = weight, target

    def __call__(self, activity: Tensor) -> Tensor:
        """The divergence of each unit's mean over the batch, summed over the units."""
        epsilon, p = regularizers.KLDivergence.EPSILON, self.target
        q = ops.clip(mean_of_all(ops.mean(activity, axis=0)), epsilon, 1 - epsilon)
        divergence = ops.sum(p * ops.log(p / q) + (1 - p) * ops.log((1 - p) / (1 - q)))
        return self.weight * divergence * ops.cast(ops.shape(activity)[0], activity.dtype)

    def get_config(self) -> dict[str, Any]:
        """The fields."""
        return {"weight": self.weight, "target": self.target}

"""What stock Keras lacks: parts of ejected files, which are copied as they stand.

Nothing imports this module. It is written for lines of 88 columns, and its imports are those of ejected files.
"""
# A reader of a copy wants no more docstrings than these; some imports are for what else is in a file.
# ruff: noqa: D102, F401
# mypy: ignore-errors

import math
from functools import partial

import keras
import numpy as np
from keras import layers, ops
from safetensors.numpy import load_file


class Tied:
    """Makes a layer use the kernel of another, its first argument."""

    def __init__(self, source, *args, **settings):
        super().__init__(*args, **settings)
        # In a function, where Keras does not take the source for a part of this layer.
        self.source = lambda: source

    def add_weight(self, *args, name=None, **settings):
        if name == "kernel":
            return self.source().kernel
        return super().add_weight(*args, name=name, **settings)


class TiedDense(Tied, layers.Dense):
    """A dense layer with the kernel of another, transposed, and a bias of its own."""

    def call(self, inputs, training=None):
        outputs = ops.matmul(inputs, ops.transpose(self.kernel))
        return self.activation(outputs + self.bias if self.use_bias else outputs)


class TiedConv1D(Tied, layers.Conv1D):
    """A convolution with the kernel of a transposed one."""


class TiedConv2D(Tied, layers.Conv2D):
    """A convolution with the kernel of a transposed one."""


class Stretched:
    """Dilates the kernel of a transposed convolution: TensorFlow cannot, on a CPU."""

    def call(self, inputs):
        kernel = self.kernel
        for axis, rate in enumerate(self.dilation_rate):
            size = kernel.shape[axis]
            kernel = ops.repeat(kernel, rate, axis)  # and all but the first to zero
            places = [1 if i == axis else 0 for i in range(kernel.ndim)]
            shape = [-1 if place else 1 for place in places]
            first = ops.reshape(ops.arange(size * rate) % rate == 0, shape)
            kernel = ops.where(first, kernel, 0.0)
            kernel = ops.take(kernel, ops.arange(size * rate - rate + 1), axis)
        more = (self.strides, self.padding, self.output_padding)
        outputs = ops.conv_transpose(inputs, kernel, *more)
        return self.activation(outputs + self.bias if self.use_bias else outputs)


class DilatedConv1DTranspose(Stretched, layers.Conv1DTranspose):
    """A dilated transposed convolution over time."""


class DilatedConv2DTranspose(Stretched, layers.Conv2DTranspose):
    """A dilated transposed convolution over images."""


class TiedConv1DTranspose(Tied, layers.Conv1DTranspose):
    """A transposed convolution with the kernel of a plain one."""


class TiedConv2DTranspose(Tied, layers.Conv2DTranspose):
    """A transposed convolution with the kernel of a plain one."""


class TiedDilatedConv1DTranspose(Tied, Stretched, layers.Conv1DTranspose):
    """A dilated transposed convolution with the kernel of a plain one."""


class TiedDilatedConv2DTranspose(Tied, Stretched, layers.Conv2DTranspose):
    """A dilated transposed convolution with the kernel of a plain one."""


class MaskingNoise(layers.Dropout):
    """Sets values to zero in training and leaves the others as they are."""

    def call(self, inputs, training=False):
        kept = super().call(ops.ones_like(inputs), training)  # 0, or 1 or more
        return inputs * ops.minimum(kept, 1.0)


class GaussianLatent(layers.Layer):
    """A code drawn from a normal distribution in training, its mean otherwise.

    The loss gains its divergence from the standard normal, times a weight.
    """

    def __init__(self, units, weight, dense=None, **settings):
        super().__init__(**settings)
        self.weight = weight
        self.mean = layers.Dense(units, name="mean", **(dense or {}))
        self.log_var = layers.Dense(units, name="log_var", **(dense or {}))
        self.seed = keras.random.SeedGenerator()

    def build(self, shape):
        self.mean.build(shape)
        self.log_var.build(shape)

    def call(self, inputs, training=False):
        mean, log_var = self.mean(inputs), self.log_var(inputs)
        divergence = (ops.square(mean) + ops.expm1(log_var) - log_var) / 2
        samples = ops.cast(ops.shape(mean)[0], mean.dtype)
        self.add_loss(self.weight * ops.sum(divergence) / samples)
        if not training:
            return mean
        noise = keras.random.normal(ops.shape(mean), dtype=mean.dtype, seed=self.seed)
        return mean + ops.exp(log_var / 2) * noise


class Steps(layers.Wrapper):
    """A layer applied at every step, however many there are, as if steps were samples."""

    def build(self, shape):
        super().build((None, *shape[2:]))

    def compute_output_shape(self, shape):
        return (*shape[:2], *self.layer.compute_output_shape((None, *shape[2:]))[1:])

    def call(self, inputs, training=None):
        shape = ops.shape(inputs)
        outputs = self.layer(ops.reshape(inputs, (-1, *shape[2:])), training=training)
        return ops.reshape(outputs, (*shape[:2], *ops.shape(outputs)[1:]))


class KLDivergence(keras.regularizers.Regularizer):
    """How far each unit's mean over the batch is from its target, as a divergence."""

    def __init__(self, weight, target):
        self.weight, self.target = weight, target

    def __call__(self, activity):
        p, q = self.target, ops.clip(ops.mean(activity, axis=0), 1e-7, 1 - 1e-7)
        divergence = p * ops.log(p / q) + (1 - p) * ops.log((1 - p) / (1 - q))
        samples = ops.cast(ops.shape(activity)[0], activity.dtype)
        return self.weight * ops.sum(divergence) * samples  # Keras divides by them


def binary_crossentropy(x, output, epsilon):
    """The cross-entropy of probabilities, which are clipped."""
    y = ops.clip(output, epsilon, 1 - epsilon)
    return -ops.mean(x * ops.log(y) + (1 - x) * ops.log(1 - y), axis=-1)


def categorical_crossentropy(x, output, epsilon):
    """The cross-entropy of probabilities, which are clipped."""
    y = ops.clip(output, epsilon, 1 - epsilon)
    return -ops.sum(x * ops.log(y), axis=-1)

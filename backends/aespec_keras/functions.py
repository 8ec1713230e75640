"""Activations, losses and regularizers in Keras.

An activation is lowered to what Keras takes as ``activation=``, a function that it saves by its stock name; or,
where it has a constant that no stock name stands for, to a stock layer or a partial function, which is then
applied by itself after the layer. A loss is ``(loss, target, output, logits) -> scalar``. A regularizer is
lowered to a Keras regularizer whose value on an activity is a sum over the batch, since Keras divides that by
the batch size.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from aespec import activations as a
from aespec import losses, regularizers
from aespec_keras.framework import keras
from aespec_keras.table import lowerings

ops = keras.ops
Tensor = Any

_STOCK = (
    a.Linear,
    a.Relu,
    a.Relu6,
    a.Silu,
    a.Mish,
    a.Sigmoid,
    a.HardSigmoid,
    a.HardSilu,
    a.LogSigmoid,
    a.Tanh,
    a.HardTanh,
    a.TanhShrink,
    a.Softplus,
    a.Softsign,
    a.Exponential,
    a.Softmax,
    a.LogSoftmax,
)


@lowerings(*_STOCK)
def stock(activation: a.Activation) -> Any:
    """The function that Keras has under the kind's own name."""
    return keras.activations.get(activation.kind)


@lowerings(a.LeakyRelu)
def leaky_relu(activation: a.LeakyRelu) -> Any:
    """Stock; a layer where the slope is not that of the stock function."""
    if activation.negative_slope == 0.2:
        return keras.activations.leaky_relu
    return partial(keras.layers.LeakyReLU, activation.negative_slope)


@lowerings(a.Elu)
def elu(activation: a.Elu) -> Any:
    """Stock; a layer where alpha is not that of the stock function."""
    return keras.activations.elu if activation.alpha == 1 else partial(keras.layers.ELU, activation.alpha)


@lowerings(a.Gelu)
def gelu(activation: a.Gelu) -> Any:
    """Stock; Keras has no name for the approximation."""
    return keras.activations.gelu if not activation.approximate else partial(_apply, partial(ops.gelu, approximate=True))

"""Lowerings of the layers with weights, and of the wrappers."""

from __future__ import annotations

from typing import Any

from aespec.initializers import Initializer, UnitForgetBias, Zeros
from aespec.layers import conv, dense, latent, normalization, recurrent, wrap
from aespec.layers.base import Weighted
from aespec.regularizers import Regularizer
from aespec.shapes import Shape
from aespec_keras import layers
from aespec_keras.framework import keras
from aespec_keras.table import in_training, lowerings

ops = keras.ops
Tensor = Any


@lowerings(dense.Dense)
def _dense(layer: dense.Dense, x: Shape, *, source: Any = None, **own: Any) -> Any:
    fields = {"units": layer.units, **_activated(layer), **_kernel_and_bias(layer), **own}
    return keras.layers.Dense(**fields) if source is None else layers.TiedDense(source=source, **fields)


@lowerings(conv.Conv1D)
def _conv1d(layer: conv.Conv1D, x: Shape, *, source: Any = None, **own: Any) -> Any:
    fields = {**_window(layer), **own}
    return keras.layers.Conv1D(**fields) if source is None else layers.TiedConv1D(source=source, **fields)


@lowerings(conv.Conv2D)
def _conv2d(layer: conv.Conv2D, x: Shape, *, source: Any = None, **own: Any) -> Any:
    fields = {**_window(layer), **own}
    return keras.layers.Conv2D(**fields) if source is None else layers.TiedConv2D(source=source, **fields)


@lowerings(conv.Conv1DTranspose)
def _conv1d_transpose(layer: conv.Conv1DTranspose, x: Shape, *, source: Any = None, **own: Any) -> Any:
    fields = {**_window(layer), **_end(layer), **own}
    if source is not None:
        return layers.TiedConv1DTranspose(source=source, **fields)
    return (layers.DilatedConv1DTranspose if _dilated(layer) else keras.layers.Conv1DTranspose)(**fields)


@lowerings(conv.Conv2DTranspose)
def _conv2d_transpose(layer: conv.Conv2DTranspose, x: Shape, *, source: Any = None, **own: Any) -> Any:
    fields = {**_window(layer), **_end(layer), **own}
    if source is not None:
        return layers.TiedConv2DTranspose(source=source, **fields)
    return (layers.DilatedConv2DTranspose if _dilated(layer) else keras.layers.Conv2DTranspose)(**fields)


@lowerings(recurrent.LSTM)
def _lstm(layer: recurrent.LSTM, x: Shape, **own: Any) -> Any:
    return keras.layers.LSTM(**_recurrent(layer), unit_forget_bias=layer.unit_forget_bias, **own)


@lowerings(recurrent.GRU)
def _gru(layer: recurrent.GRU, x: Shape, **own: Any) -> Any:
    return keras.layers.GRU(**_recurrent(layer), reset_after=True, **own)


@lowerings(recurrent.Bidirectional)
def _bidirectional(layer: recurrent.Bidirectional, x: Shape, **own: Any) -> Any:
    inner = lowerings[layer.layer](layer.layer, x, name=layer.layer.kind, dtype=own["dtype"])
    return keras.layers.Bidirectional(inner, merge_mode=layer.merge_mode, **own)


@lowerings(normalization.BatchNormalization)
def _batch_normalization(layer: normalization.BatchNormalization, x: Shape, **own: Any) -> Any:
    return keras.layers.BatchNormalization(
        axis=-1,
        momentum=layer.momentum,
        **_scale_and_center(layer),
        moving_mean_initializer="zeros",
        moving_variance_initializer="ones",
        **own,
    )


@lowerings(normalization.LayerNormalization)
def _layer_normalization(layer: normalization.LayerNormalization, x: Shape, **own: Any) -> Any:
    return keras.layers.LayerNormalization(axis=-1, **_scale_and_center(layer), **own)


@lowerings(latent.GaussianLatent)
def _gaussian_latent(layer: latent.GaussianLatent, x: Shape, **own: Any) -> Any:
    dtype = own["dtype"]

    def dense(name: str) -> Any:
        return keras.layers.Dense(
            layer.units,
            kernel_initializer=initializer(layer.kernel_initializer),
            bias_initializer=initializer(layer.bias_initializer),
            name=name,
            dtype=dtype,
        )

    def code(inputs: Tensor) -> Tensor:
        mean, log_var = dense("mean")(inputs), dense("log_var")(inputs)
        # The noise takes its shape from the divergence, so that the layer that adds it to the loss is in the model.
        divergence = keras.layers.Activation("linear", name="divergence", dtype=dtype)(twice_divergence(mean, log_var))
        noise = keras.layers.GaussianNoise(1.0, name="noise", dtype=dtype)(ops.zeros_like(divergence))
        return mean + ops.exp(log_var / 2) * noise

    return layers.nested(code, x, **own)


@in_training(latent.GaussianLatent)
def _drawn(layer: latent.GaussianLatent, native: Any, x: Tensor, given: Tensor) -> Tensor:
    mean, log_var = (native.get_layer(name)(x) for name in ("mean", "log_var"))
    return mean + ops.exp(log_var / 2) * ops.cast(given, mean.dtype)


def twice_divergence(mean: Tensor, log_var: Tensor) -> Tensor:
    """Twice each unit's divergence from the standard normal, in float64, since its terms cancel near zero."""
    m, v = (ops.cast(value, "float64") for value in (mean, log_var))
    return ops.cast((ops.square(m) - v) + ops.expm1(v), mean.dtype)


@lowerings(wrap.TimeDistributed)
def _time_distributed(layer: wrap.TimeDistributed, x: Shape, *, name: str, dtype: str, **tied: Any) -> Any:
    inner = layer.layer
    if inner.innermost.stepwise:
        return lowerings[inner](inner, x, name=name, dtype=dtype, **tied)
    wrapped = lowerings[inner](inner, x[1:], name=inner.kind, dtype=dtype, **tied)
    return (layers.Steps if x[0] is None else keras.layers.TimeDistributed)(wrapped, name=name, dtype=dtype)


def initializer(kind: Initializer) -> Any:
    """Keras's initializer of the same name: the weights come from the core, but a user may clone the model."""
    if isinstance(kind, UnitForgetBias):  # in Keras an argument of its LSTM
        kind = Zeros()
    name = "".join(word.capitalize() for word in kind.kind.split("_"))
    return keras.initializers.get({"class_name": name, "config": dict(kind)})


def regularizer(kind: Regularizer | None) -> Any:
    """The Keras regularizer, where there is one."""
    return None if kind is None else lowerings[kind](kind)


def _kernel_and_bias(layer: Weighted) -> dict[str, Any]:
    return {
        "use_bias": layer.use_bias,
        "kernel_initializer": initializer(layer.kernel_initializer),
        "bias_initializer": initializer(layer.bias_initializer),
        "kernel_regularizer": regularizer(layer.kernel_regularizer),
        "bias_regularizer": regularizer(layer.bias_regularizer),
    }


def _activated(layer: Any) -> dict[str, Any]:
    return {"activation": lowerings[layer.activation](layer.activation)}


def _window(layer: Any) -> dict[str, Any]:
    names = ("filters", "kernel_size", "strides", "padding", "dilation_rate")
    fields = {name: getattr(layer, name) for name in names}
    return {**fields, **_activated(layer), **_kernel_and_bias(layer), "data_format": "channels_last"}


def _end(layer: conv.Conv1DTranspose | conv.Conv2DTranspose) -> dict[str, Any]:
    """What Keras counts as output padding: all that follows the last window's end."""
    if layer.padding == "same":
        return {}
    ends = zip(layer.output_padding, layer.strides, layer.reach, strict=True)
    return {"output_padding": tuple(extra + max(stride - reach, 0) for extra, stride, reach in ends)}


def _dilated(layer: conv.Conv1DTranspose | conv.Conv2DTranspose) -> bool:
    return max(layer.dilation_rate) > 1


def _recurrent(layer: recurrent.Recurrent) -> dict[str, Any]:
    return {
        "units": layer.units,
        "activation": "tanh",
        "recurrent_activation": "sigmoid",
        "recurrent_initializer": initializer(layer.recurrent_initializer),
        "recurrent_regularizer": regularizer(layer.recurrent_regularizer),
        "return_sequences": layer.return_sequences,
        **_kernel_and_bias(layer),
    }


def _scale_and_center(layer: normalization.BatchNormalization | normalization.LayerNormalization) -> dict[str, Any]:
    return {
        "epsilon": layer.epsilon,
        "center": layer.center,
        "scale": layer.scale,
        "beta_initializer": initializer(layer.beta_initializer),
        "gamma_initializer": initializer(layer.gamma_initializer),
    }

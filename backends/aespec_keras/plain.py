"""Lowerings of the layers without weights: activations, poolings, noises, and all that moves values."""

from __future__ import annotations

from typing import Any

from aespec.layers import activation, arrange, noise, pool, resize
from aespec.shapes import Shape
from aespec_keras.framework import keras
from aespec_keras.functions import activate
from aespec_keras.layers import nested
from aespec_keras.table import in_training, lowerings

ops = keras.ops
Tensor = Any

LAST = {"data_format": "channels_last"}
"""Stated everywhere, since a user's Keras may be set to channels first."""


@lowerings(activation.Activation)
def _activation(layer: activation.Activation, x: Shape, **own: Any) -> Any:
    return activate(layer.function, x, **own)


@lowerings(pool.MaxPool1D)
def _max_pool1d(layer: pool.MaxPool1D, x: Shape, **own: Any) -> Any:
    return keras.layers.MaxPooling1D(**_window(layer), **own)


@lowerings(pool.MaxPool2D)
def _max_pool2d(layer: pool.MaxPool2D, x: Shape, **own: Any) -> Any:
    return keras.layers.MaxPooling2D(**_window(layer), **own)


@lowerings(pool.AveragePool1D)
def _average_pool1d(layer: pool.AveragePool1D, x: Shape, **own: Any) -> Any:
    return keras.layers.AveragePooling1D(**_window(layer), **own)


@lowerings(pool.AveragePool2D)
def _average_pool2d(layer: pool.AveragePool2D, x: Shape, **own: Any) -> Any:
    return keras.layers.AveragePooling2D(**_window(layer), **own)


def _window(layer: pool.Pooling) -> dict[str, Any]:
    return {"pool_size": layer.pool_size, "strides": layer.steps, "padding": layer.padding, **LAST}


@lowerings(pool.GlobalAveragePool1D)
def _global_average_pool1d(layer: pool.GlobalAveragePool1D, x: Shape, **own: Any) -> Any:
    return keras.layers.GlobalAveragePooling1D(keepdims=False, **LAST, **own)


@lowerings(pool.GlobalAveragePool2D)
def _global_average_pool2d(layer: pool.GlobalAveragePool2D, x: Shape, **own: Any) -> Any:
    return keras.layers.GlobalAveragePooling2D(keepdims=False, **LAST, **own)


@lowerings(resize.UpSampling1D)
def _upsampling1d(layer: resize.UpSampling1D, x: Shape, **own: Any) -> Any:
    return keras.layers.UpSampling1D(layer.size[0], **own)


@lowerings(resize.UpSampling2D)
def _upsampling2d(layer: resize.UpSampling2D, x: Shape, **own: Any) -> Any:
    return keras.layers.UpSampling2D(layer.size, interpolation="nearest", **LAST, **own)


@lowerings(resize.ZeroPadding1D)
def _zero_padding1d(layer: resize.ZeroPadding1D, x: Shape, **own: Any) -> Any:
    return keras.layers.ZeroPadding1D(layer.padding[0], **LAST, **own)


@lowerings(resize.ZeroPadding2D)
def _zero_padding2d(layer: resize.ZeroPadding2D, x: Shape, **own: Any) -> Any:
    return keras.layers.ZeroPadding2D(layer.padding, **LAST, **own)


@lowerings(resize.Cropping1D)
def _cropping1d(layer: resize.Cropping1D, x: Shape, **own: Any) -> Any:
    return keras.layers.Cropping1D(layer.cropping[0], **own)


@lowerings(resize.Cropping2D)
def _cropping2d(layer: resize.Cropping2D, x: Shape, **own: Any) -> Any:
    return keras.layers.Cropping2D(layer.cropping, **LAST, **own)


@lowerings(arrange.Flatten)
def _flatten(layer: arrange.Flatten, x: Shape, **own: Any) -> Any:
    return keras.layers.Flatten(**LAST, **own)


@lowerings(arrange.Reshape)
def _reshape(layer: arrange.Reshape, x: Shape, **own: Any) -> Any:
    return keras.layers.Reshape(layer.target_shape, **own)


@lowerings(arrange.Permute)
def _permute(layer: arrange.Permute, x: Shape, **own: Any) -> Any:
    return keras.layers.Permute(layer.dims, **own)


@lowerings(arrange.RepeatVector)
def _repeat_vector(layer: arrange.RepeatVector, x: Shape, **own: Any) -> Any:
    return keras.layers.RepeatVector(layer.n, **own)


@lowerings(noise.Dropout)
def _dropout(layer: noise.Dropout, x: Shape, **own: Any) -> Any:
    return keras.layers.Dropout(layer.rate, **own)


@lowerings(noise.MaskingNoise)
def _masking_noise(layer: noise.MaskingNoise, x: Shape, **own: Any) -> Any:
    # Dropout of ones is a mask, 0 or 1 / (1 - rate) in training and 1 otherwise.
    drop = keras.layers.Dropout(layer.rate, name="dropout", dtype=own["dtype"])
    return nested(lambda inputs: inputs * ops.minimum(drop(ops.ones_like(inputs)), 1.0), x, **own)


@lowerings(noise.GaussianNoise)
def _gaussian_noise(layer: noise.GaussianNoise, x: Shape, **own: Any) -> Any:
    return keras.layers.GaussianNoise(layer.stddev, **own)


@in_training(noise.Dropout)
def _dropped_out(layer: noise.Dropout, native: Any, x: Tensor, given: Tensor) -> Tensor:
    return ops.where(given < layer.rate, ops.zeros_like(x), x / (1 - layer.rate))


@in_training(noise.MaskingNoise)
def _masked(layer: noise.MaskingNoise, native: Any, x: Tensor, given: Tensor) -> Tensor:
    return ops.where(given < layer.rate, ops.zeros_like(x), x)


@in_training(noise.GaussianNoise)
def _noisy(layer: noise.GaussianNoise, native: Any, x: Tensor, given: Tensor) -> Tensor:
    return x + ops.cast(layer.stddev * given, x.dtype)

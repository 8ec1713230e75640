"""The layers that look at one position at a time, or only move values: ``(layer, params, x) -> y``."""

# mypy: disable-error-code=no-any-return
# (NumPy's stubs say Any for the arithmetic of two arrays whose precision is open.)
from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from aespec.layers.activation import Activation
from aespec.layers.arrange import Flatten, Permute, RepeatVector, Reshape
from aespec.layers.dense import Dense
from aespec.layers.latent import GaussianLatent
from aespec.layers.noise import Dropout, GaussianNoise, MaskingNoise
from aespec.layers.normalization import BatchNormalization, LayerNormalization
from aespec.layers.resize import (
    Cropping1D,
    Cropping2D,
    UpSampling1D,
    UpSampling2D,
    ZeroPadding1D,
    ZeroPadding2D,
)
from aespec.layers.wrap import TimeDistributed
from aespec_numpy.table import Array, activate, apply, lowerings

__all__ = ["at_every_step", "latent_moments", "normalize"]

Params = Mapping[str, Array]


@lowerings(Dense)
def _dense(layer: Dense, params: Params, x: Array) -> Array:
    return activate(layer.activation, x @ params["kernel"] + params.get("bias", 0))


@lowerings(Activation)
def _activation(layer: Activation, params: Params, x: Array) -> Array:
    return activate(layer.function, x)


@lowerings(GaussianLatent)
def _gaussian_latent(layer: GaussianLatent, params: Params, x: Array) -> Array:
    mean, _ = latent_moments(params, x)
    return mean


def latent_moments(params: Params, x: Array) -> tuple[Array, Array]:
    """The mean and the logarithm of the variance of each number of a `GaussianLatent` code."""
    mean = x @ params["mean_kernel"] + params["mean_bias"]
    log_var = x @ params["log_var_kernel"] + params["log_var_bias"]
    return mean, log_var


@lowerings(Dropout, GaussianNoise, MaskingNoise)
def _undisturbed(layer: Dropout | GaussianNoise | MaskingNoise, params: Params, x: Array) -> Array:
    return x


@lowerings(BatchNormalization)
def _batch_normalization(layer: BatchNormalization, params: Params, x: Array) -> Array:
    return normalize(layer, params, x, params["moving_mean"], params["moving_variance"])


@lowerings(LayerNormalization)
def _layer_normalization(layer: LayerNormalization, params: Params, x: Array) -> Array:
    return normalize(layer, params, x, x.mean(axis=-1, keepdims=True), x.var(axis=-1, keepdims=True))


def normalize(
    layer: BatchNormalization | LayerNormalization, params: Params, x: Array, mean: Array, variance: Array
) -> Array:
    """``gamma * (x - mean) / sqrt(variance + epsilon) + beta``."""
    return params.get("gamma", 1) * (x - mean) / np.sqrt(variance + layer.epsilon) + params.get("beta", 0)


@lowerings(Flatten)
def _flatten(layer: Flatten, params: Params, x: Array) -> Array:
    return x.reshape(len(x), -1)


@lowerings(Reshape)
def _reshape(layer: Reshape, params: Params, x: Array) -> Array:
    return x.reshape(len(x), *layer.target_shape)


@lowerings(Permute)
def _permute(layer: Permute, params: Params, x: Array) -> Array:
    return x.transpose(0, *layer.dims)


@lowerings(RepeatVector)
def _repeat_vector(layer: RepeatVector, params: Params, x: Array) -> Array:
    return np.repeat(x[:, np.newaxis], layer.n, axis=1)


@lowerings(UpSampling1D, UpSampling2D)
def _upsampling(layer: UpSampling1D | UpSampling2D, params: Params, x: Array) -> Array:
    for axis, times in enumerate(layer.size, start=1):
        x = np.repeat(x, times, axis)
    return x


@lowerings(ZeroPadding1D, ZeroPadding2D)
def _zero_padding(layer: ZeroPadding1D | ZeroPadding2D, params: Params, x: Array) -> Array:
    return np.pad(x, ((0, 0), *layer.padding, (0, 0)))


@lowerings(Cropping1D, Cropping2D)
def _cropping(layer: Cropping1D | Cropping2D, params: Params, x: Array) -> Array:
    kept = (slice(before, n - after) for n, (before, after) in zip(x.shape[1:-1], layer.cropping, strict=True))
    return x[:, *kept]


@lowerings(TimeDistributed)
def _time_distributed(layer: TimeDistributed, params: Params, x: Array) -> Array:
    return at_every_step(x, lambda step: apply(layer.layer, params, step))


def at_every_step(x: Array, function: Callable[[Array], Array]) -> Array:
    """Apply a function with the steps counting as samples: (batch, steps, ...) -> (batch * steps, ...) and back."""
    batch, steps = x.shape[:2]
    y = function(x.reshape(batch * steps, *x.shape[2:]))
    return y.reshape(batch, steps, *y.shape[1:])

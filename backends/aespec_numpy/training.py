"""What layers do otherwise in a training step: ``(layer, params, x, rng) -> y``."""

# mypy: disable-error-code=no-any-return
# (NumPy's stubs say Any for the arithmetic of two arrays whose precision is open.)
from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from aespec.layers.latent import GaussianLatent
from aespec.layers.noise import Dropout, GaussianNoise, MaskingNoise
from aespec.layers.normalization import BatchNormalization
from aespec.layers.wrap import TimeDistributed
from aespec_numpy.layers import at_every_step, latent_moments, normalize
from aespec_numpy.table import Array, apply, in_training

__all__: list[str] = []

Params = Mapping[str, Array]
Generator = np.random.Generator


@in_training(Dropout)
def _dropout(layer: Dropout, params: Params, x: Array, rng: Generator) -> Array:
    return np.where(rng.random(x.shape) < layer.rate, 0, x / (1 - layer.rate))


@in_training(MaskingNoise)
def _masking_noise(layer: MaskingNoise, params: Params, x: Array, rng: Generator) -> Array:
    return np.where(rng.random(x.shape) < layer.rate, 0, x)


@in_training(GaussianNoise)
def _gaussian_noise(layer: GaussianNoise, params: Params, x: Array, rng: Generator) -> Array:
    return x + layer.stddev * rng.standard_normal(x.shape).astype(x.dtype)


@in_training(GaussianLatent)
def _gaussian_latent(layer: GaussianLatent, params: Params, x: Array, rng: Generator) -> Array:
    mean, log_var = latent_moments(params, x)
    return mean + np.exp(log_var / 2) * rng.standard_normal(mean.shape).astype(mean.dtype)


@in_training(BatchNormalization)
def _batch_normalization(layer: BatchNormalization, params: Params, x: Array, rng: Generator) -> Array:
    all_but_last = tuple(range(x.ndim - 1))
    return normalize(layer, params, x, x.mean(axis=all_but_last), x.var(axis=all_but_last))


@in_training(TimeDistributed)
def _time_distributed(layer: TimeDistributed, params: Params, x: Array, rng: Generator) -> Array:
    return at_every_step(x, lambda step: apply(layer.layer, params, step, rng=rng))

"""What layers do otherwise in a training step: ``(layer, params, x, rng) -> y``.

In the table `averaging` it is ``(layer, params, x) -> parameters``, the running averages by their short name.
"""

# mypy: disable-error-code=no-any-return
# (NumPy's stubs say Any for the arithmetic of two arrays whose precision is open.)
from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from aespec.layers import Layer
from aespec.layers.latent import GaussianLatent
from aespec.layers.noise import Dropout, GaussianNoise, MaskingNoise
from aespec.layers.normalization import BatchNormalization
from aespec.layers.wrap import TimeDistributed
from aespec_numpy.layers import at_every_step, latent_moments, normalize
from aespec_numpy.table import Array, Generator, apply, averaging, in_training

__all__ = ["Given", "running_averages"]

Params = Mapping[str, Array]


class Given:
    """Numbers that were drawn already, in place of a generator; each is asked for once."""

    def __init__(self, draw: Array) -> None:
        self._draw = draw

    def random(self, shape: tuple[int, ...]) -> Array:
        """The numbers, arranged in this shape."""
        return self._draw.reshape(shape)

    standard_normal = random


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
    return normalize(layer, params, x, *_batch_moments(x))


@averaging(BatchNormalization)
def _moving_moments(layer: BatchNormalization, params: Params, x: Array) -> dict[str, Array]:
    now = dict(zip(("moving_mean", "moving_variance"), _batch_moments(x), strict=True))
    return {name: layer.momentum * params[name] + (1 - layer.momentum) * now[name] for name in now}


def _batch_moments(x: Array) -> tuple[Array, Array]:
    """The mean and the biased variance of each channel, over all axes but the last."""
    all_but_last = tuple(range(x.ndim - 1))
    return x.mean(axis=all_but_last), x.var(axis=all_but_last)


@in_training(TimeDistributed)
def _time_distributed(layer: TimeDistributed, params: Params, x: Array, rng: Generator) -> Array:
    return at_every_step(x, lambda step: apply(layer.layer, params, step, rng=rng))


@averaging(TimeDistributed)
def _averages_of_steps(layer: TimeDistributed, params: Params, x: Array) -> dict[str, Array]:
    return running_averages(layer.layer, params, x.reshape(-1, *x.shape[2:]))


def running_averages(layer: Layer, params: Params, *inputs: Array) -> dict[str, Array]:
    """The running averages that a layer keeps, after a training step; none where it keeps none."""
    return averaging[layer](layer, params, *inputs) if type(layer) in averaging else {}

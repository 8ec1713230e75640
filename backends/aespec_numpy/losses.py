"""What training makes small: losses and regularizers.

A loss is ``(loss, t, y) -> number``, t the target and y the reconstruction. In the table `from_logits` it is
``(loss, t, z) -> number``, z what the activation was given whose value is y.

A regularizer is ``(regularizer, x) -> number`` for a batch x of what it looks at; a parameter is a batch of one.
`GaussianKL` is given two batches, the means and the log-variances.
"""

from __future__ import annotations

import math

import numpy as np

from aespec import losses, regularizers
from aespec_numpy.activations import log_softmax, softplus
from aespec_numpy.table import Array, from_logits, lowerings

__all__: list[str] = []


@lowerings(losses.BinaryCrossentropy)
def _binary_crossentropy(loss: losses.BinaryCrossentropy, t: Array, y: Array) -> float:
    y = np.clip(y, loss.epsilon, 1 - loss.epsilon)
    return float(np.mean(-t * np.log(y) - (1 - t) * np.log(1 - y)))


@from_logits(losses.BinaryCrossentropy)
def _binary_crossentropy_from_logits(loss: losses.BinaryCrossentropy, t: Array, z: Array) -> float:
    return float(np.mean(np.maximum(z, 0) - z * t + softplus(-np.abs(z))))


@lowerings(losses.CategoricalCrossentropy)
def _categorical_crossentropy(loss: losses.CategoricalCrossentropy, t: Array, y: Array) -> float:
    y = np.clip(y, loss.epsilon, 1 - loss.epsilon)
    return float(np.mean(-np.sum(t * np.log(y), axis=-1)))


@from_logits(losses.CategoricalCrossentropy)
def _categorical_crossentropy_from_logits(loss: losses.CategoricalCrossentropy, t: Array, z: Array) -> float:
    return float(np.mean(-np.sum(t * log_softmax(z), axis=-1)))


@lowerings(losses.MeanSquaredError)
def _mse(loss: losses.MeanSquaredError, t: Array, y: Array) -> float:
    return float(np.mean((t - y) ** 2))


@lowerings(losses.MeanAbsoluteError)
def _mae(loss: losses.MeanAbsoluteError, t: Array, y: Array) -> float:
    return float(np.mean(np.abs(t - y)))


@lowerings(losses.Huber)
def _huber(loss: losses.Huber, t: Array, y: Array) -> float:
    e = np.abs(t - y)
    return float(np.mean(np.where(e <= loss.delta, e**2 / 2, loss.delta * (e - loss.delta / 2))))


@lowerings(regularizers.L1)
def _l1(regularizer: regularizers.L1, x: Array) -> float:
    return regularizer.weight * _per_sample(np.abs(x))


@lowerings(regularizers.L2)
def _l2(regularizer: regularizers.L2, x: Array) -> float:
    return regularizer.weight * _per_sample(x**2)


@lowerings(regularizers.L1L2)
def _l1_l2(regularizer: regularizers.L1L2, x: Array) -> float:
    return regularizer.l1 * _per_sample(np.abs(x)) + regularizer.l2 * _per_sample(x**2)


@lowerings(regularizers.KLDivergence)
def _kl_divergence(regularizer: regularizers.KLDivergence, x: Array) -> float:
    p = regularizer.target
    q = np.clip(np.mean(x, axis=0), regularizer.EPSILON, 1 - regularizer.EPSILON)
    divergence = p * (math.log(p) - np.log(q)) + (1 - p) * (math.log(1 - p) - np.log(1 - q))
    return regularizer.weight * float(np.sum(divergence))


@lowerings(regularizers.GaussianKL)
def _gaussian_kl(regularizer: regularizers.GaussianKL, mean: Array, log_var: Array) -> float:
    return regularizer.weight * _per_sample((mean**2 + np.expm1(log_var, dtype="float64") - log_var) / 2)


def _per_sample(values: Array) -> float:
    """The sum over a sample's elements, meaned over the batch."""
    return float(np.sum(values)) / len(values)

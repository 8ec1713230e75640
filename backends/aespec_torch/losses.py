"""What training makes small: losses and regularizers.

A loss is ``(loss, t, y) -> scalar``, t the target and y the reconstruction. In the table `from_logits` it is
``(loss, t, z) -> scalar``, z what the activation was given whose value is y.

A regularizer is ``(regularizer, x) -> scalar`` for a batch x of what it looks at; a parameter is a batch of one.
`GaussianKL` is given two batches, the means and the log-variances.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from aespec import losses, regularizers
from aespec_torch.shares import mean_of_all
from aespec_torch.table import from_logits, lowerings

__all__: list[str] = []


@lowerings(losses.BinaryCrossentropy)
def _binary_crossentropy(loss: losses.BinaryCrossentropy, t: Tensor, y: Tensor) -> Tensor:
    y = y.clamp(loss.epsilon, 1 - loss.epsilon)
    return (-t * y.log() - (1 - t) * (1 - y).log()).mean()


@from_logits(losses.BinaryCrossentropy)
def _binary_crossentropy_from_logits(loss: losses.BinaryCrossentropy, t: Tensor, z: Tensor) -> Tensor:
    return F.binary_cross_entropy_with_logits(z, t)


@lowerings(losses.CategoricalCrossentropy)
def _categorical_crossentropy(loss: losses.CategoricalCrossentropy, t: Tensor, y: Tensor) -> Tensor:
    return (-t * y.clamp(loss.epsilon, 1 - loss.epsilon).log()).sum(-1).mean()


@from_logits(losses.CategoricalCrossentropy)
def _categorical_crossentropy_from_logits(loss: losses.CategoricalCrossentropy, t: Tensor, z: Tensor) -> Tensor:
    return F.cross_entropy(z.flatten(0, -2), t.flatten(0, -2))


@lowerings(losses.MeanSquaredError)
def _mse(loss: losses.MeanSquaredError, t: Tensor, y: Tensor) -> Tensor:
    return F.mse_loss(y, t)


@lowerings(losses.MeanAbsoluteError)
def _mae(loss: losses.MeanAbsoluteError, t: Tensor, y: Tensor) -> Tensor:
    return F.l1_loss(y, t)


@lowerings(losses.Huber)
def _huber(loss: losses.Huber, t: Tensor, y: Tensor) -> Tensor:
    return F.huber_loss(y, t, delta=loss.delta)


@lowerings(regularizers.L1)
def _l1(regularizer: regularizers.L1, x: Tensor) -> Tensor:
    return regularizer.weight * _per_sample(x.abs())


@lowerings(regularizers.L2)
def _l2(regularizer: regularizers.L2, x: Tensor) -> Tensor:
    return regularizer.weight * _per_sample(x.square())


@lowerings(regularizers.L1L2)
def _l1_l2(regularizer: regularizers.L1L2, x: Tensor) -> Tensor:
    return _per_sample(regularizer.l1 * x.abs() + regularizer.l2 * x.square())


@lowerings(regularizers.KLDivergence)
def _kl_divergence(regularizer: regularizers.KLDivergence, x: Tensor) -> Tensor:
    p = regularizer.target
    q = mean_of_all(x.mean(0)).clamp(regularizer.EPSILON, 1 - regularizer.EPSILON)
    divergence = p * (math.log(p) - q.log()) + (1 - p) * (math.log(1 - p) - (1 - q).log())
    return regularizer.weight * divergence.sum()


@lowerings(regularizers.GaussianKL)
def _gaussian_kl(regularizer: regularizers.GaussianKL, mean: Tensor, log_var: Tensor) -> Tensor:
    beyond: Tensor = _ExpBeyondLine.apply(log_var)  # type: ignore[no-untyped-call]  # torch states no types
    return regularizer.weight * _per_sample((mean.square() + beyond) / 2)


class _ExpBeyondLine(torch.autograd.Function):
    """``exp(x) - 1 - x``, by its series near zero, where the terms cancel. Not every device has float64 for that."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """The value."""
        slope = torch.expm1(x)
        ctx.save_for_backward(slope)
        near = x.abs() < 0.25
        small = torch.where(near, x, 0.0)
        series = torch.zeros_like(x)
        for n in range(11, 1, -1):
            series.mul_(small).add_(1 / math.factorial(n))
        return torch.where(near, small.square_().mul_(series), slope - x)

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> Tensor:
        """``exp(x) - 1`` times the slope of what is made of the value."""
        (own,) = ctx.saved_tensors
        product: Tensor = slope * own
        return product


def _per_sample(values: Tensor) -> Tensor:
    """The sum over a sample's elements, meaned over the batch."""
    return values.sum() / len(values)

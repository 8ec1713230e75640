"""Normalizations over the last axis."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aespec_torch.modules.base import Described
from aespec_torch.shares import mean_of_all

__all__ = ["BatchNormalization", "LayerNormalization"]


class BatchNormalization(Described):
    """Batch normalization of each channel, over all other axes.

    Two things are not as in ``torch.nn.BatchNorm1d``: the running variance is the biased one, and a batch of
    a single sample is allowed, since the last batch of an epoch may be one.

    Args:
        channels: Length of the last axis.
        momentum: Share of the running averages that a step keeps: one minus torch's.
        epsilon: Added to the variance.
        scale: Multiply by a weight.
        center: Add a bias.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int, momentum: float, epsilon: float, *, scale: bool, center: bool) -> None:
        super().__init__()
        self.momentum, self.epsilon = momentum, epsilon
        self.weight = nn.Parameter(torch.ones(channels)) if scale else None
        self.bias = nn.Parameter(torch.zeros(channels)) if center else None
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        """(batch, ..., channels) -> the same; computed in the precision of the averages, however coarse the input."""
        given, x = x.dtype, x.to(self.running_mean.dtype)
        if self.training:
            axes = tuple(range(x.ndim - 1))
            mean = mean_of_all(x.mean(axes))
            var = mean_of_all((x - mean).square().mean(axes))
            with torch.no_grad():
                self.running_mean.lerp_(mean, 1 - self.momentum)
                self.running_var.lerp_(var, 1 - self.momentum)
        else:
            mean, var = self.running_mean, self.running_var
        scale = torch.rsqrt(var + self.epsilon)
        y = (x - mean) * (scale if self.weight is None else scale * self.weight)
        return (y if self.bias is None else y + self.bias).to(given)


class LayerNormalization(nn.LayerNorm):
    """Layer normalization over the last axis, with a weight, a bias, both or neither."""

    def __init__(self, features: int, epsilon: float, *, scale: bool, center: bool) -> None:
        super().__init__(features, epsilon, bias=center)
        if not scale:
            self.register_parameter("weight", None)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, ..., features) -> the same."""
        return F.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)

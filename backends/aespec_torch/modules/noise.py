"""Modules that draw random numbers in training, from torch's global generator as torch's own dropout does."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from aespec_torch.modules.base import Described

__all__ = ["GaussianLatent", "GaussianNoise", "MaskingNoise"]


class GaussianNoise(Described):
    """Adds normal noise in training."""

    def __init__(self, stddev: float) -> None:
        super().__init__()
        self.stddev = stddev

    def forward(self, x: Tensor) -> Tensor:
        """Any shape -> the same."""
        return x + self.stddev * torch.randn_like(x) if self.training else x


class MaskingNoise(Described):
    """Sets a fraction of the values to zero in training and leaves the rest alone."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        """Any shape -> the same."""
        return x * (torch.rand_like(x) >= self.rate) if self.training else x


class GaussianLatent(nn.Module):
    """A code drawn from a normal in training, its mean otherwise."""

    def __init__(self, features: int, units: int) -> None:
        super().__init__()
        self.mean = nn.Linear(features, units)
        self.log_var = nn.Linear(features, units)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, ..., features) -> (batch, ..., units)."""
        return self.draw(*self.moments(x))

    def moments(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The mean and the logarithm of the variance."""
        return self.mean(x), self.log_var(x)

    def draw(self, mean: Tensor, log_var: Tensor, noise: Tensor | None = None) -> Tensor:
        """A code from these moments: what ``forward`` gives, or, in training, the code that this normal noise makes."""
        if not self.training:
            return mean
        return mean + torch.exp(log_var / 2) * (torch.randn_like(mean) if noise is None else noise)

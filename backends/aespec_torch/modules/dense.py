"""The fully connected layer that uses another's weight."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["Transposed"]


class Transposed(nn.Linear):
    """A linear layer whose weight is stored as (in, out): the weight of a layer that goes the other way."""

    def __init__(self, features: int, units: int, *, bias: bool) -> None:
        super().__init__(features, units, bias=bias)
        self.weight = nn.Parameter(self.weight.t())

    def forward(self, x: Tensor) -> Tensor:
        """(batch, ..., features) -> (batch, ..., units)."""
        return F.linear(x, self.weight.t(), self.bias)

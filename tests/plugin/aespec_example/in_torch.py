"""Pooling by attention in PyTorch."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from aespec.layers.base import known
from aespec.shapes import Shape
from aespec_example import attention_pool as kinds


class AttentionPool(nn.Module):
    """The mean of all steps, each weighted by how well it matches the query."""

    def __init__(self, features: int, temperature: float) -> None:
        super().__init__()
        self.query = nn.Parameter(torch.zeros(features, 1))
        self.temperature = temperature

    def forward(self, x: Tensor) -> Tensor:
        """(batch, steps, features) -> (batch, features)."""
        weights = torch.softmax(x @ self.query / self.temperature, dim=1)
        return (weights * x).sum(dim=1)


def attention_pool(layer: kinds.AttentionPool, x: Shape) -> nn.Module:
    """The module; its parameter is found by its name."""
    return AttentionPool(known(x, 1, "features"), layer.temperature)

"""Means over a batch of which this process has a share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

__all__ = ["mean_of_all", "share", "shared"]

_share: float | None = None


@contextmanager
def shared(part: float) -> Iterator[None]:
    """Batches are that part of what all processes together are given."""
    global _share
    _share = part
    try:
        yield
    finally:
        _share = None


def share() -> float:
    """The part of each batch that this process is given."""
    return 1.0 if _share is None else _share


def mean_of_all(mean: Tensor) -> Tensor:
    """The mean over a whole batch, of the mean over this process's share; differentiable."""
    if _share is None:
        return mean
    total: Tensor = _Sum.apply(mean * _share)  # type: ignore[no-untyped-call]
    return total


class _Sum(torch.autograd.Function):
    """The sum over all processes. Each process's loss is a function of it, so its gradient is a sum too."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        """The sum."""
        total = x.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> Tensor:
        """The sum of the slopes."""
        total = slope.clone()
        dist.all_reduce(total)
        return total

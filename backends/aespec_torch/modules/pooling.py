"""Poolings that take and give channels last."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

from aespec.shapes import same_padding
from aespec_torch.modules.base import Described

__all__ = ["GlobalAveragePool", "Pool"]


_POOLINGS: dict[tuple[str, int], Callable[..., Tensor]] = {
    ("max", 1): F.max_pool1d,
    ("max", 2): F.max_pool2d,
    ("average", 1): partial(F.avg_pool1d, count_include_pad=False),
    ("average", 2): partial(F.avg_pool2d, count_include_pad=False),
}


class Pool(Described):
    """Pools windows over all axes between the batch and the channels.

    torch pads both sides of an axis alike, and leaves padding out of maxima and means. That is ``same`` once it
    rounds lengths up, so that the last window may reach further; where every position starts a window (a stride
    of 1) it has to pad both sides by the longer one instead, and the windows that start too early are dropped.

    Args:
        kind: Which value of a window.
        size: Extent of the window, for each axis.
        stride: Step between windows, for each axis.
        same: Whether windows may reach beyond the ends.
    """

    def __init__(
        self, kind: Literal["max", "average"], size: tuple[int, ...], stride: tuple[int, ...], *, same: bool
    ) -> None:
        super().__init__()
        self.kind, self.size, self.stride, self.same = kind, size, stride, same

    def forward(self, x: Tensor) -> Tensor:
        """(batch, spatial..., channels) -> (batch, fewer..., channels)."""
        padding, early = [], []
        for n, size, stride in zip(x.shape[1:-1], self.size, self.stride, strict=True):
            before, after = same_padding(n, size, stride) if self.same else (0, 0)
            early.append(after - before if stride == 1 else 0)
            padding.append(before + early[-1])
        y = _POOLINGS[self.kind, len(self.size)](
            x.movedim(-1, 1), kernel_size=self.size, stride=self.stride, padding=tuple(padding), ceil_mode=self.same
        ).movedim(1, -1)
        return y[(slice(None), *(slice(n, None) for n in early))] if any(early) else y


class GlobalAveragePool(nn.Module):
    """The mean over all axes between the batch and the channels."""

    def forward(self, x: Tensor) -> Tensor:
        """(batch, spatial..., channels) -> (batch, channels)."""
        return x.mean(tuple(range(1, x.ndim - 1)))

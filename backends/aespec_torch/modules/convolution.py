"""Convolutions that take and give channels last.

Permuting such a tensor gives torch's ``channels_last`` memory format, without a copy:
https://docs.pytorch.org/tutorials/intermediate/memory_format_tutorial.html
"""

from __future__ import annotations

from itertools import chain

import torch.nn.functional as F
from torch import Tensor, nn

from aespec.shapes import same_padding

__all__ = ["Conv1d", "Conv2d", "ConvTranspose1d", "ConvTranspose2d"]


class Conv1d(nn.Conv1d):
    """A convolution over (batch, steps, channels). ``same`` pads by Keras's rule, at any stride."""

    def __init__(
        self,
        channels: int,
        filters: int,
        size: tuple[int, ...],
        stride: tuple[int, ...],
        dilation: tuple[int, ...],
        *,
        same: bool,
        bias: bool,
    ) -> None:
        super().__init__(channels, filters, size, stride, dilation=dilation, bias=bias)
        self.same = same

    def forward(self, x: Tensor) -> Tensor:
        """(batch, steps, channels) -> (batch, steps, filters)."""
        x, padding = _pad(self, x)
        y = F.conv1d(x.movedim(-1, 1), self.weight, self.bias, self.stride, padding, self.dilation)
        return y.movedim(1, -1)


class Conv2d(nn.Conv2d):
    """A convolution over (batch, height, width, channels). ``same`` pads by Keras's rule, at any stride."""

    def __init__(
        self,
        channels: int,
        filters: int,
        size: tuple[int, ...],
        stride: tuple[int, ...],
        dilation: tuple[int, ...],
        *,
        same: bool,
        bias: bool,
    ) -> None:
        super().__init__(channels, filters, size, stride, dilation=dilation, bias=bias)
        self.same = same

    def forward(self, x: Tensor) -> Tensor:
        """(batch, height, width, channels) -> (batch, height, width, filters)."""
        x, padding = _pad(self, x)
        y = F.conv2d(x.movedim(-1, 1), self.weight, self.bias, self.stride, padding, self.dilation)
        return y.movedim(1, -1)

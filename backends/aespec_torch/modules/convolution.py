"""Convolutions that take and give channels last.

Permuting such a tensor gives torch's ``channels_last`` memory format, without a copy:
https://docs.pytorch.org/tutorials/intermediate/memory_format_tutorial.html
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from aespec.shapes import same_padding

__all__ = ["Conv1d", "Conv2d", "ConvTranspose1d", "ConvTranspose2d"]


class Conv1d(nn.Conv1d):
    """A convolution over (batch, steps, channels)."""

    same = False
    """Pad with zeros so that the output is the input's length divided by the stride, rounded up."""

    def forward(self, x: Tensor) -> Tensor:
        """(batch, steps, channels) -> (batch, steps, filters)."""
        x, padding = _pad(x, self) if self.same else (x, 0)
        return F.conv1d(x.movedim(-1, 1), self.weight, self.bias, self.stride, padding, self.dilation).movedim(1, -1)

    def extra_repr(self) -> str:
        """See ``torch.nn.Module``."""
        return f"{super().extra_repr()}, same={self.same}"  # type: ignore[no-untyped-call]  # torch states no types


class Conv2d(nn.Conv2d):
    """A convolution over (batch, height, width, channels)."""

    same = False
    """Pad with zeros so that the output is the input's size divided by the stride, rounded up."""

    def forward(self, x: Tensor) -> Tensor:
        """(batch, height, width, channels) -> (batch, height, width, filters)."""
        x, padding = _pad(x, self) if self.same else (x, 0)
        return F.conv2d(x.movedim(-1, 1), self.weight, self.bias, self.stride, padding, self.dilation).movedim(1, -1)

    def extra_repr(self) -> str:
        """See ``torch.nn.Module``."""
        return f"{super().extra_repr()}, same={self.same}"  # type: ignore[no-untyped-call]  # torch states no types


class ConvTranspose1d(nn.ConvTranspose1d):
    """A transposed convolution over (batch, steps, channels)."""

    crop: tuple[int, ...] = (0,)
    """Positions to drop at the end of each spatial axis."""

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        """(batch, steps, channels) -> (batch, steps, filters)."""
        return _cropped(super().forward(x.movedim(-1, 1), output_size).movedim(1, -1), self.crop)


class ConvTranspose2d(nn.ConvTranspose2d):
    """A transposed convolution over (batch, height, width, channels)."""

    crop: tuple[int, ...] = (0, 0)
    """Positions to drop at the end of each spatial axis."""

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        """(batch, height, width, channels) -> (batch, height, width, filters)."""
        return _cropped(super().forward(x.movedim(-1, 1), output_size).movedim(1, -1), self.crop)


def _pad(x: Tensor, conv: nn.Conv1d | nn.Conv2d) -> tuple[Tensor, tuple[int, ...]]:
    """The padding on both sides of each spatial axis; where the sides differ, it is done here."""
    windows = zip(x.shape[1:-1], conv.kernel_size, conv.stride, conv.dilation, strict=True)
    margins = [same_padding(n, size, stride, dilation) for n, size, stride, dilation in windows]
    if all(before == after for before, after in margins):
        return x, tuple(before for before, _ in margins)
    outwards = [side for margin in reversed(margins) for side in margin]  # torch counts axes from the last one
    return F.pad(x, [0, 0, *outwards]), (0,) * len(margins)


def _cropped(x: Tensor, crop: tuple[int, ...]) -> Tensor:
    return x[(slice(None), *(slice(-end or None) for end in crop))] if any(crop) else x

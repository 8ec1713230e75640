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
    """A convolution over (batch, steps, channels), as one of pictures of height 1: torch is faster at these."""

    same = False
    """Pad with zeros so that the output is the input's length divided by the stride, rounded up."""

    def forward(self, x: Tensor) -> Tensor:
        """(batch, steps, channels) -> (batch, steps, filters)."""
        x, weight, (padding,) = _pad(x, self) if self.same else (x, self.weight, (0,))
        stride, dilation = (1, *self.stride), (1, *self.dilation)
        y = F.conv2d(x.movedim(-1, 1).unsqueeze(2), weight.unsqueeze(2), self.bias, stride, (0, padding), dilation)
        return y.squeeze(2).movedim(1, -1)

    def extra_repr(self) -> str:
        """See ``torch.nn.Module``."""
        return f"{super().extra_repr()}, same={self.same}"  # type: ignore[no-untyped-call]  # torch states no types


class Conv2d(nn.Conv2d):
    """A convolution over (batch, height, width, channels)."""

    same = False
    """Pad with zeros so that the output is the input's size divided by the stride, rounded up."""

    def forward(self, x: Tensor) -> Tensor:
        """(batch, height, width, channels) -> (batch, height, width, filters)."""
        x, weight, padding = _pad(x, self) if self.same else (x, self.weight, (0, 0))
        return F.conv2d(x.movedim(-1, 1), weight, self.bias, self.stride, padding, self.dilation).movedim(1, -1)

    def extra_repr(self) -> str:
        """See ``torch.nn.Module``."""
        return f"{super().extra_repr()}, same={self.same}"  # type: ignore[no-untyped-call]  # torch states no types


class ConvTranspose1d(nn.ConvTranspose1d):
    """A transposed convolution over (batch, steps, channels), as one of pictures of height 1."""

    crop: tuple[int, ...] = (0,)
    """Positions to drop at the end of each spatial axis."""

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]  # the size of the output is settled
        """(batch, steps, channels) -> (batch, steps, filters)."""
        y = F.conv_transpose2d(
            x.movedim(-1, 1).unsqueeze(2),
            self.weight.unsqueeze(2),
            self.bias,
            (1, *self.stride),
            (0, *self.padding),
            (0, *self.output_padding),
            dilation=(1, *self.dilation),
        )
        return _cropped(y.squeeze(2).movedim(1, -1), self.crop)


class ConvTranspose2d(nn.ConvTranspose2d):
    """A transposed convolution over (batch, height, width, channels)."""

    crop: tuple[int, ...] = (0, 0)
    """Positions to drop at the end of each spatial axis."""

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        """(batch, height, width, channels) -> (batch, height, width, filters)."""
        return _cropped(super().forward(x.movedim(-1, 1), output_size).movedim(1, -1), self.crop)


def _pad(x: Tensor, conv: nn.Conv1d | nn.Conv2d) -> tuple[Tensor, Tensor, tuple[int, ...]]:
    """What is convolved, with what, and the padding on both sides of each spatial axis.

    Where the sides differ, zeros are added to the kernel's front, which moves it by as much and copies less than adding
    them to the input; with dilation, where a zero would move it too far, to the input.
    """
    windows = zip(x.shape[1:-1], conv.kernel_size, conv.stride, conv.dilation, strict=True)
    margins = [same_padding(n, size, stride, dilation) for n, size, stride, dilation in windows]
    if all(before == after for before, after in margins):
        return x, conv.weight, tuple(before for before, _ in margins)
    if all(dilation == 1 for dilation in conv.dilation):  # torch counts axes from the last one
        moved = [side for before, after in reversed(margins) for side in (after - before, 0)]
        return x, F.pad(conv.weight, moved), tuple(after for _, after in margins)
    outwards = [side for margin in reversed(margins) for side in margin]
    return F.pad(x, [0, 0, *outwards]), conv.weight, (0,) * len(margins)


def _cropped(x: Tensor, crop: tuple[int, ...]) -> Tensor:
    return x[(slice(None), *(slice(-end or None) for end in crop))] if any(crop) else x

"""Modules that move values: other axes, other orders, repeated, cropped, filled up, step by step."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from aespec_torch.modules.base import Described

__all__ = ["Crop", "Permute", "Repeat", "RepeatVector", "Reshape", "TimeDistributed", "ZeroPad"]


class Reshape(Described):
    """Other axes for the values of each sample."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, x: Tensor) -> Tensor:
        """(batch, ...) -> (batch, *shape)."""
        return x.reshape(x.shape[0], *self.shape)


class Permute(Described):
    """The axes of each sample in another order, counted from 1."""

    def __init__(self, dims: tuple[int, ...]) -> None:
        super().__init__()
        self.dims = dims

    def forward(self, x: Tensor) -> Tensor:
        """Axis i of the output is axis dims[i - 1] of the input."""
        return x.permute(0, *self.dims)


class RepeatVector(Described):
    """A vector, the same at each of n steps."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self.n = n

    def forward(self, x: Tensor) -> Tensor:
        """(batch, features) -> (batch, n, features)."""
        return x.unsqueeze(1).expand(-1, self.n, -1)


class Repeat(Described):
    """Each position repeated, along the axes that follow the batch."""

    def __init__(self, times: tuple[int, ...]) -> None:
        super().__init__()
        self.times = times

    def forward(self, x: Tensor) -> Tensor:
        """(batch, spatial..., channels) -> (batch, more..., channels)."""
        for axis, times in enumerate(self.times, start=1):
            x = x.repeat_interleave(times, dim=axis) if times > 1 else x
        return x


class ZeroPad(Described):
    """Zeros before and after each of the axes that follow the batch."""

    def __init__(self, margins: tuple[tuple[int, int], ...]) -> None:
        super().__init__()
        self.margins = margins

    def forward(self, x: Tensor) -> Tensor:
        """(batch, spatial..., channels) -> (batch, more..., channels)."""
        return F.pad(x, [0, 0, *(side for margin in reversed(self.margins) for side in margin)])


class Crop(Described):
    """The ends of each of the axes that follow the batch dropped."""

    def __init__(self, margins: tuple[tuple[int, int], ...]) -> None:
        super().__init__()
        self.margins = margins

    def forward(self, x: Tensor) -> Tensor:
        """(batch, spatial..., channels) -> (batch, fewer..., channels)."""
        return x[(slice(None), *(slice(before, -after or None) for before, after in self.margins))]


class TimeDistributed(nn.Module):
    """A module applied at every step: the steps count as samples."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        """(batch, steps, ...) -> (batch, steps, what the module gives)."""
        y: Tensor = self.layer(x.flatten(0, 1))
        return y.reshape(*x.shape[:2], *y.shape[1:])

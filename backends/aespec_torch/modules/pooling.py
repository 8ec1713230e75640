"""Poolings that take and give channels last."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from aespec_torch.modules.base import Described

from aespec.shapes import same_padding

__all__ = ["GlobalAveragePool", "Pool"]


class Pool(Described):
    """Pools windows over all axes between the batch and the channels.

    ``same`` pads as little as the last window needs, half of it before. torch does just that when it is told to
    round lengths up and to pad by what comes before: the rest lies beyond the end, where nothing counts.

    Args:
        function: One of ``torch.nn.functional``'s poolings, over channels first.
        size: Extent of the window, for each axis.
        stride: Step between windows, for each axis.
        same: Whether windows may reach beyond the ends.
    """

    def __init__(
        self, function: Callable[..., Tensor], size: tuple[int, ...], stride: tuple[int, ...], *, same: bool
    ) -> None:
        super().__init__()
        self.function, self.size, self.stride, self.same = function, size, stride, same

    def forward(self, x: Tensor) -> Tensor:
        """(batch, spatial..., channels) -> (batch, fewer..., channels)."""
        windows = zip(x.shape[1:-1], self.size, self.stride, strict=True)
        padding = tuple(same_padding(*window)[0] if self.same else 0 for window in windows)
        y = self.function(
            x.movedim(-1, 1), kernel_size=self.size, stride=self.stride, padding=padding, ceil_mode=self.same
        )
        return y.movedim(1, -1)


class GlobalAveragePool(nn.Module):
    """The mean over all axes between the batch and the channels."""

    def forward(self, x: Tensor) -> Tensor:
        """(batch, spatial..., channels) -> (batch, channels)."""
        return x.mean(tuple(range(1, x.ndim - 1)))

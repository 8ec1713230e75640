"""Recurrent layers with Keras's parameters, on torch's fused kernels."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from aespec_torch.modules.base import Described

__all__ = ["GRU", "LSTM", "MERGES", "Bidirectional"]


class LSTM(nn.LSTM):
    """An LSTM with one bias, over (batch, steps, features).

    torch's kernel wants a second bias: it is a buffer of zeros, neither trained nor saved.
    """

    bias_hh_l0: Tensor

    def __init__(self, features: int, units: int, *, sequences: bool, bias: bool) -> None:
        super().__init__(features, units, bias=bias, batch_first=True)
        self.sequences = sequences
        if bias:
            del self.bias_hh_l0
            self.register_buffer("bias_hh_l0", None, persistent=False)
            self.bias_hh_l0 = torch.zeros(4 * units)  # assigned, so that the list handed to the kernel has it too

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]  # a layer of a chain gives one tensor
        """The output of every step, or of the last."""
        steps, (last, _) = super().forward(x)
        return steps if self.sequences else last[0]


class GRU(nn.GRU):
    """A GRU over (batch, steps, features)."""

    def __init__(self, features: int, units: int, *, sequences: bool, bias: bool) -> None:
        super().__init__(features, units, bias=bias, batch_first=True)
        self.sequences = sequences

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]  # a layer of a chain gives one tensor
        """The output of every step, or of the last."""
        steps, last = super().forward(x)
        return steps if self.sequences else last[0]


MERGES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "concat": lambda a, b: torch.cat([a, b], dim=-1),
    "sum": torch.add,
    "mul": torch.mul,
    "ave": lambda a, b: (a + b) / 2,
}
"""How the outputs of two directions become one."""


class Bidirectional(Described):
    """Two layers, one of which reads the steps from the end.

    Args:
        forward_layer: Reads from the first step.
        backward_layer: Reads from the last step; its outputs are put back into the order of the input's.
        merge: A key of `MERGES`.
        sequences: Whether the layers give the output of every step.
    """

    def __init__(self, forward_layer: nn.Module, backward_layer: nn.Module, merge: str, *, sequences: bool) -> None:
        super().__init__()
        self.forward_layer, self.backward_layer = forward_layer, backward_layer
        self.merge, self.sequences = merge, sequences

    def forward(self, x: Tensor) -> Tensor:
        """(batch, steps, features) -> what the layers give, merged."""
        ahead, back = self.forward_layer(x), self.backward_layer(x.flip(1))
        return MERGES[self.merge](ahead, back.flip(1) if self.sequences else back)

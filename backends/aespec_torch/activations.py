"""The lowerings of the activations, ``(activation) -> module``, each with its constants stated."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from aespec import activations as a
from aespec_torch.table import lowerings

__all__ = ["Celu", "Exponential", "HardSigmoid"]

STOCK: dict[type[a.Activation], type[nn.Module]] = {
    a.Linear: nn.Identity,
    a.Relu: nn.ReLU,
    a.Relu6: nn.ReLU6,
    a.Selu: nn.SELU,
    a.Silu: nn.SiLU,
    a.Mish: nn.Mish,
    a.Sigmoid: nn.Sigmoid,
    a.HardSilu: nn.Hardswish,
    a.LogSigmoid: nn.LogSigmoid,
    a.Tanh: nn.Tanh,
    a.HardTanh: nn.Hardtanh,
    a.TanhShrink: nn.Tanhshrink,
    a.Softsign: nn.Softsign,
}
"""torch's modules that have the meaning wanted and no constants to state."""


class HardSigmoid(nn.Module):
    """``relu6(x + 3) / 6``. The slope of torch's own is a sixth in float32, also in float64."""

    def forward(self, x: Tensor) -> Tensor:
        """Any shape -> the same."""
        return nn.functional.relu6(x + 3) / 6


class Celu(nn.Module):
    """``max(x, 0) + min(alpha * (exp(x / alpha) - 1), 0)``. The slope of torch's own takes alpha rounded to float32."""

    def __init__(self, alpha: float) -> None:
        super().__init__()
        self.alpha = alpha

    def forward(self, x: Tensor) -> Tensor:
        """Any shape -> the same."""
        return torch.where(x > 0, x, self.alpha * torch.expm1(torch.clamp(x, max=0) / self.alpha))


class Exponential(nn.Module):
    """``exp(x)``."""

    def forward(self, x: Tensor) -> Tensor:
        """Any shape -> the same."""
        return torch.exp(x)


@lowerings(*STOCK)
def _stock(activation: a.Activation) -> nn.Module:
    return STOCK[type(activation)]()


@lowerings(a.LeakyRelu)
def _leaky_relu(activation: a.LeakyRelu) -> nn.Module:
    return nn.LeakyReLU(activation.negative_slope)


@lowerings(a.Elu)
def _elu(activation: a.Elu) -> nn.Module:
    return nn.ELU(activation.alpha)


@lowerings(a.Celu)
def _celu(activation: a.Celu) -> nn.Module:
    return nn.CELU() if activation.alpha == 1 else Celu(activation.alpha)


@lowerings(a.Gelu)
def _gelu(activation: a.Gelu) -> nn.Module:
    return nn.GELU("tanh" if activation.approximate else "none")


@lowerings(a.Softplus)
def _softplus(activation: a.Softplus) -> nn.Module:
    return nn.Softplus(threshold=40)  # where torch goes over to x: its own 20 is 2e-9 off, too much for float64


@lowerings(a.HardSigmoid)
def _hard_sigmoid(activation: a.HardSigmoid) -> nn.Module:
    return HardSigmoid()


@lowerings(a.Exponential)
def _exponential(activation: a.Exponential) -> nn.Module:
    return Exponential()


@lowerings(a.Softmax)
def _softmax(activation: a.Softmax) -> nn.Module:
    return nn.Softmax(-1)


@lowerings(a.LogSoftmax)
def _log_softmax(activation: a.LogSoftmax) -> nn.Module:
    return nn.LogSoftmax(-1)

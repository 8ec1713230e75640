"""What stock PyTorch lacks, or has with another meaning: parts of ejected files, which are copied as they stand.

Nothing imports this module. It is written for lines of 88 columns, and its imports are those of ejected files.
"""
# A reader of a copy wants no more docstrings than these; some imports are for what else is in a file.
# ruff: noqa: D102, F401
# mypy: ignore-errors

import copy
import math
from collections import OrderedDict

import torch
import torch.nn.functional as F
from safetensors.numpy import load_file
from torch import Tensor, nn


class Reshape(nn.Module):
    """Other axes for the values of each sample."""

    def __init__(self, *shape: int) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, x: Tensor) -> Tensor:
        return x.reshape(len(x), *self.shape)


class Permute(nn.Module):
    """The axes in another order, the batch axis being 0."""

    def __init__(self, *axes: int) -> None:
        super().__init__()
        self.axes = axes

    def forward(self, x: Tensor) -> Tensor:
        return x.permute(self.axes)


class RepeatVector(nn.Module):
    """A vector, the same at each of n steps."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self.n = n

    def forward(self, x: Tensor) -> Tensor:
        return x.unsqueeze(1).expand(-1, self.n, -1)


class TimeDistributed(nn.Sequential):
    """Modules applied at every step: the steps count as samples."""

    def forward(self, x: Tensor) -> Tensor:
        y = super().forward(x.flatten(0, 1))
        return y.reshape(*x.shape[:2], *y.shape[1:])


class SamePad(nn.Module):
    """Fills both ends up, so that strided windows see all of an input of any size."""

    def __init__(self, window: tuple[int, ...], stride: tuple[int, ...], value=0.0):
        super().__init__()
        self.window, self.stride, self.value = window, stride, value

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, spatial...) -> the same, longer."""
        sides = []
        axes = zip(x.shape[2:], self.window, self.stride, strict=True)
        for n, window, stride in axes:
            lacking = max((-(-n // stride) - 1) * stride + window - n, 0)
            sides = [lacking // 2, lacking - lacking // 2, *sides]  # last axis first
        return F.pad(x, sides, value=self.value)


class TiedLinear(nn.Module):
    """A linear layer with the weight of another, transposed, and a bias of its own."""

    def __init__(self, source: nn.Linear, bias: bool = True) -> None:
        super().__init__()
        self.weight = source.weight
        self.bias = nn.Parameter(torch.zeros(source.in_features)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight.T, self.bias)


def tied(layer: nn.Module, source: nn.Module) -> nn.Module:
    """The layer, with the weight of the other."""
    layer.weight = source.weight
    return layer


class LSTM(nn.LSTM):
    """An LSTM that gives the output of every step or of the last.

    It has one bias, as in Keras: the second that torch's kernel wants stays zero.
    """

    def __init__(self, features: int, units: int, sequences: bool = False, **more):
        super().__init__(features, units, batch_first=True, **more)
        self.sequences = sequences
        if self.bias:
            del self.bias_hh_l0
            self.register_buffer("bias_hh_l0", None, persistent=False)
            self.bias_hh_l0 = torch.zeros(4 * units)

    def forward(self, x: Tensor) -> Tensor:
        steps, (last, _) = super().forward(x)
        return steps if self.sequences else last[0]


class GRU(nn.GRU):
    """A GRU that gives the output of every step or of the last."""

    def __init__(self, features: int, units: int, sequences: bool = False, **more):
        super().__init__(features, units, batch_first=True, **more)
        self.sequences = sequences

    def forward(self, x: Tensor) -> Tensor:
        steps, last = super().forward(x)
        return steps if self.sequences else last[0]


class Bidirectional(nn.Module):
    """Two layers, one of which reads the steps from the end, and their outputs merged."""

    def __init__(self, forward_layer, backward_layer, merge: str = "concat") -> None:
        super().__init__()
        self.forward_layer, self.backward_layer = forward_layer, backward_layer
        self.merge = merge

    def forward(self, x: Tensor) -> Tensor:
        ahead, back = self.forward_layer(x), self.backward_layer(x.flip(1))
        if self.backward_layer.sequences:
            back = back.flip(1)
        if self.merge == "concat":
            return torch.cat([ahead, back], -1)
        if self.merge == "mul":
            return ahead * back
        return ahead + back if self.merge == "sum" else (ahead + back) / 2


class BatchNorm(nn.Module):
    """Batch normalization of axis 1, over all others.

    Not as in torch's own: the running variance is the biased one, momentum is the share
    that a step keeps, and a batch may be a single sample.
    """

    def __init__(
        self,
        channels: int,
        momentum: float,
        eps: float,
        scale: bool = True,
        center: bool = True,
    ) -> None:
        super().__init__()
        self.momentum, self.eps = momentum, eps
        self.weight = nn.Parameter(torch.ones(channels)) if scale else None
        self.bias = nn.Parameter(torch.zeros(channels)) if center else None
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        mean, var = self.running_mean, self.running_var
        if self.training:
            axes = [axis for axis in range(x.ndim) if axis != 1]
            mean, var = x.mean(axes), x.var(axes, correction=0)
            with torch.no_grad():
                self.running_mean.lerp_(mean, 1 - self.momentum)
                self.running_var.lerp_(var, 1 - self.momentum)
        scale = torch.rsqrt(var + self.eps)
        if self.weight is not None:
            scale = scale * self.weight
        shift = -mean * scale if self.bias is None else self.bias - mean * scale
        along = (-1, *[1] * (x.ndim - 2))
        return x * scale.view(along) + shift.view(along)


class CenteredLayerNorm(nn.LayerNorm):
    """Layer normalization with a bias alone."""

    def __init__(self, features: int, eps: float) -> None:
        super().__init__(features, eps, elementwise_affine=False)
        self.bias = nn.Parameter(torch.zeros(features))

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) + self.bias


class GaussianNoise(nn.Module):
    """Adds normal noise in training."""

    def __init__(self, stddev: float) -> None:
        super().__init__()
        self.stddev = stddev

    def forward(self, x: Tensor) -> Tensor:
        return x + self.stddev * torch.randn_like(x) if self.training else x


class MaskingNoise(nn.Module):
    """Sets values to zero in training and leaves the others as they are."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        return x * (torch.rand_like(x) >= self.rate) if self.training else x


class GaussianLatent(nn.Module):
    """A code drawn from a normal distribution in training, its mean otherwise."""

    def __init__(self, features: int, units: int) -> None:
        super().__init__()
        self.mean = nn.Linear(features, units)
        self.log_var = nn.Linear(features, units)

    def forward(self, x: Tensor) -> Tensor:
        return self.sample(*self.moments(x))

    def moments(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.mean(x), self.log_var(x)

    def sample(self, mean: Tensor, log_var: Tensor) -> Tensor:
        if not self.training:
            return mean
        return mean + torch.exp(log_var / 2) * torch.randn_like(mean)


class HardSigmoid(nn.Module):
    """``relu6(x + 3) / 6``."""

    def forward(self, x: Tensor) -> Tensor:
        return F.relu6(x + 3) / 6


class Exponential(nn.Module):
    """``exp(x)``."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.exp(x)


def binary_cross_entropy(y: Tensor, t: Tensor, epsilon: float) -> Tensor:
    """The cross-entropy of probabilities, which are clipped."""
    y = y.clamp(epsilon, 1 - epsilon)
    return -(t * y.log() + (1 - t) * (1 - y).log()).mean()


def categorical_cross_entropy(y: Tensor, t: Tensor, epsilon: float) -> Tensor:
    """The cross-entropy of probabilities over the last axis, which are clipped."""
    return -(t * y.clamp(epsilon, 1 - epsilon).log()).sum(-1).mean()


def l1(x: Tensor, weight: float) -> Tensor:
    """The sum over a sample, meaned over the batch."""
    return weight * x.abs().sum() / len(x)


def l2(x: Tensor, weight: float) -> Tensor:
    """The sum over a sample, meaned over the batch."""
    return weight * x.square().sum() / len(x)


def kl_divergence(x: Tensor, weight: float, target: float) -> Tensor:
    """How far each unit's mean over the batch is from its target, as a divergence."""
    p, q = target, x.mean(0).clamp(1e-7, 1 - 1e-7)
    divergence = p * torch.log(p / q) + (1 - p) * torch.log((1 - p) / (1 - q))
    return weight * divergence.sum()


def gaussian_kl(mean: Tensor, log_var: Tensor, weight: float) -> Tensor:
    """The divergence of a sample's distribution from the standard normal, meaned."""
    divergence = (mean.square() + torch.expm1(log_var) - log_var) / 2
    return weight * divergence.sum() / len(mean)


class Adam(torch.optim.AdamW):
    """Adam as in Keras, which adds epsilon to the root before it corrects that.

    Weight decay is decoupled.
    """

    def __init__(self, parameters, epsilon: float, **more) -> None:
        super().__init__(parameters, **more)
        self.epsilon, self.steps = epsilon, 0

    def step(self, closure=None):
        self.steps += 1
        for group in self.param_groups:
            share = 1 - group["betas"][1] ** self.steps
            group["eps"] = self.epsilon / math.sqrt(share)
        return super().step(closure)


class RMSprop(torch.optim.Optimizer):
    """RMSprop as in Keras: epsilon stands inside the root."""

    def __init__(self, parameters, lr: float, rho: float, epsilon: float) -> None:
        super().__init__(parameters, {"lr": lr, "rho": rho, "epsilon": epsilon})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for value in (p for p in group["params"] if p.grad is not None):
                state = self.state[value]
                square = state.setdefault("square", torch.zeros_like(value))
                square.lerp_(value.grad.square(), 1 - group["rho"])
                root = torch.sqrt(square + group["epsilon"])
                value.addcdiv_(value.grad, root, value=-group["lr"])


class MomentumRMSprop(torch.optim.Optimizer):
    """RMSprop as in Keras: epsilon stands inside the root, momentum is of the steps.

    Centered, the squares are those of what gradients differ from their mean by.
    """

    def __init__(
        self,
        parameters,
        lr: float,
        rho: float,
        epsilon: float,
        momentum: float,
        centered: bool,
    ) -> None:
        settings = {"rho": rho, "epsilon": epsilon, "momentum": momentum}
        super().__init__(parameters, {"lr": lr, "centered": centered, **settings})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for value in (p for p in group["params"] if p.grad is not None):
                kept = self.state[value]
                for name in ("square", "mean", "move"):
                    kept.setdefault(name, torch.zeros_like(value))
                kept["square"].lerp_(value.grad.square(), 1 - group["rho"])
                scale = kept["square"] + group["epsilon"]
                if group["centered"]:
                    kept["mean"].lerp_(value.grad, 1 - group["rho"])
                    scale -= kept["mean"].square()
                kept["move"].mul_(group["momentum"])
                kept["move"].addcdiv_(value.grad, scale.sqrt(), value=group["lr"])
                value.sub_(kept["move"])

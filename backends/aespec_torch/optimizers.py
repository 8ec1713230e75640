"""The lowerings of the optimizers, ``(optimizer, parameters) -> torch.optim.Optimizer``.

They take the steps that Keras's take (https://keras.io/api/optimizers/), to rounding. Keras holds learning rates,
and makes powers of decays from decays, in float32, whatever the parameters are: its 0.9 is 0.8999999761581421.
Powers are taken in the dtype of the parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from math import sqrt
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import Parameter

from aespec.optimizers import Adam, AdamW, Nadam, RMSprop, Sgd
from aespec_torch.table import lowerings

__all__ = ["KerasAdam", "KerasNadam", "KerasRMSprop"]

Closure = Callable[[], float] | None
Parameters = Iterable[Parameter]


@lowerings(Sgd)
def _sgd(optimizer: Sgd, parameters: Parameters) -> torch.optim.Optimizer:
    return torch.optim.SGD(
        parameters,
        _single(optimizer.learning_rate),
        _single(optimizer.momentum),
        nesterov=optimizer.nesterov and optimizer.momentum > 0,
        fused=True,
    )


@lowerings(Adam)
def _adam(optimizer: Adam, parameters: Parameters) -> torch.optim.Optimizer:
    betas = optimizer.beta_1, optimizer.beta_2
    return KerasAdam(parameters, _single(optimizer.learning_rate), betas, optimizer.epsilon, 0.0, fused=True)


@lowerings(AdamW)
def _adamw(optimizer: AdamW, parameters: Parameters) -> torch.optim.Optimizer:
    rate, decay = _single(optimizer.learning_rate), _single(optimizer.weight_decay)
    return KerasAdam(parameters, rate, (optimizer.beta_1, optimizer.beta_2), optimizer.epsilon, decay, fused=True)


@lowerings(Nadam)
def _nadam(optimizer: Nadam, parameters: Parameters) -> torch.optim.Optimizer:
    rate, betas = _single(optimizer.learning_rate), (optimizer.beta_1, optimizer.beta_2)
    return KerasNadam(parameters, {"lr": rate, "betas": betas, "eps": optimizer.epsilon, "product": 1.0})


@lowerings(RMSprop)
def _rmsprop(optimizer: RMSprop, parameters: Parameters) -> torch.optim.Optimizer:
    settings = optimizer.model_dump(include={"rho", "momentum", "centered"})
    return KerasRMSprop(parameters, {**settings, "lr": _single(optimizer.learning_rate), "eps": optimizer.epsilon})


class KerasAdam(torch.optim.AdamW):
    """Adam whose epsilon stands beside the uncorrected root of the second moment.

    torch divides that root by ``sqrt(1 - beta_2**t)`` before it adds its epsilon. Dividing epsilon by the same
    before each step makes the two one formula, and keeps torch's fused kernel.
    """

    def step(self, closure: Closure = None) -> float | None:  # type: ignore[override]  # torch has overloads
        """Take one step."""
        stated = [(group["lr"], group["eps"], group["weight_decay"]) for group in self.param_groups]
        for group, (rate, epsilon, decay) in zip(self.param_groups, stated, strict=True):
            group["steps"] = t = group.get("steps", 0) + 1
            dtype = group["params"][0].dtype
            first, second = (1 - beta**t for beta in group["betas"])
            keras_first, keras_second = (_left(beta, t, dtype) for beta in group["betas"])
            factor = sqrt(keras_second / second) * first / keras_first
            group.update(lr=rate * factor, eps=epsilon / sqrt(second), weight_decay=decay / factor)
        loss: float | None = super().step(closure)
        for group, (rate, epsilon, decay) in zip(self.param_groups, stated, strict=True):
            group.update(lr=rate, eps=epsilon, weight_decay=decay)
        return loss


class _Foreach(torch.optim.Optimizer):
    """An optimizer whose step is one function of all tensors of a group at once."""

    moments: tuple[str, ...]
    """The tensors kept for each parameter, zero at first."""

    def __init__(self, parameters: Parameters, settings: Mapping[str, Any]) -> None:
        super().__init__(parameters, {**settings, "steps": 0})

    @torch.no_grad()
    def step(self, closure: Closure = None) -> float | None:  # type: ignore[override]  # torch has overloads
        """Take one step."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            group["steps"] += 1
            values = [value for value in group["params"] if value.grad is not None]
            for value in values:
                if not self.state[value]:
                    self.state[value].update({name: torch.zeros_like(value) for name in self.moments})
            if values:
                kept = {name: [self.state[value][name] for value in values] for name in self.moments}
                self.update(group, values, [value.grad for value in values], **kept)
        return loss

    def update(self, group: dict[str, Any], values: list[Tensor], grads: list[Tensor], **kept: list[Tensor]) -> None:
        """Change the values and what is kept for them, in place; each optimizer has its own way."""
        raise NotImplementedError


class KerasNadam(_Foreach):
    """Adam with Nesterov momentum, warmed up: ``u(t) = beta_1 * (1 - 0.96**t / 2)`` (Dozat, 2016)."""

    moments = ("m", "v")

    def update(self, group: dict[str, Any], values: list[Tensor], grads: list[Tensor], **kept: list[Tensor]) -> None:
        """See `_Foreach.update`."""
        m, v, t, dtype = kept["m"], kept["v"], group["steps"], values[0].dtype
        beta_1, beta_2 = map(_single, group["betas"])
        now, after = (beta_1 * (1 - 0.5 * _power(0.96, k, dtype)) for k in (t, t + 1))
        group["product"] *= group["betas"][0] * (1 - 0.5 * 0.96**t)  # the one place where Keras rounds nothing
        torch._foreach_lerp_(m, grads, 1 - beta_1)
        torch._foreach_mul_(v, beta_2)
        torch._foreach_addcmul_(v, grads, grads, 1 - beta_2)
        first = torch._foreach_mul(m, after / (1 - group["product"] * after))
        torch._foreach_add_(first, grads, alpha=(1 - now) / (1 - group["product"]))
        second = torch._foreach_div(v, _left(group["betas"][1], t, dtype))
        torch._foreach_sqrt_(second)
        torch._foreach_add_(second, group["eps"])
        torch._foreach_addcdiv_(values, first, second, -group["lr"])


class KerasRMSprop(_Foreach):
    """RMSprop with epsilon inside the root, and momentum on the scaled step."""

    moments = ("v", "mean", "momentum")

    def update(self, group: dict[str, Any], values: list[Tensor], grads: list[Tensor], **kept: list[Tensor]) -> None:
        """See `_Foreach.update`."""
        v, rho = kept["v"], group["rho"]
        torch._foreach_mul_(v, rho)
        torch._foreach_addcmul_(v, grads, grads, 1 - rho)
        scale = [value.clone() for value in v]
        if group["centered"]:
            torch._foreach_mul_(kept["mean"], rho)
            torch._foreach_add_(kept["mean"], grads, alpha=1 - rho)
            torch._foreach_addcmul_(scale, kept["mean"], kept["mean"], -1)
        torch._foreach_add_(scale, group["eps"])
        torch._foreach_sqrt_(scale)
        move = torch._foreach_div(grads, scale)
        torch._foreach_mul_(move, group["lr"])
        torch._foreach_mul_(kept["momentum"], group["momentum"])
        torch._foreach_add_(kept["momentum"], move)
        torch._foreach_sub_(values, kept["momentum"])


def _single(value: float) -> float:
    return float(np.float32(value))


def _power(base: float, exponent: int, dtype: torch.dtype) -> float:
    precision = np.float32 if dtype is torch.float32 else np.float64
    return float(precision(np.float32(base)) ** precision(exponent))


def _left(decay: float, steps: int, dtype: torch.dtype) -> float:
    """What a moment has gathered after some steps: ``1 - decay**steps``, in the precision of the parameters."""
    precision = np.float32 if dtype is torch.float32 else np.float64
    return float(precision(1) - precision(_power(decay, steps, dtype)))

"""The lowerings of the optimizers, ``(optimizer) -> Step``.

They take the steps that Keras's take (https://keras.io/api/optimizers/), to rounding. Keras holds learning rates,
and makes powers of decays from decays, in float32, whatever the parameters are: its 0.9 is 0.8999999761581421.
Powers are taken in the dtype of the parameters.

They are no `torch.optim.Optimizer`: one of those spends as long on its own affairs as a small model's step takes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cache
from math import sqrt
from typing import Generic, TypeVar

import numpy as np
import torch
from torch import Tensor

from aespec.optimizers import Adadelta, Adagrad, Adam, Adamax, AdamW, Nadam, Optimizer, RMSprop, Sgd
from aespec_torch.table import lowerings

__all__ = ["Step", "single"]

K = TypeVar("K", bound=Optimizer)
Tensors = list[Tensor]


class Step(ABC, Generic[K]):
    """What an optimizer does at a step, to all tensors at once."""

    def __init__(self, kind: K) -> None:
        self.kind = kind
        self.numbers = dict.fromkeys(kind.numbers, 1.0)

    @abstractmethod
    def __call__(self, values: Tensors, grads: Tensors, rate: float, t: int, **kept: Tensors) -> None:
        """Change the values, and what is kept for them, in place.

        Args:
            values: What is trained.
            grads: The gradients, which may be written over.
            rate: The learning rate of this step.
            t: The number of the step, counted from 1.
            kept: Each of `aespec.optimizers.Optimizer.slots`, a tensor for each value.
        """


@lowerings(Adam, AdamW)
class KerasAdam(Step[Adam]):
    """Adam whose epsilon stands beside the uncorrected root of the second moment, with torch's fused kernel.

    The kernel corrects both moments for their first steps. It is told that it is long past them, and the correction
    is made to the rate, as Keras does.
    """

    def __call__(self, values: Tensors, grads: Tensors, rate: float, t: int, **kept: Tensors) -> None:
        """See `Step`."""
        first, second = (_left(beta, t, values[0].dtype) for beta in (self.kind.beta_1, self.kind.beta_2))
        torch._fused_adamw_(
            values,
            grads,
            kept["momentum"],
            kept["velocity"],
            [],
            [_after_all(values[0].device)] * len(values),
            lr=rate * sqrt(second) / first,
            beta1=self.kind.beta_1,
            beta2=self.kind.beta_2,
            weight_decay=0.0,
            eps=self.kind.epsilon,
            amsgrad=False,
            maximize=False,
        )


@lowerings(Sgd)
class KerasSGD(Step[Sgd]):
    """Gradient descent, the learning rate inside the momentum: a rate that changes leaves earlier steps alone."""

    def __call__(self, values: Tensors, grads: Tensors, rate: float, t: int, **kept: Tensors) -> None:
        """See `Step`."""
        if self.kind.momentum:
            move, share = kept["momentum"], single(self.kind.momentum)
            torch._foreach_mul_(move, share)
            torch._foreach_add_(move, grads, alpha=-rate)
            if not self.kind.nesterov:
                torch._foreach_add_(values, move)
                return
            torch._foreach_add_(values, move, alpha=share)
        torch._foreach_add_(values, grads, alpha=-rate)


@lowerings(Nadam)
class KerasNadam(Step[Nadam]):
    """Adam with Nesterov momentum, warmed up: ``u(t) = beta_1 * (1 - 0.96**t / 2)`` (Dozat, 2016)."""

    def __call__(self, values: Tensors, grads: Tensors, rate: float, t: int, **kept: Tensors) -> None:
        """See `Step`."""
        m, v, dtype = kept["momentum"], kept["velocity"], values[0].dtype
        beta_1, beta_2 = single(self.kind.beta_1), single(self.kind.beta_2)
        now, after = (beta_1 * (1 - 0.5 * _power(0.96, k, dtype)) for k in (t, t + 1))
        self.numbers["product"] *= self.kind.beta_1 * (1 - 0.5 * 0.96**t)  # the one place where Keras rounds nothing
        product = self.numbers["product"]
        torch._foreach_lerp_(m, grads, 1 - beta_1)
        torch._foreach_mul_(v, beta_2)
        torch._foreach_addcmul_(v, grads, grads, 1 - beta_2)
        first = torch._foreach_mul(m, after / (1 - product * after))
        torch._foreach_add_(first, grads, alpha=(1 - now) / (1 - product))
        second = torch._foreach_div(v, _left(self.kind.beta_2, t, dtype))
        torch._foreach_sqrt_(second)
        torch._foreach_add_(second, self.kind.epsilon)
        torch._foreach_addcdiv_(values, first, second, -rate)


@lowerings(Adamax)
class KerasAdamax(Step[Adamax]):
    """Adam whose second moment is the largest gradient, epsilon added to that and not to the gradients."""

    def __call__(self, values: Tensors, grads: Tensors, rate: float, t: int, **kept: Tensors) -> None:
        """See `Step`."""
        m, u = kept["momentum"], kept["norm"]
        torch._foreach_lerp_(m, grads, 1 - self.kind.beta_1)
        torch._foreach_mul_(u, self.kind.beta_2)
        torch._foreach_maximum_(u, torch._foreach_abs(grads))
        scale = torch._foreach_add(u, self.kind.epsilon)
        torch._foreach_addcdiv_(values, m, scale, -rate / _left(self.kind.beta_1, t, values[0].dtype))


@lowerings(RMSprop)
class KerasRMSprop(Step[RMSprop]):
    """RMSprop with epsilon inside the root, and momentum on the scaled step."""

    def __call__(self, values: Tensors, grads: Tensors, rate: float, t: int, **kept: Tensors) -> None:
        """See `Step`."""
        v, rho = kept["velocity"], self.kind.rho
        torch._foreach_mul_(v, rho)
        torch._foreach_addcmul_(v, grads, grads, 1 - rho)
        scale = torch._foreach_add(v, self.kind.epsilon)
        if self.kind.centered:
            mean = kept["average_gradient"]
            torch._foreach_mul_(mean, rho)
            torch._foreach_add_(mean, grads, alpha=1 - rho)
            torch._foreach_addcmul_(scale, mean, mean, -1)
        torch._foreach_sqrt_(scale)
        if self.kind.momentum:
            torch._foreach_mul_(kept["momentum"], self.kind.momentum)
            torch._foreach_addcdiv_(kept["momentum"], grads, scale, rate)
            torch._foreach_sub_(values, kept["momentum"])
        else:
            torch._foreach_addcdiv_(values, grads, scale, -rate)


@lowerings(Adagrad)
class KerasAdagrad(Step[Adagrad]):
    """Adagrad with epsilon inside the root."""

    def __call__(self, values: Tensors, grads: Tensors, rate: float, t: int, **kept: Tensors) -> None:
        """See `Step`."""
        torch._foreach_addcmul_(kept["accumulator"], grads, grads, 1)
        scale = torch._foreach_add(kept["accumulator"], self.kind.epsilon)
        torch._foreach_sqrt_(scale)
        torch._foreach_addcdiv_(values, grads, scale, -rate)


@lowerings(Adadelta)
class KerasAdadelta(Step[Adadelta]):
    """Adadelta, its moves averaged as its gradients are (Zeiler, 2012)."""

    def __call__(self, values: Tensors, grads: Tensors, rate: float, t: int, **kept: Tensors) -> None:
        """See `Step`."""
        squares, moves, rho = kept["accumulated_grad"], kept["accumulated_delta_var"], self.kind.rho
        torch._foreach_mul_(squares, rho)
        torch._foreach_addcmul_(squares, grads, grads, 1 - rho)
        move, scale = torch._foreach_add(moves, self.kind.epsilon), torch._foreach_add(squares, self.kind.epsilon)
        torch._foreach_sqrt_(move)
        torch._foreach_sqrt_(scale)
        torch._foreach_div_(move, scale)
        torch._foreach_mul_(move, grads)
        torch._foreach_mul_(moves, rho)
        torch._foreach_addcmul_(moves, move, move, 1 - rho)
        torch._foreach_add_(values, move, alpha=-rate)


def single(value: float) -> float:
    """A hyper-parameter as Keras holds it."""
    return float(np.float32(value))


@cache
def _after_all(device: torch.device) -> Tensor:
    """The number of a step at which the powers of any decay are zero."""
    return torch.tensor(1e9, device=device)


def _power(base: float, exponent: int, dtype: torch.dtype) -> float:
    precision = np.float32 if dtype is torch.float32 else np.float64
    return float(precision(np.float32(base)) ** precision(exponent))


def _left(decay: float, steps: int, dtype: torch.dtype) -> float:
    """What a moment has gathered after some steps: ``1 - decay**steps``, in the precision of the parameters."""
    precision = np.float32 if dtype is torch.float32 else np.float64
    return float(precision(1) - precision(_power(decay, steps, dtype)))

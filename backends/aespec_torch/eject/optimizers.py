"""The code of optimizers, torch's own or the template's where its steps differ, and of the schedule that sees losses.

Every number is stated.
"""

from __future__ import annotations

from typing import Any

from aespec import optimizers, schedules
from aespec.code import Call, Code
from aespec_torch.eject.table import cells

__all__ = ["DECOUPLED"]

PARAMETERS = Code("model.parameters()")


@cells(optimizers.Sgd)
def _sgd(optimizer: optimizers.Sgd) -> Call:
    momentum = {"momentum": optimizer.momentum, "nesterov": optimizer.nesterov} if optimizer.momentum else {}
    return Call("torch.optim.SGD", PARAMETERS, lr=optimizer.learning_rate, **momentum)


@cells(optimizers.Adam, optimizers.AdamW)
def _adam(optimizer: optimizers.Adam) -> Call:
    decay = {"weight_decay": optimizer.weight_decay}
    return Call("Adam", PARAMETERS, **_moments(optimizer), epsilon=optimizer.epsilon, **decay)


@cells(optimizers.Nadam)
def _nadam(optimizer: optimizers.Nadam) -> Call:
    decay = {"weight_decay": optimizer.weight_decay, "decoupled_weight_decay": True} if optimizer.weight_decay else {}
    more = {"eps": optimizer.epsilon, "momentum_decay": 1.0}
    return Call("torch.optim.NAdam", PARAMETERS, **_moments(optimizer), **more, **decay)


@cells(optimizers.Adamax)
def _adamax(optimizer: optimizers.Adamax) -> Call:
    return Call("torch.optim.Adamax", PARAMETERS, **_moments(optimizer), eps=optimizer.epsilon)


def _moments(optimizer: Any) -> dict[str, Any]:
    return {"lr": optimizer.learning_rate, "betas": (optimizer.beta_1, optimizer.beta_2)}


@cells(optimizers.RMSprop)
def _rmsprop(optimizer: optimizers.RMSprop) -> Call:
    fields = {"lr": optimizer.learning_rate, "rho": optimizer.rho, "epsilon": optimizer.epsilon}
    if not optimizer.momentum and not optimizer.centered:
        return Call("RMSprop", PARAMETERS, **fields)
    more = {"momentum": optimizer.momentum, "centered": optimizer.centered}
    return Call("MomentumRMSprop", PARAMETERS, **fields, **more)


@cells(optimizers.Adagrad)
def _adagrad(optimizer: optimizers.Adagrad) -> Call:
    start = optimizer.initial_accumulator_value
    more = {"initial_accumulator_value": start, "eps": optimizer.epsilon}
    return Call("torch.optim.Adagrad", PARAMETERS, lr=optimizer.learning_rate, **more)


@cells(optimizers.Adadelta)
def _adadelta(optimizer: optimizers.Adadelta) -> Call:
    return Call(
        "torch.optim.Adadelta", PARAMETERS, lr=optimizer.learning_rate, rho=optimizer.rho, eps=optimizer.epsilon
    )


@cells(schedules.ReduceOnPlateau)
def _reduce_on_plateau(schedule: schedules.ReduceOnPlateau, full: float) -> Call:
    """Where torch waits for one epoch more than its patience, and aespec counts the first after a cooldown."""
    return Call(
        "torch.optim.lr_scheduler.ReduceLROnPlateau",
        Code("optimizer"),
        factor=schedule.factor,
        patience=schedule.patience - 1,
        threshold=schedule.min_delta,
        threshold_mode="abs",
        cooldown=max(schedule.cooldown - 1, 0),
        min_lr=schedule.least * full,
        eps=0.0,
    )


DECOUPLED = (optimizers.Adam, optimizers.AdamW, optimizers.Nadam)
"""The optimizers whose code decays weights itself, as aespec has it."""

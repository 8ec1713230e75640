"""What a step of each optimizer does to one parameter, as the formulas say it.

``(optimizer, value, gradient, state, step, rate) -> value``: the state is a dictionary of the parameter's own that
begins with the optimizer's ``slots``, the first step is step 1, the rate is that of this step. Weight decay has been
taken off the value. The formulas are Keras's (https://keras.io/api/optimizers/); like Keras, they take the rate, the
momentum and the decays of Adam and its kin rounded to float32, whatever the parameter's precision.

`step` is a step of all parameters: what comes before and after the optimizer, for every optimizer.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import TYPE_CHECKING, Any

import numpy as np

from aespec.optimizers import Adadelta, Adagrad, Adam, Adamax, AdamW, Nadam, RMSprop, Sgd
from aespec_numpy.table import Array, lowerings

if TYPE_CHECKING:
    from aespec.plan import TrainingPlan

__all__ = ["step"]

State = dict[str, Any]


def step(
    plan: TrainingPlan,
    values: Mapping[str, Array],
    gradients: Mapping[str, Array],
    states: dict[str, State],
    number: int,
    rate: float,
) -> dict[str, Array]:
    """Each parameter after a step: gradients clipped, weights decayed, the optimizer's step, the average moved.

    Args:
        plan: The optimizer, and what goes with it.
        values: The parameters before, by name.
        gradients: Their gradients.
        states: What is kept for each parameter, empty before the first step; changed. `plan.ema` keeps its moving
            average there, as ``average``.
        number: Of the step, counted from 1.
        rate: The learning rate of this step.
    """
    optimizer, rate = plan.optimizer, _single(rate)
    moved = {}
    for name, gradient in _clipped(plan, gradients).items():
        state = states.setdefault(
            name, {slot: np.full_like(gradient, _single(first)) for slot, first in optimizer.slots.items()}
        )
        value = values[name] - values[name] * _single(optimizer.weight_decay) * rate
        moved[name] = np.asarray(lowerings[optimizer](optimizer, value, gradient, state, number, rate))
        if plan.ema is not None:
            state["average"] = plan.ema * state.get("average", moved[name]) + (1 - plan.ema) * moved[name]
    return moved


def _clipped(plan: TrainingPlan, gradients: Mapping[str, Array]) -> Mapping[str, Array]:
    if plan.clip_value is not None:
        return {name: np.clip(g, -plan.clip_value, plan.clip_value) for name, g in gradients.items()}
    if plan.clip_norm is not None:
        norm = float(np.sqrt(sum(float(np.sum(np.square(g))) for g in gradients.values())))
        factor = plan.clip_norm * min(1 / norm if norm else inf, 1 / plan.clip_norm)
        return {name: g * factor for name, g in gradients.items()}
    return gradients


@lowerings(Sgd)
def _sgd(optimizer: Sgd, value: Array, gradient: Array, state: State, number: int, rate: float) -> Array:
    momentum = _single(optimizer.momentum)
    if not momentum:
        return np.asarray(value - rate * gradient)
    state["momentum"] = momentum * state["momentum"] - rate * gradient
    if optimizer.nesterov:
        return np.asarray(value + momentum * state["momentum"] - rate * gradient)
    return np.asarray(value + state["momentum"])


@lowerings(Adam, AdamW)
def _adam(optimizer: Adam | AdamW, value: Array, gradient: Array, state: State, number: int, rate: float) -> Array:
    _moments(optimizer.beta_1, optimizer.beta_2, gradient, state)
    first, second = (1 - _single(beta) ** number for beta in (optimizer.beta_1, optimizer.beta_2))
    scaled = rate * np.sqrt(second) / first
    return np.asarray(value - scaled * state["momentum"] / (np.sqrt(state["velocity"]) + optimizer.epsilon))


@lowerings(Nadam)
def _nadam(optimizer: Nadam, value: Array, gradient: Array, state: State, number: int, rate: float) -> Array:
    """The momentum is warmed up: ``u(t) = beta_1 * (1 - 0.96**t / 2)``.

    Keras rounds the decays and ``0.96`` to float32, but not in the product of all ``u(t)``.
    """
    _moments(_single(optimizer.beta_1), _single(optimizer.beta_2), gradient, state)
    now, after = (_single(optimizer.beta_1) * (1 - 0.5 * _single(0.96) ** t) for t in (number, number + 1))
    state["product"] = state.get("product", 1.0) * optimizer.beta_1 * (1 - 0.5 * 0.96**number)
    first = after * state["momentum"] / (1 - state["product"] * after) + (1 - now) * gradient / (1 - state["product"])
    second = state["velocity"] / (1 - _single(optimizer.beta_2) ** number)
    return np.asarray(value - rate * first / (np.sqrt(second) + optimizer.epsilon))


@lowerings(Adamax)
def _adamax(optimizer: Adamax, value: Array, gradient: Array, state: State, number: int, rate: float) -> Array:
    state["momentum"] = state["momentum"] + (gradient - state["momentum"]) * (1 - optimizer.beta_1)
    state["norm"] = np.maximum(optimizer.beta_2 * state["norm"], np.abs(gradient))
    left = 1 - _single(optimizer.beta_1) ** number
    return np.asarray(value - rate * state["momentum"] / (left * (state["norm"] + optimizer.epsilon)))


@lowerings(RMSprop)
def _rmsprop(optimizer: RMSprop, value: Array, gradient: Array, state: State, number: int, rate: float) -> Array:
    rho = optimizer.rho
    state["velocity"] = rho * state["velocity"] + (1 - rho) * gradient**2
    scale = state["velocity"] + optimizer.epsilon
    if optimizer.centered:
        state["average_gradient"] = rho * state["average_gradient"] + (1 - rho) * gradient
        scale = scale - state["average_gradient"] ** 2
    move = rate * gradient / np.sqrt(scale)
    if not optimizer.momentum:
        return np.asarray(value - move)
    state["momentum"] = optimizer.momentum * state["momentum"] + move
    return np.asarray(value - state["momentum"])


@lowerings(Adagrad)
def _adagrad(optimizer: Adagrad, value: Array, gradient: Array, state: State, number: int, rate: float) -> Array:
    state["accumulator"] = state["accumulator"] + gradient**2
    return np.asarray(value - rate * gradient / np.sqrt(state["accumulator"] + optimizer.epsilon))


@lowerings(Adadelta)
def _adadelta(optimizer: Adadelta, value: Array, gradient: Array, state: State, number: int, rate: float) -> Array:
    rho, epsilon = optimizer.rho, optimizer.epsilon
    state["accumulated_grad"] = rho * state["accumulated_grad"] + (1 - rho) * gradient**2
    roots = (np.sqrt(state[name] + epsilon) for name in ("accumulated_delta_var", "accumulated_grad"))
    move = -gradient * next(roots) / next(roots)
    state["accumulated_delta_var"] = rho * state["accumulated_delta_var"] + (1 - rho) * move**2
    return np.asarray(value + rate * move)


def _moments(beta_1: float, beta_2: float, gradient: Array, state: State) -> None:
    state["momentum"] = state["momentum"] + (gradient - state["momentum"]) * (1 - beta_1)
    state["velocity"] = state["velocity"] + (gradient**2 - state["velocity"]) * (1 - beta_2)


def _single(value: float) -> float:
    """A hyper-parameter as Keras holds it."""
    return float(np.float32(value))

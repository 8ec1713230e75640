"""What a step of each optimizer does to one parameter, as the formulas say it.

``(optimizer, value, gradient, state, step) -> value``: the state is a dictionary of the parameter's own, empty
before the first step, which is step 1. The formulas are Keras's (https://keras.io/api/optimizers/); like Keras,
they take the learning rate, the momentum and the decays of Adam and Nadam rounded to float32, whatever the
parameter's precision.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from aespec.optimizers import Adam, AdamW, Nadam, RMSprop, Sgd
from aespec_numpy.table import Array, lowerings

State = dict[str, Any]


@lowerings(Sgd)
def _sgd(optimizer: Sgd, value: Array, gradient: Array, state: State, step: int) -> Array:
    rate, momentum = _single(optimizer.learning_rate), _single(optimizer.momentum)
    if not momentum:
        return value - rate * gradient
    state["momentum"] = momentum * state.get("momentum", 0.0) - rate * gradient
    if optimizer.nesterov:
        return np.asarray(value + momentum * state["momentum"] - rate * gradient)
    return np.asarray(value + state["momentum"])


@lowerings(Adam)
def _adam(optimizer: Adam | AdamW, value: Array, gradient: Array, state: State, step: int) -> Array:
    _moments(optimizer.beta_1, optimizer.beta_2, gradient, state)
    first, second = (1 - _single(beta) ** step for beta in (optimizer.beta_1, optimizer.beta_2))
    rate = _single(optimizer.learning_rate) * np.sqrt(second) / first
    return np.asarray(value - rate * state["m"] / (np.sqrt(state["v"]) + optimizer.epsilon))


@lowerings(AdamW)
def _adamw(optimizer: AdamW, value: Array, gradient: Array, state: State, step: int) -> Array:
    decay = _single(optimizer.weight_decay) * _single(optimizer.learning_rate)
    return _adam(optimizer, value - value * decay, gradient, state, step)


@lowerings(Nadam)
def _nadam(optimizer: Nadam, value: Array, gradient: Array, state: State, step: int) -> Array:
    """The momentum is warmed up: ``u(t) = beta_1 * (1 - 0.96**t / 2)``.

    Keras rounds the decays and ``0.96`` to float32, but not in the product of all ``u(t)``.
    """
    _moments(_single(optimizer.beta_1), _single(optimizer.beta_2), gradient, state)
    now, after = (_single(optimizer.beta_1) * (1 - 0.5 * _single(0.96) ** t) for t in (step, step + 1))
    state["product"] = state.get("product", 1.0) * optimizer.beta_1 * (1 - 0.5 * 0.96**step)
    first = after * state["m"] / (1 - state["product"] * after) + (1 - now) * gradient / (1 - state["product"])
    second = state["v"] / (1 - _single(optimizer.beta_2) ** step)
    return np.asarray(value - _single(optimizer.learning_rate) * first / (np.sqrt(second) + optimizer.epsilon))


@lowerings(RMSprop)
def _rmsprop(optimizer: RMSprop, value: Array, gradient: Array, state: State, step: int) -> Array:
    rho = optimizer.rho
    state["v"] = rho * state.get("v", 0.0) + (1 - rho) * gradient**2
    scale = state["v"] + optimizer.epsilon
    if optimizer.centered:
        state["g"] = rho * state.get("g", 0.0) + (1 - rho) * gradient
        scale = scale - state["g"] ** 2
    move = _single(optimizer.learning_rate) * gradient / np.sqrt(scale)
    if not optimizer.momentum:
        return np.asarray(value - move)
    state["momentum"] = optimizer.momentum * state.get("momentum", 0.0) + move
    return np.asarray(value - state["momentum"])


def _moments(beta_1: float, beta_2: float, gradient: Array, state: State) -> None:
    m, v = state.get("m", np.zeros_like(gradient)), state.get("v", np.zeros_like(gradient))
    state["m"] = m + (gradient - m) * (1 - beta_1)
    state["v"] = v + (gradient**2 - v) * (1 - beta_2)


def _single(value: float) -> float:
    """A hyper-parameter as Keras holds it."""
    return float(np.float32(value))

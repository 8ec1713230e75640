"""Optimizers: Keras's own, every hyper-parameter stated.

What all optimizers have, the learning rate among it, comes as ``shared``, the arguments of any Keras optimizer. A
variable that is kept for a parameter is named as `aespec.optimizers.Optimizer.slots` says, behind the parameter's name.
"""

from __future__ import annotations

from typing import Any

from aespec import optimizers
from aespec_keras.framework import keras
from aespec_keras.table import lowerings

__all__: list[str] = []


@lowerings(optimizers.Sgd)
def _sgd(optimizer: optimizers.Sgd, **shared: Any) -> Any:
    return keras.optimizers.SGD(**{**dict(optimizer), **shared})


@lowerings(optimizers.Adam)
def _adam(optimizer: optimizers.Adam, **shared: Any) -> Any:
    return keras.optimizers.Adam(**{**dict(optimizer), **shared}, amsgrad=False)


@lowerings(optimizers.AdamW)
def _adamw(optimizer: optimizers.AdamW, **shared: Any) -> Any:
    # AdamW itself refuses a decay of zero; it is Adam with another default.
    return keras.optimizers.Adam(**{**dict(optimizer), **shared}, amsgrad=False)


@lowerings(optimizers.Nadam)
def _nadam(optimizer: optimizers.Nadam, **shared: Any) -> Any:
    return keras.optimizers.Nadam(**{**dict(optimizer), **shared})


@lowerings(optimizers.Adamax)
def _adamax(optimizer: optimizers.Adamax, **shared: Any) -> Any:
    return keras.optimizers.Adamax(**{**dict(optimizer), **shared})


@lowerings(optimizers.RMSprop)
def _rmsprop(optimizer: optimizers.RMSprop, **shared: Any) -> Any:
    return keras.optimizers.RMSprop(**{**dict(optimizer), **shared})


@lowerings(optimizers.Adagrad)
def _adagrad(optimizer: optimizers.Adagrad, **shared: Any) -> Any:
    return keras.optimizers.Adagrad(**{**dict(optimizer), **shared})


@lowerings(optimizers.Adadelta)
def _adadelta(optimizer: optimizers.Adadelta, **shared: Any) -> Any:
    return keras.optimizers.Adadelta(**{**dict(optimizer), **shared})

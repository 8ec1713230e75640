"""Optimizers: Keras's own, every hyper-parameter stated."""

from __future__ import annotations

from typing import Any

from aespec import optimizers
from aespec_keras.framework import keras
from aespec_keras.table import lowerings


@lowerings(optimizers.Sgd)
def _sgd(optimizer: optimizers.Sgd) -> Any:
    return keras.optimizers.SGD(**dict(optimizer))


@lowerings(optimizers.Adam)
def _adam(optimizer: optimizers.Adam) -> Any:
    return keras.optimizers.Adam(**dict(optimizer), amsgrad=False)


@lowerings(optimizers.AdamW)
def _adamw(optimizer: optimizers.AdamW) -> Any:
    return keras.optimizers.AdamW(**dict(optimizer), amsgrad=False)


@lowerings(optimizers.Nadam)
def _nadam(optimizer: optimizers.Nadam) -> Any:
    return keras.optimizers.Nadam(**dict(optimizer))


@lowerings(optimizers.RMSprop)
def _rmsprop(optimizer: optimizers.RMSprop) -> Any:
    return keras.optimizers.RMSprop(**dict(optimizer))

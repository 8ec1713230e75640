"""The tables of the NumPy backend: what each kind does, and what some do otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from aespec.activations import Activation
from aespec.backend import Lowerings
from aespec.layers import Layer

__all__ = ["Array", "Generator", "activate", "apply", "averaging", "from_logits", "in_training", "lowerings"]

Array = NDArray[np.floating[Any]]


class Generator(Protocol):
    """As much of NumPy's generator as noise needs."""

    def random(self, shape: tuple[int, ...], /) -> Array:
        """Numbers from 0 to 1."""

    def standard_normal(self, shape: tuple[int, ...], /) -> Array:
        """Normal numbers."""


lowerings = Lowerings("numpy")
"""Every kind's meaning, outside training."""

in_training = Lowerings("numpy")
"""The layers that do something else in training. They are given a random generator as well."""

averaging = Lowerings("numpy")
"""The layers that keep running averages: as functions that give the averages after a training step."""

from_logits = Lowerings("numpy")
"""The losses of the activation that `aespec.losses.Loss.logits_of` names, as functions of what it was given."""


def apply(layer: Layer, params: Mapping[str, Array], *inputs: Array, rng: Generator | None = None) -> Array:
    """The value of a layer: as in a training step where there is a generator to draw noise from."""
    value: Array
    if rng is not None and type(layer) in in_training:
        value = in_training[layer](layer, params, *inputs, rng)
    else:
        value = lowerings[layer](layer, params, *inputs)
    return value


def activate(activation: Activation, x: Array) -> Array:
    """The value of an activation."""
    value: Array = lowerings[activation](activation, x)
    return value

"""Losses: how far a reconstruction is from its input. A batch's loss is the mean over its samples."""

from typing import ClassVar

from pydantic import Field, PositiveFloat

from aespec.activations import Activation, Linear, Sigmoid, Softmax
from aespec.kind import Kind


class Loss(Kind):
    """The distance between target t and output y that training makes small."""

    family: ClassVar[str] = "loss"

    natural: ClassVar[type[Activation]] = Linear
    """The output activation that a mirrored decoder takes when none is stated."""
    within_unit: ClassVar[bool] = False
    """Whether it has a meaning for values from 0 to 1 only."""
    logits_of: ClassVar[type[Activation] | None] = None
    """The activation whose pre-activation this loss is computed from, where the output is nothing else."""


class BinaryCrossentropy(Loss):
    """``mean(-t log(y) - (1 - t) log(1 - y))``.

    When y is a sigmoid of z, ``max(z, 0) - z t + log(1 + exp(-abs(z)))`` is used: the same value, with a
    gradient that does not vanish for a pixel that is wrong and saturated.
    """

    kind = "binary_crossentropy"
    natural = Sigmoid
    within_unit = True
    logits_of = Sigmoid

    epsilon: float = Field(default=1e-7, gt=0, lt=0.5)
    """Where y is not a sigmoid of something, it is clipped to [epsilon, 1 - epsilon]."""


class CategoricalCrossentropy(Loss):
    """``mean(-sum(t log(y)))``, the sum over the last axis.

    When y is a softmax of z, ``t (log(sum(exp(z))) - z)`` is used.
    """

    kind = "categorical_crossentropy"
    natural = Softmax
    within_unit = True
    logits_of = Softmax

    epsilon: float = Field(default=1e-7, gt=0, lt=0.5)
    """Where y is not a softmax of something, it is clipped to [epsilon, 1 - epsilon]."""


class MeanSquaredError(Loss):
    """``mean((t - y)**2)``."""

    kind = "mse"


class MeanAbsoluteError(Loss):
    """``mean(abs(t - y))``."""

    kind = "mae"


class Huber(Loss):
    """``mean(e**2 / 2)`` where ``e = abs(t - y)`` is at most delta, ``delta * (e - delta / 2)`` beyond."""

    kind = "huber"
    main = "delta"

    delta: PositiveFloat = 1.0
    """Where the square becomes a line."""

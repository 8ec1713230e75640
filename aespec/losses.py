"""Losses: how far a reconstruction is from its input. A batch's loss is the mean over its samples.

The formula below each kind is that of weight 1. Several losses are added up, each times its weight; so what is reported
under the name of a kind is its part of the total.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar

from pydantic import (
    Field,
    PlainSerializer,
    PositiveFloat,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from aespec.activations import Activation, Linear, Sigmoid, Softmax
from aespec.kind import Kind, Objections, OneOrList, combination, refuse


class Loss(Kind):
    """The distance between target t and output y that training makes small."""

    family: ClassVar[str] = "loss"

    natural: ClassVar[type[Activation]] = Linear
    """The output activation that a mirrored decoder takes when none is stated."""
    within_unit: ClassVar[bool] = False
    """Whether it has a meaning for values from 0 to 1 only."""
    logits_of: ClassVar[type[Activation] | None] = None
    """The activation whose pre-activation this loss is computed from, where the output is nothing else."""

    weight: PositiveFloat = 1.0
    """What the loss is multiplied by, wherever it is added up or reported."""


class BinaryCrossentropy(Loss):
    """``mean(-t log(y) - (1 - t) log(1 - y))``.

    When y is a sigmoid of z, ``max(z, 0) - z t + log(1 + exp(-abs(z)))`` is used: the same value, with a
    gradient that does not vanish for a pixel that is wrong and saturated.
    """

    kind = "binary_crossentropy"
    elsewhere = ("BCE", "BCELoss", "BCEWithLogitsLoss", "LogLoss")
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
    elsewhere = ("CrossEntropyLoss",)
    natural = Softmax
    within_unit = True
    logits_of = Softmax

    epsilon: float = Field(default=1e-7, gt=0, lt=0.5)
    """Where y is not a softmax of something, it is clipped to [epsilon, 1 - epsilon]."""


class MeanSquaredError(Loss):
    """``mean((t - y)**2)``."""

    kind = "mse"
    elsewhere = ("MSELoss", "L2Loss", "L2", "squared_error")


class MeanAbsoluteError(Loss):
    """``mean(abs(t - y))``."""

    kind = "mae"
    elsewhere = ("L1Loss", "L1", "absolute_error")


class Huber(Loss):
    """``mean(e**2 / 2)`` where ``e = abs(t - y)`` is at most delta, ``delta * (e - delta / 2)`` beyond."""

    kind = "huber"
    elsewhere = ("SmoothL1Loss", "smooth_l1")
    main = "delta"

    delta: PositiveFloat = 1.0
    """Where the square becomes a line."""


def natural(losses: Sequence[Loss]) -> Activation:
    """The output activation that goes with losses: that of the first which has one but linear."""
    return next((loss.natural() for loss in losses if loss.natural is not Linear), Linear())


def _added_up(stated: Any, validate: ValidatorFunctionWrapHandler) -> tuple[Loss, ...]:
    """Read losses, and refuse those that cannot be added up; where some are wrong, of the others too."""
    try:
        losses: tuple[Loss, ...] = validate(stated)
    except ValidationError as error:
        wrong = error.errors()
        faulty = {each["loc"][0] for each in wrong if each["loc"]}
        right = {i: each for i, each in enumerate(stated) if i not in faulty} if isinstance(stated, list) else {}
        if right and (found := [*_in_the_way(dict(zip(right, validate([*right.values()]), strict=True)))]):
            refuse(found, stated, wrong)
        raise
    if found := [*_in_the_way(dict(enumerate(losses)))]:
        refuse(found, losses)
    return losses


def _in_the_way(losses: Mapping[int, Loss]) -> Objections:
    """What keeps losses from being added up, once each, by where they stand."""
    for i, loss in losses.items():
        for other in (other for j, other in losses.items() if j < i):
            if other.kind == loss.kind:
                yield combination(
                    f"the loss `{loss.kind}` is stated twice",
                    field=i,
                    wanted="each loss once",
                    help="add the weights up: a kind has one term in the total",
                )
                break
            if other.logits_of and loss.logits_of and other.logits_of is not loss.logits_of:
                yield combination(
                    f"`{loss.kind}` and `{other.kind}` take the output for different things",
                    field=i,
                    wanted=f"one of them: an output is a {loss.logits_of.kind} or a {other.logits_of.kind}",
                    help="leave the one out that the output is not made for",
                )
                break


def _to_data(losses: tuple[Loss, ...]) -> Any:
    data = [loss.to_data() for loss in losses]
    return data if len(data) > 1 else data[0]


Losses = Annotated[
    tuple[Loss, ...], OneOrList(), Field(min_length=1), WrapValidator(_added_up), PlainSerializer(_to_data)
]
"""What is added up to what training makes small: a loss, or several of different kinds."""

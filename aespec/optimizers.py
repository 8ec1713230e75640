"""Optimizers. Their formulas are Keras's (https://keras.io/api/optimizers/), on every backend."""

from typing import Annotated, ClassVar

from pydantic import Field

from aespec.kind import Kind

Rate = Annotated[float, Field(gt=0, le=1e30)]
"""A positive number that float32 does not overflow at."""

Decay = Annotated[float, Field(ge=0, le=0.9999999)]
"""A share that is kept at each step; the bound is still below 1 in float32."""


class Optimizer(Kind):
    """How a step changes the parameters, given the gradients g."""

    family: ClassVar[str] = "optimizer"


class Sgd(Optimizer):
    """Gradient descent, ``w -= learning_rate * g``, with momentum where that is above zero."""

    kind = "sgd"
    main = "learning_rate"

    learning_rate: Rate = 0.01
    """Length of a step."""
    momentum: Decay = 0.0
    """Share of the last step that is taken again."""
    nesterov: bool = False
    """Look ahead by the momentum before the gradient's step (Sutskever et al., 2013)."""


class _Moments(Optimizer):
    """The fields of Adam and its kin."""

    main = "learning_rate"

    learning_rate: Rate = 0.001
    """Length of a step."""
    beta_1: Decay = 0.9
    """Decay of the first moment."""
    beta_2: Decay = 0.999
    """Decay of the second moment."""
    epsilon: Rate = 1e-7
    """Added to the root of the second moment."""


class Adam(_Moments):
    """Adam (Kingma and Ba, 2015), epsilon added to the uncorrected root of the second moment."""

    kind = "adam"


class AdamW(_Moments):
    """Adam with decoupled weight decay (Loshchilov and Hutter, 2019)."""

    kind = "adamw"

    weight_decay: Annotated[float, Field(ge=0, le=1e30)] = 0.004
    """Each step first takes ``learning_rate * weight_decay * w`` away."""


class Nadam(_Moments):
    """Adam with Nesterov momentum (Dozat, 2016)."""

    kind = "nadam"


class RMSprop(Optimizer):
    """RMSprop (Tieleman and Hinton, 2012), epsilon inside the root, momentum on the scaled step."""

    kind = "rmsprop"
    main = "learning_rate"

    learning_rate: Rate = 0.001
    """Length of a step."""
    rho: Decay = 0.9
    """Decay of the mean square."""
    momentum: Decay = 0.0
    """Share of the last step that is taken again."""
    epsilon: Rate = 1e-7
    """Added to the mean square."""
    centered: bool = False
    """Subtract the squared mean gradient, so that the variance scales the step."""

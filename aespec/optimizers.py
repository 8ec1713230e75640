"""Optimizers. Their formulas are Keras's (https://keras.io/api/optimizers/), on every backend."""

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import Field

from aespec.bounds import LARGEST
from aespec.kind import Kind

Rate = Annotated[float, Field(gt=0, le=LARGEST)]
"""A positive number that float32 does not overflow at."""

Decay = Annotated[float, Field(ge=0, le=0.9999999)]
"""A share that is kept at each step; the bound is still below 1 in float32."""

Share = Annotated[float, Field(ge=0, le=LARGEST)]


class Optimizer(Kind):
    """How a step changes the parameters, given the gradients g."""

    family: ClassVar[str] = "optimizer"
    main = "learning_rate"

    learning_rate: Rate = 0.001
    """Length of a step, before the schedule's factor."""
    weight_decay: Share = 0.0
    """Each step first takes ``learning_rate * weight_decay * w`` away (Loshchilov and Hutter, 2019)."""

    numbers: ClassVar[tuple[str, ...]] = ()
    """What is kept from step to step beside the number of steps, once for all parameters."""

    @property
    def slots(self) -> Mapping[str, float]:
        """What is kept for each parameter from step to step, in its shape: Keras's name, and the value at first."""
        return {}


class Sgd(Optimizer):
    """Gradient descent, ``w -= learning_rate * g``, with momentum where that is above zero."""

    kind = "sgd"

    learning_rate: Rate = 0.01
    """Length of a step, before the schedule's factor."""
    momentum: Decay = 0.0
    """Share of the last step that is taken again."""
    nesterov: bool = False
    """Look ahead by the momentum before the gradient's step (Sutskever et al., 2013)."""

    @property
    def slots(self) -> Mapping[str, float]:
        """The last step, where it is taken again."""
        return {"momentum": 0.0} if self.momentum else {}


class _Moments(Optimizer):
    """The fields of Adam and its kin."""

    beta_1: Decay = 0.9
    """Decay of the first moment."""
    beta_2: Decay = 0.999
    """Decay of the second moment."""
    epsilon: Rate = 1e-7
    """Added to the root of the second moment."""

    @property
    def slots(self) -> Mapping[str, float]:
        """The two moments."""
        return {"momentum": 0.0, "velocity": 0.0}


class Adam(_Moments):
    """Adam (Kingma and Ba, 2015), epsilon added to the uncorrected root of the second moment."""

    kind = "adam"


class AdamW(_Moments):
    """Adam with decoupled weight decay (Loshchilov and Hutter, 2019)."""

    kind = "adamw"

    weight_decay: Share = 0.004
    """Each step first takes ``learning_rate * weight_decay * w`` away."""


class Nadam(_Moments):
    """Adam with Nesterov momentum (Dozat, 2016)."""

    kind = "nadam"
    numbers = ("product",)


class Adamax(_Moments):
    """Adam whose second moment is the largest gradient, which fades (Kingma and Ba, 2015, section 7.1)."""

    kind = "adamax"

    epsilon: Rate = 1e-7
    """Added to the largest gradient."""

    @property
    def slots(self) -> Mapping[str, float]:
        """The first moment and the largest gradient."""
        return {"momentum": 0.0, "norm": 0.0}


class RMSprop(Optimizer):
    """RMSprop (Tieleman and Hinton, 2012), epsilon inside the root, momentum on the scaled step."""

    kind = "rmsprop"

    rho: Decay = 0.9
    """Decay of the mean square."""
    momentum: Decay = 0.0
    """Share of the last step that is taken again."""
    epsilon: Rate = 1e-7
    """Added to the mean square."""
    centered: bool = False
    """Subtract the squared mean gradient, so that the variance scales the step."""

    @property
    def slots(self) -> Mapping[str, float]:
        """The mean square; the last step and the mean gradient where they are used."""
        more = {"momentum": self.momentum > 0, "average_gradient": self.centered}
        return {"velocity": 0.0, **{name: 0.0 for name, used in more.items() if used}}


class Adagrad(Optimizer):
    """Adagrad (Duchi et al., 2011): each parameter's step shrinks with the squares of all its gradients."""

    kind = "adagrad"

    initial_accumulator_value: Share = 0.1
    """Where the sum of squares begins."""
    epsilon: Rate = 1e-7
    """Added to the sum of squares, inside the root."""

    @property
    def slots(self) -> Mapping[str, float]:
        """The sum of squares."""
        return {"accumulator": self.initial_accumulator_value}


class Adadelta(Optimizer):
    """Adadelta (Zeiler, 2012): steps as long as those that were taken, scaled by the gradients' mean square.

    The paper's has ``learning_rate: 1.0``; Keras's default is a thousandth of that.
    """

    kind = "adadelta"

    rho: Decay = 0.95
    """Decay of both mean squares."""
    epsilon: Rate = 1e-7
    """Added to both mean squares, inside the roots."""

    @property
    def slots(self) -> Mapping[str, float]:
        """The mean squares of the gradients and of the steps."""
        return {"accumulated_grad": 0.0, "accumulated_delta_var": 0.0}

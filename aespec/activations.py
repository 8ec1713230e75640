"""Activations: the functions a layer may end in. Constants are fields; no framework default is used.

The formulas are those of https://keras.io/api/layers/activations/.
"""

from math import inf
from typing import Annotated, ClassVar

from pydantic import Field

from aespec.kind import Kind

Scale = Annotated[float, Field(ge=1e-6, le=1e6)]
"""A constant of an activation; within bounds that float32 can compute with."""


class Activation(Kind):
    """A function of a node's values, elementwise unless its text says otherwise."""

    family: ClassVar[str] = "activation"

    elementwise: ClassVar[bool] = True
    """Whether each value depends on its own pre-activation only."""
    bounds: ClassVar[tuple[float, float]] = (-inf, inf)
    """Between what all values lie, whatever the constants are."""

    @property
    def reach(self) -> tuple[float, float]:
        """Between what the values lie."""
        return self.bounds


class Linear(Activation):
    """``x``."""

    kind = "linear"
    elsewhere = ("Identity", "none")


class Relu(Activation):
    """``max(x, 0)``."""

    kind = "relu"
    bounds = (0.0, inf)


class Relu6(Activation):
    """``min(max(x, 0), 6)``."""

    kind = "relu6"
    bounds = (0.0, 6.0)


class LeakyRelu(Activation):
    """``x`` where positive, else ``negative_slope * x``."""

    kind = "leaky_relu"
    elsewhere = ("lrelu",)
    main = "negative_slope"

    negative_slope: Annotated[float, Field(ge=0, le=1e6)] = 0.2
    """Slope below zero."""

    @property
    def reach(self) -> tuple[float, float]:
        """All numbers, unless the slope is none."""
        return (-inf if self.negative_slope > 0 else 0.0), inf


class Elu(Activation):
    """``x`` where positive, else ``alpha * (exp(x) - 1)`` (Clevert et al., 2016)."""

    kind = "elu"
    main = "alpha"

    alpha: Scale = 1.0
    """The limit at minus infinity is ``-alpha``."""

    @property
    def reach(self) -> tuple[float, float]:
        """From the limit at minus infinity up."""
        return -self.alpha, inf


class Celu(Activation):
    """``max(x, 0) + min(alpha * (exp(x / alpha) - 1), 0)`` (Barron, 2017)."""

    kind = "celu"
    main = "alpha"

    alpha: Scale = 1.0
    """The limit at minus infinity is ``-alpha``."""

    @property
    def reach(self) -> tuple[float, float]:
        """From the limit at minus infinity up."""
        return -self.alpha, inf


class Selu(Activation):
    """``scale * x`` where positive, else ``scale * alpha * (exp(x) - 1)`` (Klambauer et al., 2017).

    ``scale`` is 1.0507009873554805 and ``alpha`` 1.6732632423543772. At exactly zero the derivative is
    ``scale * alpha``, the limit from below.
    """

    kind = "selu"

    SCALE: ClassVar[float] = 1.0507009873554805
    ALPHA: ClassVar[float] = 1.6732632423543772
    bounds = (-SCALE * ALPHA, inf)


class Gelu(Activation):
    """``x * Phi(x)``, Phi the standard normal distribution function (Hendrycks and Gimpel, 2016)."""

    kind = "gelu"
    bounds = (-0.1701, inf)

    approximate: bool = False
    """Use ``0.5 * x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x**3)))`` instead."""


class Silu(Activation):
    """``x * sigmoid(x)``, also called swish."""

    kind = "silu"
    elsewhere = ("swish",)
    bounds = (-0.2785, inf)


class Mish(Activation):
    """``x * tanh(softplus(x))`` (Misra, 2019)."""

    kind = "mish"
    bounds = (-0.3089, inf)


class Sigmoid(Activation):
    """``1 / (1 + exp(-x))``."""

    kind = "sigmoid"
    elsewhere = ("logistic",)
    bounds = (0.0, 1.0)


class HardSigmoid(Activation):
    """``relu6(x + 3) / 6``."""

    kind = "hard_sigmoid"
    bounds = (0.0, 1.0)


class HardSilu(Activation):
    """``x * relu6(x + 3) / 6``."""

    kind = "hard_silu"
    bounds = (-0.375, inf)


class LogSigmoid(Activation):
    """``-softplus(-x)``."""

    kind = "log_sigmoid"
    bounds = (-inf, 0.0)


class Tanh(Activation):
    """The hyperbolic tangent."""

    kind = "tanh"
    bounds = (-1.0, 1.0)


class HardTanh(Activation):
    """``x`` clipped to [-1, 1]."""

    kind = "hard_tanh"
    bounds = (-1.0, 1.0)


class TanhShrink(Activation):
    """``x - tanh(x)``."""

    kind = "tanh_shrink"


class Softplus(Activation):
    """``log(1 + exp(x))``."""

    kind = "softplus"
    bounds = (0.0, inf)


class Softsign(Activation):
    """``x / (1 + abs(x))``."""

    kind = "softsign"
    bounds = (-1.0, 1.0)


class Exponential(Activation):
    """``exp(x)``."""

    kind = "exponential"
    bounds = (0.0, inf)


class Softmax(Activation):
    """``exp(x) / sum(exp(x))`` over the last axis."""

    kind = "softmax"
    bounds = (0.0, 1.0)
    elementwise = False


class LogSoftmax(Activation):
    """``x - log(sum(exp(x)))`` over the last axis."""

    kind = "log_softmax"
    bounds = (-inf, 0.0)
    elementwise = False

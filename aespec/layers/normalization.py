"""Layers that bring values to a common scale."""

from typing import Annotated

from pydantic import Field, PositiveFloat

from aespec.initializers import Initializer, Ones, Zeros
from aespec.layers.base import Example, Layer, Param, known
from aespec.shapes import Shape, elements


class _Normalization(Layer):
    """The fields and rules of both."""

    epsilon: PositiveFloat = 1e-3
    """Added to the variance."""
    center: bool = True
    """Add beta."""
    scale: bool = True
    """Multiply by gamma."""
    beta_initializer: Initializer = Zeros()
    """How beta starts."""
    gamma_initializer: Initializer = Ones()
    """How gamma starts."""

    def infer(self, x: Shape) -> Shape:
        """(..., n) -> (..., n)."""
        known(x, -1, "channels")
        return x

    def params(self, x: Shape) -> dict[str, Param]:
        """Gamma and beta, each (n,)."""
        shape = (known(x, -1, "channels"),)
        return {
            **({"gamma": Param(shape, self.gamma_initializer)} if self.scale else {}),
            **({"beta": Param(shape, self.beta_initializer)} if self.center else {}),
        }

    def multiply_adds(self, x: Shape) -> int | None:
        """One an element."""
        return elements(x)


class BatchNormalization(_Normalization):
    """``gamma * (x - mean) / sqrt(variance + epsilon) + beta``, a mean and variance for each channel.

    Training takes the moments of the batch, over all axes but the last, and keeps a running average of
    them (of the biased variance); otherwise that average is used. (Ioffe and Szegedy, 2015)
    """

    kind = "batch_normalization"
    elsewhere = ("batchnorm", "bn")
    stepwise = True
    examples = (
        Example(input=(5,)),
        Example({"center": False, "epsilon": 1e-2}, input=(4, 3, 2)),
        Example({"scale": False, "momentum": 0.9}, input=(None, 3)),
    )

    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.99
    """Share of the running average that a step keeps."""

    def params(self, x: Shape) -> dict[str, Param]:
        """Gamma, beta, moving_mean and moving_variance, each (n,)."""
        shape = (known(x, -1, "channels"),)
        return {
            **super().params(x),
            "moving_mean": Param(shape, Zeros(), trainable=False),
            "moving_variance": Param(shape, Ones(), trainable=False),
        }


class LayerNormalization(_Normalization):
    """``gamma * (x - mean) / sqrt(variance + epsilon) + beta``, the moments over a sample's last axis.

    (Ba et al., 2016)
    """

    kind = "layer_normalization"
    elsewhere = ("layernorm", "ln")
    stepwise = True
    examples = (Example(input=(5,)), Example({"scale": False, "epsilon": 1e-2}, input=(3, 4)))

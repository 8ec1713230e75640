"""Layers that disturb their input while training and pass it on unchanged otherwise."""

from typing import Annotated

from pydantic import Field

from aespec.layers.base import Example, Layer
from aespec.regularizers import Weight

Rate = Annotated[float, Field(ge=0, lt=1)]


class Dropout(Layer):
    """Sets a fraction of the values to zero and divides the rest by what remains (Srivastava et al., 2014)."""

    kind = "dropout"
    stepwise = True
    main = "rate"
    stochastic = "uniform"
    examples = (Example({"rate": 0.5}, input=(6,)),)

    rate: Rate
    """Fraction of the values that is set to zero."""


class MaskingNoise(Layer):
    """Sets a fraction of the values to zero and leaves the rest alone (Vincent et al., 2010)."""

    kind = "masking_noise"
    stepwise = True
    main = "rate"
    stochastic = "uniform"
    examples = (Example({"rate": 0.25}, input=(6,)),)

    rate: Rate
    """Fraction of the values that is set to zero."""


class GaussianNoise(Layer):
    """Adds normal noise of mean zero."""

    kind = "gaussian_noise"
    elsewhere = ("noise",)
    stepwise = True
    main = "stddev"
    stochastic = "normal"
    examples = (Example({"stddev": 0.2}, input=(6,)),)

    stddev: Weight
    """Standard deviation of the noise."""

"""The fully connected layer."""

from typing import Annotated

from pydantic import Field

from aespec.activations import Activation, Linear
from aespec.layers.base import Example, Layer, Param, Weighted, known
from aespec.shapes import Shape, elements

Units = Annotated[int, Field(ge=1, lt=2**31)]


class Dense(Weighted):
    """Fully connected: ``y = activation(x @ kernel + bias)`` over the last axis."""

    kind = "dense"
    elsewhere = ("Linear", "FullyConnected", "FC", "Bottleneck", "Code")
    stepwise = True
    main = "units"
    ties_with = ("dense",)
    tied_transposed = True
    examples = (
        Example({"units": 3}, input=(5,)),
        Example({"units": 4, "activation": "selu", "use_bias": False}, input=(2, 3)),
        Example({"units": 3, "activation": "relu"}, input=(None, 4)),
    )

    units: Units
    """Width of the output."""
    activation: Activation = Linear()
    """What the output goes through."""
    tied_to: str | None = Field(default=None, examples=["encoder/dense_1"])
    """The dense layer whose transposed kernel this one uses instead of its own, as ``encoder/dense_1``."""

    def infer(self, x: Shape) -> Shape:
        """(..., n) -> (..., units)."""
        known(x, -1, "features")
        return (*x[:-1], self.units)

    def params(self, x: Shape) -> dict[str, Param]:
        """Kernel (n, units), bias (units,)."""
        return {**self.kernel(known(x, -1, "features"), self.units), **self.bias(self.units)}

    def multiply_adds(self, x: Shape) -> int | None:
        """One a kernel element and position."""
        n = elements(x)
        return n and n * self.units

    def mirror(self, x: Shape, *, pool: Layer | None = None, output: bool = False) -> tuple[Layer, ...]:
        """A dense layer of the width that this one was given."""
        return (Dense(units=known(x, -1, "features"), **self.alike()),)

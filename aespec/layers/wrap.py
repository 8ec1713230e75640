"""A layer applied at every step of a sequence."""

from typing import Self

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from aespec import activations
from aespec.layers.base import Example, Layer, Param
from aespec.regularizers import Regularizer, Target
from aespec.shapes import Shape, ShapeError, show_shape


class TimeDistributed(Layer):
    """One layer, with one set of weights, applied at every step of the first axis.

    The steps count as samples: a batch normalization inside takes its moments over the batch and the steps.
    """

    kind = "time_distributed"
    main = "layer"
    examples = (
        Example({"layer": {"dense": {"units": 3, "activation": "sigmoid"}}}, input=(4, 2)),
        Example({"layer": {"dense": 2}}, input=(None, 3)),
        Example({"layer": {"conv2d": {"filters": 2, "kernel_size": 2}}}, input=(3, 4, 4, 1)),
        Example({"layer": "batch_normalization"}, input=(3, 2)),
        Example({"layer": {"lstm": 2}}, input=(2, 3, 2)),
    )

    layer: Layer = Field(examples=[{"dense": 16}])
    """The layer."""

    @field_validator("layer")
    @classmethod
    def _not_a_code(cls, layer: Layer) -> Layer:
        if layer.kind == "gaussian_latent":
            raise PydanticCustomError(
                "wrapped",
                "`gaussian_latent` cannot be wrapped",
                {"wanted": "any other layer", "got": layer.kind, "help": "it already works over the last axis alone"},
            )
        return layer

    @property
    def output_activation(self) -> activations.Activation | None:
        """The layer's."""
        return self.layer.output_activation

    def activated(self, activation: activations.Activation) -> Self:
        """The same with another activation in the layer."""
        return self.model_copy(update={"layer": self.layer.activated(activation)})

    def biased(self) -> Self:
        """The same with a bias in the layer."""
        return self.model_copy(update={"layer": self.layer.biased()})

    @property
    def innermost(self) -> Layer:
        """The layer."""
        return self.layer.innermost

    def tied(self, node: str | None) -> Self:
        """The same with the layer tied."""
        return self.model_copy(update={"layer": self.layer.tied(node)})

    def infer(self, x: Shape) -> Shape:
        """(steps, ...) -> (steps, what the layer makes of the rest)."""
        if len(x) < 2:
            raise ShapeError(
                "there are no steps to apply the layer at", wanted="(steps, features, ...)", got=show_shape(x)
            )
        return (x[0], *self.layer.infer(x[1:]))

    def params(self, x: Shape) -> dict[str, Param]:
        """The layer's."""
        return self.layer.params(x[1:])

    def multiply_adds(self, x: Shape) -> int | None:
        """The layer's, at each step."""
        once = self.layer.multiply_adds(x[1:])
        return None if x[0] is None or once is None else x[0] * once

    def mirror(self, x: Shape, *, pool: Layer | None = None, output: bool = False) -> tuple[Layer, ...]:
        """The layer's mirror, at every step."""
        return tuple(TimeDistributed(layer=layer) for layer in self.layer.mirror(x[1:], output=output))

    def note(self, x: Shape) -> str:
        """The layer's, of a step."""
        return self.layer.note(x[1:])

    def penalties(self, input_elements: int | None) -> tuple[tuple[Target, Regularizer], ...]:
        """The layer's, on the output of all steps."""
        return self.layer.penalties(input_elements)

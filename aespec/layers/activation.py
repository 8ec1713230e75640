"""An activation as a layer of its own."""

from typing import Self

from pydantic import Field

from aespec import activations
from aespec.layers.base import Example, Layer
from aespec.regularizers import ACTIVITY, Regularizer


class Activation(Layer):
    """An activation as a layer of its own: ``y = function(x)``."""

    kind = "activation"
    stepwise = True
    main = "function"
    examples = (Example({"function": "relu"}, input=(5,)), Example({"function": "softmax"}, input=(2, 4)))

    function: activations.Activation = Field(examples=["relu", {"leaky_relu": 0.1}])
    """The function."""
    activity_regularizer: Regularizer | None = Field(default=None, examples=[{"l1": 0.001}], json_schema_extra=ACTIVITY)
    """A term of the loss on the output."""

    @property
    def output_activation(self) -> activations.Activation:
        """The function."""
        return self.function

    def activated(self, activation: activations.Activation) -> Self:
        """The layer with another function."""
        return self.model_copy(update={"function": activation})

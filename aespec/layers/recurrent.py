"""Recurrent layers, one direction or two."""

from typing import ClassVar, Literal, Self

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from aespec import activations
from aespec.initializers import Initializer, Orthogonal, UnitForgetBias
from aespec.layers.arrange import RepeatVector
from aespec.layers.base import Example, Layer, Param, Weighted, known
from aespec.layers.dense import Dense, Units
from aespec.layers.wrap import TimeDistributed
from aespec.regularizers import PARAMETER, Regularizer, Target
from aespec.shapes import Shape, need_rank


class Recurrent(Weighted):
    """The fields and rules that recurrent layers share."""

    gates: ClassVar[int]
    """Number of matrices in a kernel, side by side."""

    units: Units
    """Width of the state and of the output."""
    return_sequences: bool = False
    """Give the output of every step rather than of the last."""
    recurrent_initializer: Initializer = Orthogonal()
    """How the recurrent kernel starts."""
    recurrent_regularizer: Regularizer | None = Field(
        default=None, examples=[{"l2": 0.001}], json_schema_extra=PARAMETER
    )
    """A term of the loss on the recurrent kernel."""

    @property
    def output_activation(self) -> activations.Activation:
        """The output is bounded as a tanh is."""
        return activations.Tanh()

    @property
    def at_every_step(self) -> Layer | None:
        """The same with return_sequences."""
        return None if self.return_sequences else self.model_copy(update={"return_sequences": True})

    def infer(self, x: Shape) -> Shape:
        """(steps, n) -> (steps, units), or (units,) without return_sequences."""
        need_rank(x, "steps, features")
        known(x, -1, "features")
        return (x[0], self.units) if self.return_sequences else (self.units,)

    def kernels(self, x: Shape) -> dict[str, Param]:
        """Kernel (n, gates * units), recurrent_kernel (units, gates * units)."""
        width = self.gates * self.units
        recurrent = Param((self.units, width), self.recurrent_initializer, regularizer=self.recurrent_regularizer)
        return {**self.kernel(known(x, -1, "features"), width), "recurrent_kernel": recurrent}

    def multiply_adds(self, x: Shape) -> int | None:
        """Both kernels at each step."""
        width = self.gates * self.units
        return x[0] and x[0] * width * (known(x, -1, "features") + self.units)

    def mirror(self, x: Shape, *, pool: Layer | None = None, output: bool = False) -> tuple[Layer, ...]:
        """The same kind over the steps; where it ends the model, a dense layer at each step.

        A layer that gave its last output only is first undone by repeating the vector.
        """
        return unroll(self, self, x, output=output)

    def back_to(self, units: int) -> "Recurrent":
        """This kind of layer, giving ``units`` at every step."""
        return self.model_copy(
            update={
                "name": None,
                "freeze": None,
                "units": units,
                "return_sequences": True,
                "activity_regularizer": None,
            }
        )


class LSTM(Recurrent):
    """Long short-term memory (Hochreiter and Schmidhuber, 1997), gates in the order i f c o, one bias.

    ``i, f, o`` are sigmoids and ``g`` a tanh of ``x @ kernel + h @ recurrent_kernel + bias``;
    ``c = f * c + i * g`` and ``h = o * tanh(c)``.
    """

    kind = "lstm"
    main = "units"
    gates = 4
    examples = (
        Example({"units": 3}, input=(4, 2)),
        Example({"units": 3, "return_sequences": True, "use_bias": False}, input=(4, 2)),
        Example({"units": 2, "return_sequences": True}, input=(None, 3)),
    )

    unit_forget_bias: bool = True
    """Start the forget gate's bias at one and the others at zero, whatever bias_initializer says."""

    def params(self, x: Shape) -> dict[str, Param]:
        """Kernel (n, 4 * units), recurrent_kernel (units, 4 * units), bias (4 * units,)."""
        bias = self.bias(4 * self.units)
        if bias and self.unit_forget_bias:
            bias["bias"] = Param(bias["bias"].shape, UnitForgetBias(), regularizer=self.bias_regularizer)
        return {**self.kernels(x), **bias}


class GRU(Recurrent):
    """Gated recurrent unit (Cho et al., 2014), gates in the order z r h, reset applied after the product.

    ``z, r`` are sigmoids of ``x @ kernel + bias[0] + h @ recurrent_kernel + bias[1]``;
    ``g = tanh(x_h + r * h_h)`` and ``h = z * h + (1 - z) * g``.
    """

    kind = "gru"
    main = "units"
    gates = 3
    examples = (
        Example({"units": 3}, input=(4, 2)),
        Example({"units": 3, "return_sequences": True, "use_bias": False}, input=(4, 2)),
        Example({"units": 2, "return_sequences": True}, input=(None, 3)),
    )

    def params(self, x: Shape) -> dict[str, Param]:
        """Kernel (n, 3 * units), recurrent_kernel (units, 3 * units), bias (2, 3 * units)."""
        return {**self.kernels(x), **self.bias(2, 3 * self.units)}


class Bidirectional(Layer):
    """A recurrent layer and its twin that reads the steps from the end (Schuster and Paliwal, 1997).

    The twin's outputs are put back into the order of the input's steps.
    """

    kind = "bidirectional"
    main = "layer"
    examples = (
        Example({"layer": {"lstm": {"units": 2, "return_sequences": True}}}, input=(4, 3)),
        Example({"layer": {"gru": 3}}, input=(4, 2)),
        Example({"layer": {"lstm": 2}, "merge_mode": "sum"}, input=(3, 2)),
    )

    layer: Layer = Field(examples=[{"lstm": 32}], json_schema_extra={"x-members": "recurrent"})
    """The recurrent layer."""
    merge_mode: Literal["concat", "sum", "mul", "ave"] = "concat"
    """How the two outputs become one."""

    @field_validator("layer")
    @classmethod
    def _recurrent(cls, layer: Layer) -> Layer:
        if not isinstance(layer, Recurrent):
            raise PydanticCustomError(
                "wrapped",
                "`bidirectional` wraps a recurrent layer",
                {
                    "wanted": "`lstm` or `gru`",
                    "got": f"`{layer.kind}`",
                    "help": "leave `bidirectional` out; what is to be done at each step stands in `time_distributed`",
                },
            )
        return layer

    @property
    def recurrent(self) -> Recurrent:
        """The wrapped layer, by its type."""
        assert isinstance(self.layer, Recurrent)
        return self.layer

    @property
    def output_activation(self) -> activations.Activation:
        """The output is bounded as a tanh is."""
        return activations.Tanh()

    @property
    def at_every_step(self) -> Layer | None:
        """The same around the layer that gives every step."""
        layer = self.layer.at_every_step
        return layer and self.model_copy(update={"layer": layer})

    def activated(self, activation: activations.Activation) -> Self:
        """The layer itself: its activation is not a choice."""
        return self

    def infer(self, x: Shape) -> Shape:
        """(steps, n) -> (steps, units) or (units,), twice the units when concatenated."""
        y = self.layer.infer(x)
        width = self.recurrent.units * (2 if self.merge_mode == "concat" else 1)
        return (*y[:-1], width)

    def params(self, x: Shape) -> dict[str, Param]:
        """The parameters of the layer, once as forward_* and once as backward_*."""
        own = self.layer.params(x)
        return {f"{direction}_{name}": p for direction in ("forward", "backward") for name, p in own.items()}

    def multiply_adds(self, x: Shape) -> int | None:
        """Those of two layers."""
        once = self.layer.multiply_adds(x)
        return once and 2 * once

    def mirror(self, x: Shape, *, pool: Layer | None = None, output: bool = False) -> tuple[Layer, ...]:
        """As the wrapped layer's, reading both ways wherever the width can be halved."""
        return unroll(self, self.recurrent, x, output=output)

    def back_to(self, units: int) -> Layer:
        """The same, giving ``units`` at every step."""
        if self.merge_mode == "concat" and units % 2:
            return self.recurrent.back_to(units)
        own = units // 2 if self.merge_mode == "concat" else units
        return self.model_copy(update={"name": None, "freeze": None, "layer": self.recurrent.back_to(own)})

    def penalties(self, input_elements: int | None) -> tuple[tuple[Target, Regularizer], ...]:
        """Those of the layer, on the merged output."""
        return self.layer.penalties(input_elements)


def unroll(layer: Recurrent | Bidirectional, recurrent: Recurrent, x: Shape, *, output: bool) -> tuple[Layer, ...]:
    """The mirror of a recurrent layer that was given ``x``."""
    need_rank(x, "steps, features")
    features = known(x, -1, "features")
    if recurrent.return_sequences:
        repeat: tuple[Layer, ...] = ()
    else:
        repeat = (
            RepeatVector(n=known(x, 0, "steps", help="say how many to write: `decoder: {mirror: {length: ...}}`")),
        )
    if not output:
        return (*repeat, layer.back_to(features))
    # A vector repeated has nothing to tell the steps apart: without a recurrent layer all would be equal.
    between = () if recurrent.return_sequences else (layer.back_to(layer.infer(x)[-1] or 0),)
    return (*repeat, *between, TimeDistributed(layer=Dense(units=features)))

"""What stock Keras has no layer for: layers of our own, registered so that ``.keras`` files name them ``aespec>...``.

A file that names one is loaded after ``import aespec_keras``; all others need Keras alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from aespec.shapes import Shape
from aespec_keras.framework import keras

__all__ = [
    "DilatedConv1DTranspose",
    "DilatedConv2DTranspose",
    "Steps",
    "TiedConv1D",
    "TiedConv1DTranspose",
    "TiedConv2D",
    "TiedConv2DTranspose",
    "TiedDense",
    "TiedModel",
    "all_layers",
    "nested",
    "stretch",
]

ops = keras.ops
Tensor = Any

registered = keras.saving.register_keras_serializable("aespec")


def nested(function: Callable[[Tensor], Tensor], x: Shape, *, name: str, dtype: str) -> Any:
    """A function of stock layers and operations as one nested stock model, which stands for it as a layer."""
    inputs = keras.Input(x, dtype=dtype, name="input")
    with keras.name_scope(name):
        return keras.Model(inputs, function(inputs), name=name)


class _Stretched:
    """A transposed convolution that dilates its kernel itself: TensorFlow has no dilated one on a CPU."""

    def call(self: Any, inputs: Tensor) -> Tensor:
        """The stock layer's outputs."""
        outputs = ops.conv_transpose(
            inputs,
            stretch(self.kernel, self.dilation_rate),
            strides=list(self.strides),
            padding=self.padding,
            output_padding=self.output_padding,
            data_format=self.data_format,
        )
        if self.use_bias:
            outputs = outputs + self.bias
        return self.activation(outputs)


class _Tied:
    """A layer that uses the kernel of another, its ``source``, as it is stored there.

    In a file the source stands in full, so that a decoder saved by itself has all it needs. `TiedModel` has Keras
    give two mentions of one source back as one layer.
    """

    def __init__(self, *args: Any, source: Any, **fields: Any) -> None:
        super().__init__(*args, **fields)
        # Behind a function, where Keras doesn't take the source for a part of this layer.
        self._source: Callable[[], Any] = lambda: source

    @property
    def source(self) -> Any:
        """The Keras layer that stores the kernel."""
        return self._source()

    def add_weight(self, *args: Any, name: str | None = None, **fields: Any) -> Any:
        """The source's kernel in place of a new one."""
        return self.source.kernel if name == "kernel" else super().add_weight(*args, name=name, **fields)  # type: ignore[misc]

    def get_config(self) -> dict[str, Any]:
        """The stock layer's, and the source's."""
        return {**super().get_config(), "source": keras.saving.serialize_keras_object(self.source)}  # type: ignore[misc]

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """The layer, its source the one that the model already has."""
        return super().from_config({**config, "source": keras.saving.deserialize_keras_object(config["source"])})  # type: ignore[misc]


@registered
class DilatedConv1DTranspose(_Stretched, keras.layers.Conv1DTranspose):  # type: ignore[misc]
    """A dilated transposed convolution over time."""


@registered
class DilatedConv2DTranspose(_Stretched, keras.layers.Conv2DTranspose):  # type: ignore[misc]
    """A dilated transposed convolution over images."""


@registered
class TiedConv1D(_Tied, keras.layers.Conv1D):  # type: ignore[misc]
    """A convolution over time with the kernel of a transposed one."""


@registered
class TiedConv2D(_Tied, keras.layers.Conv2D):  # type: ignore[misc]
    """A convolution over images with the kernel of a transposed one."""


@registered
class TiedConv1DTranspose(_Tied, _Stretched, keras.layers.Conv1DTranspose):  # type: ignore[misc]
    """A transposed convolution over time with the kernel of a plain one."""


@registered
class TiedConv2DTranspose(_Tied, _Stretched, keras.layers.Conv2DTranspose):  # type: ignore[misc]
    """A transposed convolution over images with the kernel of a plain one."""


@registered
class TiedDense(_Tied, keras.layers.Dense):  # type: ignore[misc]
    """A dense layer with the kernel of another, transposed: ``y = activation(x @ transpose(kernel) + bias)``."""

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        """(..., n) -> (..., units)."""
        outputs = ops.matmul(inputs, ops.transpose(self.kernel))
        if self.use_bias:
            outputs = outputs + self.bias
        return self.activation(outputs)


@registered
class TiedModel(keras.Model):  # type: ignore[misc]
    """A functional model whose tied kernels are still tied when it is loaded.

    Keras gives an object back as one only from its second mention on (it copies a nested model's mentions before it
    could mark them), so the sources are mentioned before all else.
    """

    def get_config(self) -> dict[str, Any]:
        """The functional model's."""
        for layer in all_layers(self):
            if isinstance(layer, _Tied):
                keras.saving.serialize_keras_object(layer.source)
        config: dict[str, Any] = super().get_config()
        return config


@registered
class Steps(keras.layers.Wrapper):  # type: ignore[misc]
    """A layer applied at every step, the steps folded into the batch: the number of steps may be unknown."""

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Build the layer for one step."""
        super().build((None, *input_shape[2:]))

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> tuple[int | None, ...]:
        """(batch, steps, ...) -> (batch, steps, what the layer makes of the rest)."""
        return (*input_shape[:2], *self.layer.compute_output_shape((None, *input_shape[2:]))[1:])

    def call(self, inputs: Tensor, training: bool | None = None) -> Tensor:
        """All steps of all samples as one batch."""
        shape = ops.shape(inputs)
        outputs = self.layer(ops.reshape(inputs, (-1, *shape[2:])), training=training)
        return ops.reshape(outputs, (*shape[:2], *ops.shape(outputs)[1:]))


def all_layers(layer: Any) -> Iterator[Any]:
    """A layer, and those that it is made of."""
    yield layer
    for part in getattr(layer, "layers", [layer.layer] if isinstance(layer, keras.layers.Wrapper) else []):
        yield from all_layers(part)


def stretch(kernel: Tensor, rates: Sequence[int]) -> Tensor:
    """The kernel with ``rate - 1`` zeros between its elements, on each of its first axes."""
    for axis, rate in enumerate(rates):
        shape = kernel.shape
        zeros = [(0, rate - 1 if i == axis + 1 else 0) for i in range(len(shape) + 1)]
        spread = ops.pad(ops.expand_dims(kernel, axis + 1), zeros)
        kernel = ops.reshape(spread, (*shape[:axis], shape[axis] * rate, *shape[axis + 1 :]))
        kernel = kernel[(*(slice(None) for _ in range(axis)), slice(shape[axis] * rate - rate + 1))]
    return kernel

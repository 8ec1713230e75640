"""Models in a model that stand for one kind of layer, by the layers that they are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import pi, sqrt
from typing import Any

from aespec_keras.reading.config import Config

__all__ = ["special"]

Layers = Sequence[Config]

Fields = Callable[[tuple[str, ...], Config], Iterator[tuple[str, Any]]]
"""Those of a layer's fields, as a spec states them."""


def special(model: Config, fields: Fields) -> Any:
    """What a nested model stands for, as a spec states it; None where it is a model as any other."""
    layers = model["config"]["layers"]
    meaning = SPECIAL.get(tuple(layer["class_name"] for layer in layers))
    return meaning(layers, fields) if meaning is not None else None


def _masking(layers: Layers, fields: Fields) -> Any:
    return {"masking_noise": {"rate": layers[2]["config"]["rate"]}}


def _leaky(layers: Layers, fields: Fields) -> Any:
    return {"activation": {"function": {"leaky_relu": layers[1]["config"]["negative_slope"]}}}


def _celu(layers: Layers, fields: Fields) -> Any:
    least, alpha, zero, factor = _constants(layers)
    return {"activation": {"function": {"celu": alpha}}} if (least, zero, factor) == (0, 0, alpha) else None


def _gelu(layers: Layers, fields: Fields) -> Any:
    usual = _constants(layers) == [3, 0.044715, sqrt(2 / pi), 0.5, 1]
    return {"activation": {"function": {"gelu": {"approximate": True}}}} if usual else None


def _gaussian(layers: Layers, fields: Fields) -> Any:
    by_name = {layer["name"]: layer["config"] for layer in layers}
    penalty = by_name["divergence"].get("activity_regularizer")
    return {
        "gaussian_latent": {
            "units": by_name["mean"]["units"],
            "beta": 2 * penalty["config"]["l1"] if penalty else 0.0,
            **dict(fields(("kernel_initializer", "bias_initializer"), by_name["mean"])),
        }
    }


def _constants(layers: Layers) -> list[float]:
    """The numbers that operations are given, in their order."""
    calls = (call for layer in layers for call in layer["inbound_nodes"])
    return [value for call in calls for value in call["args"] if isinstance(value, int | float)]


SPECIAL: dict[tuple[str, ...], Callable[[Layers, Fields], Any]] = {
    ("InputLayer", "LeakyRelu"): _leaky,
    ("InputLayer", "Minimum", "TrueDivide", "Expm1", "Greater", "Multiply", "Where"): _celu,
    ("InputLayer", "Power", "Multiply", "Add", "Multiply", "Tanh", "Multiply", "Add", "Multiply"): _gelu,
    ("InputLayer", "OnesLike", "Dropout", "Minimum", "Multiply"): _masking,
    (
        *("InputLayer", "Dense", "Dense", "Cast", "Square", "Cast", "Subtract", "Expm1", "Add", "Cast", "Activation"),
        *("TrueDivide", "ZerosLike", "Exp", "GaussianNoise", "Multiply", "Add"),
    ): _gaussian,
}

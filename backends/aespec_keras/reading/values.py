"""Values of a layer's fields as a spec states them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aespec.diagnostics import show
from aespec.importing import Unsaid
from aespec_keras.reading.config import Config, registered

__all__ = [
    "INITIALIZERS",
    "REGULARIZERS",
    "activation",
    "alike",
    "check_dtype",
    "ends",
    "freeze",
    "worded",
]

INITIALIZERS = {"zeros", "ones", "constant", "random_uniform", "random_normal", "truncated_normal", "variance_scaling"}
INITIALIZERS |= {"glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "lecun_uniform", "lecun_normal"}
INITIALIZERS |= {"orthogonal"}

REGULARIZERS: dict[str, Callable[[Config], Any]] = {
    "L1": lambda config: {"l1": config["l1"]},
    "L2": lambda config: {"l2": config["l2"]},
    "L1L2": lambda config: {"l1_l2": {"l1": config["l1"], "l2": config["l2"]}},
    "aespec>KLDivergence": lambda config: {"kl_divergence": dict(config)},
}

ACTIVATIONS = {"swish": "silu", "hard_swish": "hard_silu"}
"""Other names of activations."""


def activation(value: Any) -> Any:
    """An activation, written as a name or as a layer.

    Raises:
        Unsaid: A spec has none such.
    """
    if isinstance(value, str):
        return ACTIVATIONS.get(value, value)
    given, config = registered(value), value["config"]
    if given == "ReLU" and not config["threshold"]:
        slope, most = config["negative_slope"], config["max_value"]
        if most is None:
            return {"leaky_relu": slope} if slope else "relu"
        if most == 6 and not slope:
            return "relu6"
    if given == "LeakyReLU":
        return {"leaky_relu": config["negative_slope"]}
    if given == "ELU":
        return {"elu": config["alpha"]}
    if given == "Softmax" and config["axis"] == -1:
        return "softmax"
    raise Unsaid(f"an activation `{given}` of {show(config)}", "one that `aespec layers --family activation` lists")


def worded(value: Any) -> str:
    """A value of a field for a message, as one would give it to Keras: an object by its class."""
    if isinstance(value, dict) and "class_name" in value:
        return registered(value)
    return repr(value) if value is None or isinstance(value, bool) else show(value)


def ends(config: Config, value: Any) -> list[int]:
    """What Keras counts as output padding, without what lies between a kernel's end and the next window."""
    extras = value if isinstance(value, list) else [value] * len(config["kernel_size"])
    sizes = zip(extras, config["kernel_size"], config["strides"], config["dilation_rate"], strict=True)
    return [extra - max(stride - (k - 1) * rate - 1, 0) for extra, k, stride, rate in sizes]


def check_dtype(config: Config) -> None:
    """Refuse other numbers than float32 and float64.

    Raises:
        Unsaid: The layer has others.
    """
    dtype = config.get("dtype")
    name = dtype["config"]["name"] if isinstance(dtype, dict) else dtype
    if name not in (None, "float32", "float64"):
        raise Unsaid(f"`dtype: {name}`", "float32 or float64")


def alike(one: Config, other: Config) -> bool:
    """Whether two layers differ in nothing but their name and their direction."""
    return all(
        _plain(one[key]) == _plain(other.get(key))
        for key in one
        if key not in ("name", "go_backwards", "seed", "dtype")
    )


def _plain(value: Any) -> Any:
    return (
        {key: _plain(v) for key, v in value.items() if key != "shared_object_id"} if isinstance(value, dict) else value
    )


def freeze(config: Config) -> dict[str, bool]:
    """That a layer is not trained, where it is not."""
    return {"freeze": True} if config.get("trainable") is False else {}

"""The JSON of a model as Keras writes it: its layers in their order, and where their arrays are."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from aespec.importing import Damaged, Unsaid

__all__ = ["Config", "groups", "in_order", "input_shape", "is_model", "registered", "snake"]

Config = Mapping[str, Any]


def in_order(model: Config) -> list[tuple[Config, int]]:
    """The layers of a model one after the other, without its input, each with its position in the list.

    Raises:
        Unsaid: They are no chain.
    """
    layers = model["config"]["layers"]
    if model["class_name"] == "Sequential":
        return [(layer, i) for i, layer in enumerate(layers) if layer["class_name"] != "InputLayer"]
    positions = {layer["name"]: i for i, layer in enumerate(layers)}
    found: list[tuple[Config, int]] = []
    at = _one(model["config"]["output_layers"])
    while layers[positions[at]]["class_name"] != "InputLayer":
        if len(found) > len(layers):
            raise Damaged("layers in a circle")
        layer = layers[positions[at]]
        found.append((layer, positions[at]))
        given = [value for call in layer["inbound_nodes"] for value in call["args"]]
        if len(given) != 1 or isinstance(given[0], list):
            raise Unsaid(f"`{layer['name']}`, which is given several values or used several times", "a chain")
        at = given[0]["config"]["keras_history"][0]
    if beside := {layer["name"] for layer in layers} - {layer["name"] for layer, _ in found} - {at}:
        raise Unsaid(f"layers beside the others: {', '.join(sorted(beside))}", "a chain")
    return found[::-1]


def _one(ends: Sequence[Any]) -> str:
    """The one layer that is an output: ``[name, 0, 0]``, or a list of one such."""
    listed = [ends] if isinstance(ends[0], str) else ends
    if len(listed) != 1:
        raise Unsaid(f"{len(listed)} outputs", "one")
    return str(listed[0][0])


def input_shape(model: Config) -> tuple[int | None, ...]:
    """The shape of a sample."""
    while is_model(model):
        shape = model["config"].get("build_input_shape")
        first = model["config"]["layers"][0]
        if not is_model(first) and (shape := shape or first["config"].get("batch_shape")):
            _, *lengths = shape
            return tuple(lengths)
        model = first
    raise Damaged("no shape of the input", "let it begin with `keras.Input(shape)`, or call it once, and save it again")


def groups(layers: Sequence[Config], start: str) -> list[str]:
    """The group of each layer's arrays: its class and a number, as Keras counts them."""
    counts: Counter[str] = Counter()
    found = []
    for layer in layers:
        name = snake(layer["class_name"])
        if not str(layer.get("module")).startswith("keras.src.ops."):  # operations are no layers
            found.append(f"{start}{name}_{counts[name]}" if counts[name] else start + name)
            counts[name] += 1
        else:
            found.append(f"{start}{name}")
    return found


def is_model(layer: Config) -> bool:
    """Whether a layer is a model."""
    return layer["class_name"] in ("Functional", "Sequential", "TiedModel")


def registered(thing: Config) -> str:
    """The name of a class: Keras's own, or with its package before it."""
    module, name = str(thing.get("module")), str(thing["class_name"])
    registered = thing.get("registered_name")
    return str(registered) if registered and not module.startswith("keras") else name


def snake(name: str) -> str:
    """A class's name as Keras writes it in small letters."""
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", name))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()

"""Mixed precision: layers that compute in another precision than that of their weights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aespec_keras.framework import keras

__all__ = ["computing_in", "layers_in"]


@contextmanager
def computing_in(precision: str | None, native: Any) -> Iterator[None]:
    """Whatever is traced here has the layers of a model compute in this precision; None leaves them as they are."""
    layers = list(layers_in(native)) if precision else []
    before = [layer.dtype_policy for layer in layers]
    for layer in layers:
        layer.dtype_policy = keras.DTypePolicy(f"mixed_{precision}")
    try:
        yield
    finally:
        for layer, policy in zip(layers, before, strict=True):
            layer.dtype_policy = policy


def layers_in(layer: Any) -> Iterator[Any]:
    """A layer and all layers in it."""
    yield layer
    for inner in layer._layers:
        yield from layers_in(inner)

"""Pooling by attention in Keras: stock layers and operations, so that a saved model needs Keras alone."""

from __future__ import annotations

from typing import Any

import keras

from aespec.shapes import Shape
from aespec_example.attention_pool import AttentionPool
from aespec_keras.layers import nested


def attention_pool(layer: AttentionPool, x: Shape, *, name: str, dtype: str) -> Any:
    """(batch, steps, features) -> (batch, features)."""
    query = keras.layers.Dense(1, use_bias=False, name="query", dtype=dtype)

    def pool(steps: Any) -> Any:
        weights = keras.ops.softmax(query(steps) / layer.temperature, axis=1)
        return keras.ops.sum(weights * steps, axis=1)

    return nested(pool, x, name=name, dtype=dtype)

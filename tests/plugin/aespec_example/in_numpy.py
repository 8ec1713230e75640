"""What pooling by attention means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from aespec_example.attention_pool import AttentionPool

if TYPE_CHECKING:
    from aespec.backend import Array


def attention_pool(layer: AttentionPool, params: Mapping[str, Array], x: Array) -> Any:
    """(batch, steps, features) -> (batch, features)."""
    scores = x @ params["query"] / layer.temperature
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    return (weights * x).sum(axis=1) / weights.sum(axis=1)

"""The reference backend: what every kind means, written down in NumPy, forward only.

`aespec_numpy.table` has the tables that the other modules fill: a kind's meaning stands below its decorator.

A lowering of a layer is ``(layer, params, x) -> y``: the layer's fields, its parameters by their short name in the
canonical layout, and its input with the batch axis first, to its output, in the same dtype::

    @lowerings(Scale)
    def _scale(layer: Scale, params: Mapping[str, Array], x: Array) -> Array:
        return params["factor"] * x

A layer that does something else in training has a second one in the table `in_training`, which is given a random
generator as well: ``(layer, params, x, rng) -> y``. One that keeps running averages has one in the table `averaging`:
``(layer, params, x) -> averages``. An activation's is ``(activation, x) -> y``. Those of losses and regularizers are
described in `aespec_numpy.losses`, those of optimizers in `aespec_numpy.optimizers`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from aespec import weights
from aespec.backend import Model
from aespec.graph import Graph
from aespec_numpy import (  # noqa: F401  (they fill the tables)
    activations,
    layers,
    losses,
    optimizers,
    recurrent,
    training,
    windows,
)
from aespec_numpy.model import NumpyModel
from aespec_numpy.table import averaging, from_logits, in_training, lowerings

__all__ = ["averaging", "backend", "from_logits", "in_training", "lowerings"]


class NumpyBackend:
    """The reference `aespec.backend.Backend`."""

    name = "numpy"
    lowerings = lowerings
    known_gaps: dict[str, str] = {}  # noqa: RUF012  (never changed)

    def build(self, graph: Graph, *, seed: int = 0, dtype: str = "float32") -> NumpyModel:
        """The model of a graph.

        Raises:
            AespecError: A kind has no lowering.
        """
        self.lowerings.require(graph.kinds())
        if graph.logits is not None:
            from_logits.require(loss for loss in graph.losses if loss.logits_of)
        return NumpyModel(graph, seed, dtype)

    def save(self, model: Model, folder: Any, about: Mapping[str, Any]) -> list[str]:
        """Write the weights; NumPy has no saved model of its own."""
        weights.write(Path(folder) / "weights.safetensors", model.weights())
        return ["weights.safetensors"]

    def versions(self) -> dict[str, str]:
        """The version of NumPy."""
        return {"numpy": np.__version__}


backend = NumpyBackend()

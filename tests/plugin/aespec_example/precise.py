"""A backend that computes in float64 whatever precision is asked for, and rounds once, at the end.

``aespec verify SPEC --backends precise`` then shows, node by node, what single precision costs the reference.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aespec.backend import Lowerings, Model
from aespec.graph import Graph
from aespec.registry import find_backend
from aespec.weights import draw

if TYPE_CHECKING:
    from aespec.backend import Array


class PreciseModel:
    """An `aespec.backend.Model` whose values are those of another, rounded. It cannot be trained."""

    def __init__(self, exact: Model, dtype: str) -> None:
        self.graph, self.native = exact.graph, exact.native
        self._exact, self._dtype = exact, dtype

    def trace(self, x: Array, *, training: bool = False, draws: Mapping[str, Array] | None = None) -> dict[str, Array]:
        """Every node's value by name."""
        found = self._exact.trace(x, training=training, draws=draws)
        return {name: value.astype(self._dtype) for name, value in found.items()}

    def reconstruct(self, x: Array) -> Array:
        """The reconstruction of a batch; the code is not rounded on the way."""
        return self._exact.reconstruct(x).astype(self._dtype)

    def encode(self, x: Array) -> Array:
        """The code of a batch."""
        return self._exact.encode(x).astype(self._dtype)

    def decode(self, code: Array) -> Array:
        """The reconstruction from a code."""
        return self._exact.decode(code).astype(self._dtype)

    def weights(self) -> dict[str, Array]:
        """Every stored parameter by its canonical name."""
        return {name: value.astype(self._dtype) for name, value in self._exact.weights().items()}

    def load_weights(self, weights: Mapping[str, Array]) -> None:
        """Set every parameter, to what the precision asked for can hold: only computing is more exact."""
        self._exact.load_weights({name: value.astype(self._dtype) for name, value in weights.items()})

    def losses(
        self,
        x: Array,
        targets: Array | None = None,
        *,
        training: bool = False,
        draws: Mapping[str, Array] | None = None,
    ) -> dict[str, float]:
        """Each term of the loss by name, and ``total``."""
        return self._exact.losses(x, targets, training=training, draws=draws)


class PreciseBackend:
    """The reference in float64, as an `aespec.backend.Backend`."""

    name = "precise"
    known_gaps: Mapping[str, str] = {}

    @property
    def lowerings(self) -> Lowerings:
        """The reference's, those that other packages bring for it included."""
        return find_backend("numpy").lowerings

    def build(self, graph: Graph, *, seed: int = 0, dtype: str = "float32") -> PreciseModel:
        """The model of a graph.

        Raises:
            AespecError: The reference has no lowering for a kind.
        """
        model = PreciseModel(find_backend("numpy").build(graph, dtype="float64"), dtype)
        model.load_weights(draw(graph, seed, dtype))
        return model

    def save(self, model: Model, folder: Any, about: Mapping[str, Any]) -> list[str]:
        """Write the weights."""
        return find_backend("numpy").save(model, folder, about)

    def versions(self) -> dict[str, str]:
        """The version of NumPy."""
        return find_backend("numpy").versions()


backend = PreciseBackend()

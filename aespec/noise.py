"""Noise in training: where its random numbers come from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aespec.graph import Graph
from aespec.initializers import parameter_stream
from aespec.shapes import Shape

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.floating[Any]]

__all__ = ["Noise"]


@dataclass(frozen=True)
class Noise:
    """What the random numbers of some steps depend on."""

    seed: int
    epoch: int
    """Counted from 1, in its stage."""
    span: int = 0
    """Counts what an epoch is cut into where its samples are not all at hand."""
    shared: bool = False
    """Whether they are `draws`, or a framework's own that it seeds with the three numbers."""

    def draws(self, graph: Graph, x: Shape, batches: Sequence[int], dtype: str) -> Iterator[dict[str, Array]]:
        """For each batch, in order, what each node that draws is given: (batch, ...) in the shape of its value.

        Args:
            graph: The model.
            x: The shape of a sample.
            batches: The number of samples in each batch.
            dtype: Of the numbers.
        """
        shapes: Mapping[str, Any] = graph.shapes(x)
        drawing = [node for node in graph if node.draws]
        streams = {n.name: parameter_stream(self.seed, f"{n.name}/noise/{self.epoch}/{self.span}") for n in drawing}
        for batch in batches:
            found = {}
            for node in drawing:
                stream, shape = streams[node.name], (batch, *shapes[node.name])
                draw = stream.random if node.draws == "uniform" else stream.standard_normal
                found[node.name] = draw(shape, dtype=dtype)  # type: ignore[call-overload]  # either precision
            yield found

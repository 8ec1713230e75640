"""What two models are compared on: inputs and weights that leave no mistake a place to hide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aespec import weights
from aespec.graph import INPUT, Graph
from aespec.initializers import parameter_stream
from aespec.shapes import Shape, ShapeError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.floating[Any]]

__all__ = ["distance", "sample", "shaken"]

UNKNOWN_LENGTH = 6
"""The length that stands for an unknown axis where the output does not tell one."""


def sample(
    graph: Graph, *, batch: int = 4, seed: int = 0, dtype: str = "float32", bounds: tuple[float, float] | None = None
) -> Array:
    """A batch of inputs with exact zeros where images have their black borders.

    An activation that bends at zero meets it exactly there, as long as biases are zero.

    Args:
        graph: The model.
        batch: Number of samples.
        seed: Of the random numbers.
        dtype: Of the result.
        bounds: Least and largest value; normal numbers where None.
    """
    rng = parameter_stream(seed, "input")
    length = next(n for n in (UNKNOWN_LENGTH, 64, 1024, 2**20) if _reaches_the_end(graph, n))
    shape = [n or length for n in graph.sample_shape]
    x = rng.uniform(*bounds, (batch, *shape)) if bounds else rng.normal(size=(batch, *shape))
    if len(shape) > 1 and not (bounds and bounds[0] > 0):
        x[0, : max(1, shape[0] // 3)] = 0.0
    return x.astype(dtype)


def _reaches_the_end(graph: Graph, length: int) -> bool:
    """Whether samples of that length in their unknown axes are long enough for every window."""
    shapes: dict[str, Shape] = {INPUT: tuple(n or length for n in graph.sample_shape)}
    try:
        for node in graph:
            shapes[node.name] = node.layer.infer(shapes[node.inputs[0]])
    except ShapeError:
        return False
    return True


def shaken(graph: Graph, *, seed: int = 0, dtype: str = "float32") -> dict[str, Array]:
    """Weights of a usual size with nothing zero or alike in them: a bias in the wrong place shows."""
    import numpy as np

    found = {}
    for name, value in weights.draw(graph, seed, "float64").items():
        size = float(value.std()) or 1.0
        moved = value + parameter_stream(seed, f"{name}/shaken").normal(0.0, 0.2 * size, value.shape)
        found[name] = (np.abs(moved) + 0.1 if name.endswith("variance") else moved).astype(dtype)
    return found


def distance(a: Array, b: Array, *, relative: bool = False) -> float:
    """The largest difference of two arrays, by the largest value of either where relative; inf on other shapes."""
    import numpy as np

    if a.shape != b.shape:
        return float("inf")
    if not a.size:
        return 0.0
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        return 0.0 if np.array_equal(a, b) else float("inf")
    gap = np.max(np.abs(a.astype(np.float64) - b.astype(np.float64)))
    largest = max(float(np.max(np.abs(a))), float(np.max(np.abs(b))), 1e-30)
    return float(gap / largest) if relative else float(gap)

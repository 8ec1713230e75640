"""What two models are compared on: inputs and weights that leave no mistake a place to hide."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aespec import weights
from aespec.graph import Graph
from aespec.initializers import parameter_stream

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.floating[Any]]

__all__ = ["distance", "from_reference", "relative", "sample", "shaken"]


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
        bounds: Least and largest value. Where None, numbers between 0 and 1 if the loss takes no others, else
            normal ones.
    """
    if bounds is None and graph.unit_loss:
        bounds = 0.0, 1.0
    rng = parameter_stream(seed, "input")
    shape = [n or 1 for n in graph.example_shape or ()]
    x = rng.uniform(*bounds, (batch, *shape)) if bounds else rng.normal(size=(batch, *shape))
    if len(shape) > 1 and not (bounds and bounds[0] > 0):
        x[0, : max(1, shape[0] // 3)] = 0.0
    return x.astype(dtype)


def shaken(graph: Graph, *, seed: int = 0, dtype: str = "float32") -> dict[str, Array]:
    """Weights of a usual size with nothing zero or alike in them: a bias in the wrong place shows."""
    import numpy as np

    found = {}
    for name, value in weights.draw(graph, seed, "float64").items():
        size = float(value.std()) or 1.0
        moved = value + parameter_stream(seed, f"{name}/shaken").normal(0.0, 0.2 * size, value.shape)
        found[name] = (np.abs(moved) + 0.1 if name.endswith("variance") else moved).astype(dtype)
    return found


def distance(a: Array, b: Array) -> float:
    """The largest difference of two arrays; inf where their shapes differ, or one has what is no number."""
    import numpy as np

    if a.shape != b.shape:
        return float("inf")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        return 0.0 if np.array_equal(a, b) else float("inf")
    return float(np.max(np.abs(a.astype(np.float64) - b.astype(np.float64)), initial=0.0))


def from_reference(value: Array, wanted: Array) -> float:
    """The largest difference of a value from the reference's, by the largest of that where it is above one."""
    import numpy as np

    gap = distance(value, wanted)
    return gap / max(1.0, float(np.max(np.abs(wanted), initial=0.0))) if np.isfinite(gap) else gap


def relative(a: Array, b: Array, *, beside: float = 0.0) -> float:
    """The largest difference of two arrays, by the largest value of either.

    Args:
        a: One array.
        b: The other.
        beside: The largest value of all that was computed together. Arrays below the root of the rounding unit
            beside it (3e-4 in float32, 1.5e-8 in float64), such as a gradient that is zero on paper, have its rounding
            in them, and are measured by it instead.
    """
    import numpy as np

    largest = float(np.max(np.abs([a, b]), initial=0.0)) if a.shape == b.shape else 1.0
    if largest < float(np.sqrt(np.finfo(a.dtype).eps)) * beside:
        largest = beside
    gap = distance(a, b)
    return gap / (largest or 1.0) if np.isfinite(gap) else gap

"""Do several backends give the same numbers for a model? Node by node, so that the first wrong one is named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from aespec import weights
from aespec.backend import Trainable
from aespec.comparison import from_reference, relative, sample, shaken
from aespec.diagnostics import AespecError, Diagnostic
from aespec.graph import Graph
from aespec.registry import find_backend
from aespec.rules import LossNotFinite
from aespec.shapes import Shape

__all__ = ["Row", "Verification", "verify"]

TOLERANCES: Mapping[str, Mapping[str, float]] = {
    "float32": {"node": 1e-5, "loss": 1e-6, "gradient": 1e-5},
    "float64": {"node": 1e-12, "loss": 1e-12, "gradient": 1e-12},
}
"""Nodes: the largest difference from the reference, relative where values are above one. Losses: relative.
Gradients: relative to a tensor's largest."""


@dataclass(frozen=True)
class Row:
    """One comparison: of a node's value, a loss term, a gradient."""

    section: Literal["node", "loss", "gradient"]
    name: str
    shape: Shape | None
    parameters: int | None
    difference: float
    tolerance: float

    @property
    def ok(self) -> bool:
        """Whether the difference is within the tolerance; a NaN is not."""
        return self.difference <= self.tolerance


@dataclass(frozen=True)
class Verification:
    """Every comparison that was made."""

    backends: tuple[str, ...]
    dtype: str
    rows: tuple[Row, ...]

    @property
    def ok(self) -> bool:
        """Whether all agree."""
        return all(row.ok for row in self.rows)


def verify(
    graph: Graph,
    backends: Sequence[str],
    *,
    seed: int = 0,
    dtype: str = "float32",
    bounds: tuple[float, float] | None = None,
) -> Verification:
    """Compare backends on one model, under its initial weights and under weights without zeros.

    The value of each node is held against the reference's; losses and gradients against each other, since the
    reference has no gradients. Randomness is off: noise layers pass their input on.

    Raises:
        AespecError: A backend is missing or lacks a kind, or the model's values overflow.
    """
    tolerance = TOLERANCES[dtype]
    worst: dict[tuple[str, str], float] = {}
    reference = find_backend("numpy").build(graph, seed=seed, dtype=dtype)
    models = {name: find_backend(name).build(graph, seed=seed, dtype=dtype) for name in backends}
    x = sample(graph, seed=seed, dtype=dtype, bounds=bounds)
    for values in (weights.draw(graph, seed, dtype), shaken(graph, seed=seed, dtype=dtype)):
        for model in (reference, *models.values()):
            model.load_weights(values)
        wanted = reference.trace(x)
        _refuse_what_is_no_number(wanted, dtype)
        measured: list[dict[tuple[str, str], float]] = []
        for model in models.values():
            trace = model.trace(x)
            measured.append({("node", name): from_reference(trace[name], value) for name, value in wanted.items()})
        losses = [model.losses(x) for model in models.values()]
        measured += [_apart("loss", losses[0], other) for other in (*losses[1:], reference.losses(x))]
        gradients = [model.gradients(x) for model in models.values() if isinstance(model, Trainable)]
        measured += [_apart("gradient", gradients[0], other) for other in gradients[1:]]
        for found in measured:
            for key, gap in found.items():
                worst[key] = gap if gap != gap else max(worst.get(key, 0.0), gap)
    return Verification(tuple(backends), dtype, tuple(_row(graph, *key, gap, tolerance) for key, gap in worst.items()))


def _refuse_what_is_no_number(values: Mapping[str, Any], dtype: str) -> None:
    import numpy as np

    for name, value in values.items():
        if not np.isfinite(value).all():
            raise AespecError(
                Diagnostic(
                    LossNotFinite,
                    f"the value of `{name}` overflows in {dtype}: there is nothing to compare",
                    wanted="finite values",
                    got="infinite or NaN",
                    help="state a smaller `range` of the input, or use an activation with bounds",
                )
            )


def _apart(section: str, ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[tuple[str, str], float]:
    import numpy as np

    largest = max((float(np.max(np.abs(a))) for a in ours.values()), default=0.0) if section == "gradient" else 0.0
    names = [*ours, *(name for name in theirs if name not in ours)]
    return {
        (section, name): relative(np.asarray(ours[name]), np.asarray(theirs[name]), beside=largest)
        if name in ours and name in theirs
        else float("inf")
        for name in names
    }


def _row(graph: Graph, section: Any, name: str, gap: float, tolerance: Mapping[str, float]) -> Row:
    if section == "node":
        node = graph[name]
        return Row("node", name, node.shape, node.count(), gap, tolerance["node"])
    shape = graph.params[name].shape if section == "gradient" and name in graph.params else None
    return Row(section, name, shape, None, gap, tolerance[section])

"""The levels of conformance: what is asked of a backend for one graph, from names to trained parameters."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aespec import weights
from aespec.backend import Backend, Model, Trainable
from aespec.comparison import distance, sample, shaken
from aespec.graph import Graph
from aespec.initializers import parameter_stream
from aespec.registry import find_backend
from aespec.shapes import Shape, show_shape
from aespec.spec import TrainingPlan

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.floating[Any]]

__all__ = ["LEVELS", "Difference"]

VALUE = {"float32": 1e-5, "float64": 1e-12}
"""How far a node's value may be from the reference's, by the largest value where that is above 1."""
LOSS = 1e-11
"""How far a loss term may be from the reference's in float64, relative."""
SLOPE = 1e-6
"""How far a gradient may be from the reference's slope in float64, relative to the longest it could be."""
TRAINED = 1e-10
"""How far parameters may be after some float64 steps, relative to a tensor's largest."""


class Difference(Exception):
    """A backend differs from the reference."""

    def __init__(self, level: str, detail: str) -> None:
        super().__init__(detail)
        self.level = level


def names(graph: Graph, backend: Backend, **_: Any) -> None:
    """The weights have the graph's names and shapes, and start at the values that the core draws."""
    found = backend.build(graph, seed=3).weights()
    wanted = weights.draw(graph, 3)
    if list(found) != list(wanted):
        raise Difference("names", f"weights {sorted(found)}, wanted {sorted(wanted)}")
    for name, value in wanted.items():
        if found[name].shape != value.shape:
            raise Difference("shapes", f"{name} is {show_shape(found[name].shape)}, wanted {show_shape(value.shape)}")
        if not (found[name] == value).all():
            raise Difference("names", f"{name} does not start at its drawn values")


def values(graph: Graph, backend: Backend, *, bounds: Any, **_: Any) -> None:
    """Every node has the graph's shape and the reference's value, under two sets of weights and in two precisions."""
    for dtype, tolerance in VALUE.items():
        model, reference = _pair(graph, backend, dtype)
        x = sample(graph, dtype=dtype, bounds=bounds)
        for given in (weights.draw(graph, 0, dtype), shaken(graph, dtype=dtype)):
            model.load_weights(given)
            reference.load_weights(given)
            _same_values(graph, model, reference, x, tolerance, "values")
    code, output = model.encode(x), model.reconstruct(x)
    if distance(model.decode(code), output) > tolerance or distance(output, reference.reconstruct(x)) > tolerance:
        raise Difference("values", "`decode(encode(x))`, `reconstruct(x)` and the reference's are not the same")


def save(graph: Graph, backend: Backend, *, bounds: Any, **_: Any) -> None:
    """Weights that are loaded, read, written and loaded again are the same bits, and give the same output."""
    given, x = shaken(graph), sample(graph, bounds=bounds)
    first, second = backend.build(graph, seed=1), backend.build(graph, seed=2)
    first.load_weights(given)
    with tempfile.TemporaryDirectory() as folder:
        weights.write(Path(folder) / "weights.safetensors", first.weights())
        second.load_weights(weights.read(Path(folder) / "weights.safetensors"))
    for name, value in second.weights().items():
        if not (value == given[name]).all():
            raise Difference("save", f"{name} is not what was loaded")
    if not (first.reconstruct(x) == second.reconstruct(x)).all():
        raise Difference("save", "the outputs differ after saving and loading")


def losses(graph: Graph, backend: Backend, *, bounds: Any, **_: Any) -> None:
    """Each term of the loss is the reference's, outside training and, where no noise is drawn, in it."""
    model, reference = _pair(graph, backend, "float64", shaken(graph, dtype="float64"))
    x = sample(graph, dtype="float64", bounds=bounds)
    for training in (False,) if graph.stochastic else (False, True):
        wanted, found = reference.losses(x, training=training), model.losses(x, training=training)
        if list(found) != list(wanted):
            raise Difference("losses", f"terms {list(found)}, wanted {list(wanted)}")
        for term, value in wanted.items():
            if not abs(found[term] - value) <= LOSS * max(1.0, abs(value)):
                raise Difference("losses", f"{term} is {found[term]!r}, wanted {value!r} (training={training})")


def gradients(graph: Graph, backend: Backend, *, bounds: Any, **_: Any) -> None:
    """Each gradient is the slope of the reference's loss, measured by central differences in float64."""
    import numpy as np

    given, x = shaken(graph, dtype="float64"), sample(graph, dtype="float64", bounds=bounds)
    model, reference = _pair(graph, backend, "float64", given)
    if not isinstance(model, Trainable):
        return
    training = not graph.stochastic
    found = model.gradients(x, training=training)
    trainable = [name for name, param in graph.params.items() if param.trainable]
    if sorted(found) != sorted(trainable):
        raise Difference("gradients", f"gradients of {sorted(found)}, wanted {sorted(trainable)}")
    for name in trainable:
        direction = parameter_stream(0, f"{name}/direction").normal(size=given[name].shape)
        direction *= 1e-6 / np.linalg.norm(direction)
        ends = []
        for sign in (1, -1):
            reference.load_weights({**given, name: given[name] + sign * direction})
            ends.append(reference.losses(x, training=training)["total"])
        slope, ours = (ends[0] - ends[1]) / 2e-6, float((found[name] * direction).sum()) * 1e6
        if found[name].shape != given[name].shape or not abs(slope - ours) <= SLOPE * max(
            float(np.linalg.norm(found[name])), 1e-2
        ):
            raise Difference("gradients", f"along {name} the slope is {slope:.9g} and the gradient says {ours:.9g}")


def steps(graph: Graph, backend: Backend, *, plan: TrainingPlan | None, bounds: Any) -> None:
    """After some optimizer steps each parameter is where the reference's formulas take it, and ties hold."""
    import numpy as np

    model, reference = _pair(graph, backend, "float64")
    if plan is None or not isinstance(model, Trainable):
        return
    x = sample(graph, batch=5, dtype="float64", bounds=bounds)
    order = np.arange(len(x), dtype=np.int64)
    trainer = model.trainer(plan)
    trained = _train_by_formula(graph, backend, x, plan) if not graph.stochastic else {}
    for _ in range(plan.epochs):
        trainer.epoch(x, order, plan.batch_size, lambda done: None)
    found = model.weights()
    for name, value in trained.items():
        gap = distance(found[name], value, relative=True)
        if not gap <= TRAINED:
            raise Difference("steps", f"{name} is {gap:.3g} (relative) from where the formulas take it")
    reference.load_weights(found)
    _same_values(graph, model, reference, x, 1e-9, "trained")


LEVELS: tuple[Callable[..., None], ...] = (names, values, save, losses, gradients, steps)
"""Every level, in the order in which a backend is built."""


def _pair(graph: Graph, backend: Backend, dtype: str, given: Mapping[str, Array] | None = None) -> tuple[Model, Model]:
    model, reference = (b.build(graph, seed=0, dtype=dtype) for b in (backend, find_backend("numpy")))
    if given is not None:
        model.load_weights(given)
        reference.load_weights(given)
    return model, reference


def _same_values(graph: Graph, model: Model, reference: Model, x: Array, tolerance: float, level: str) -> None:
    import numpy as np

    wanted, found = reference.trace(x), model.trace(x)
    for node in graph:
        value = found[node.name]
        if value.dtype != x.dtype or not _fits(value.shape, (len(x), *node.shape)):
            raise Difference("shapes", f"{node.name} is {value.dtype} {value.shape}, wanted {x.dtype} {node.shape}")
        gap = distance(value, wanted[node.name])
        if not gap <= tolerance * max(1.0, float(np.abs(wanted[node.name]).max())):
            raise Difference(level, f"{node.name} ({node.layer.kind}) is {gap:.3g} from the reference ({x.dtype})")


def _fits(shape: Shape, wanted: Shape) -> bool:
    return len(shape) == len(wanted) and all(m is None or n == m for n, m in zip(shape, wanted, strict=True))


def _train_by_formula(graph: Graph, backend: Backend, x: Array, plan: TrainingPlan) -> dict[str, Array]:
    """Where the reference's optimizer takes the parameters, given the backend's gradients, which have been checked."""
    reference = find_backend("numpy")
    model = backend.build(graph, seed=0, dtype="float64")
    assert isinstance(model, Trainable)
    oracle: Any = reference.build(graph, seed=0, dtype="float64")
    update = reference.lowerings[plan.optimizer]
    current = model.weights()
    state: dict[str, dict[str, Array]] = {name: {} for name in current}
    step = 0
    for _ in range(plan.epochs):
        for start in range(0, len(x), plan.batch_size):
            batch, step = x[start : start + plan.batch_size], step + 1
            slopes = model.gradients(batch, training=True)
            oracle.load_weights(current)
            current = {
                **oracle.running_averages(batch),
                **{n: update(plan.optimizer, current[n], slopes[n], state[n], step) for n in slopes},
            }
            model.load_weights(current)
    return current

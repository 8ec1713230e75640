"""The levels of conformance: what is asked of a backend for one graph, from names to trained parameters."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aespec import weights
from aespec.backend import Backend, Model, Trainable
from aespec.comparison import from_reference, relative, sample, shaken
from aespec.graph import Graph
from aespec.initializers import parameter_stream
from aespec.noise import Noise
from aespec.plan import TrainingPlan
from aespec.registry import find_backend
from aespec.shapes import Shape, show_shape
from aespec.training import rates

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.floating[Any]]

__all__ = ["LEVELS", "Bench", "Difference"]

VALUE = {"float32": 1e-5, "float64": 1e-12}
"""How far a node's value may be from the reference's, by the largest value where that is above 1."""
LOSS = 1e-11
"""How far a loss term may be from the reference's in float64, relative."""
SLOPE = 1e-8
"""How far a gradient may be from the reference's slope in float64, relative to the longest it could be."""
STRIDE = 3e-6
"""How far to either side the slope is measured: near enough to meet no kink, far enough for eight digits."""
TRAINED = 1e-10
"""How far parameters may be after some float64 steps, relative to a tensor's largest."""


class Difference(Exception):
    """A backend differs from the reference."""

    def __init__(self, level: str, detail: str) -> None:
        super().__init__(detail)
        self.level = level


@dataclass
class Bench:
    """A backend at work on one graph, its model and the reference's built once for each precision."""

    graph: Graph
    backend: Backend
    plan: TrainingPlan | None = None
    bounds: tuple[float, float] | None = None
    _built: dict[str, tuple[Model, Model]] = field(default_factory=dict)

    def pair(self, dtype: str, given: Mapping[str, Array] | None = None) -> tuple[Model, Model]:
        """The backend's model and the reference's, with these weights or those that they had."""
        if dtype not in self._built:
            engines = (self.backend, find_backend("numpy"))
            model, reference = (engine.build(self.graph, seed=0, dtype=dtype) for engine in engines)
            self._built[dtype] = model, reference
        for built in self._built[dtype] if given is not None else ():
            built.load_weights(given or {})
        return self._built[dtype]

    def sample(self, dtype: str, batch: int = 4) -> Array:
        """A batch of inputs."""
        return sample(self.graph, batch=batch, dtype=dtype, bounds=self.bounds)

    def draws(self, x: Array) -> Mapping[str, Array]:
        """Noise for a batch."""
        return next(Noise(0, 1, shared=True).draws(self.graph, x.shape[1:], [len(x)], str(x.dtype)))


def names(bench: Bench) -> None:
    """The weights have the graph's names and shapes, and start at the values that the core draws."""
    found, wanted = bench.pair("float32")[0].weights(), weights.draw(bench.graph, 0)
    if list(found) != list(wanted):
        raise Difference("names", f"weights {sorted(found)}, wanted {sorted(wanted)}")
    for name, value in wanted.items():
        if found[name].shape != value.shape:
            raise Difference("shapes", f"{name} is {show_shape(found[name].shape)}, wanted {show_shape(value.shape)}")
        if not (found[name] == value).all():
            raise Difference("names", f"{name} does not start at its drawn values")


def values(bench: Bench) -> None:
    """Every node has the graph's shape and the reference's value, under two sets of weights and in two precisions."""
    for dtype, tolerance in VALUE.items():
        x = bench.sample(dtype)
        for given in (weights.draw(bench.graph, 0, dtype), shaken(bench.graph, dtype=dtype)):
            model, reference = bench.pair(dtype, given)
            _same_values(bench.graph, model, reference, x, tolerance, "values")
        code, output = model.encode(x), model.reconstruct(x)
        gaps = from_reference(model.decode(code), output), from_reference(output, reference.reconstruct(x))
        if max(gaps) > tolerance:
            raise Difference("values", "`decode(encode(x))`, `reconstruct(x)` and the reference's are not the same")


def save(bench: Bench) -> None:
    """Weights that are loaded, read, written and loaded again are the same bits, and give the same output."""
    given, x = shaken(bench.graph), bench.sample("float32")
    first, second = bench.pair("float32", given)[0], bench.backend.build(bench.graph, seed=2)
    with tempfile.TemporaryDirectory() as folder:
        weights.write(Path(folder) / "weights.safetensors", first.weights())
        second.load_weights(weights.read(Path(folder) / "weights.safetensors"))
    for name, value in second.weights().items():
        if not (value == given[name]).all():
            raise Difference("save", f"{name} is not what was loaded")
    if not (first.reconstruct(x) == second.reconstruct(x)).all():
        raise Difference("save", "the outputs differ after saving and loading")


def losses(bench: Bench) -> None:
    """Each term of the loss is the reference's, outside training and in it, with the same noise."""
    model, reference = bench.pair("float64", shaken(bench.graph, dtype="float64"))
    x = bench.sample("float64")
    for training in (False, True):
        draws = bench.draws(x) if training else None
        wanted, found = (each.losses(x, training=training, draws=draws) for each in (reference, model))
        if list(found) != list(wanted):
            raise Difference("losses", f"terms {list(found)}, wanted {list(wanted)}")
        for term, value in wanted.items():
            if not abs(found[term] - value) <= LOSS * max(1.0, abs(value)):
                raise Difference("losses", f"{term} is {found[term]!r}, wanted {value!r} (training={training})")


def gradients(bench: Bench) -> None:
    """Each gradient is the slope of the reference's loss, measured by central differences in float64."""
    import numpy as np

    given, x = shaken(bench.graph, dtype="float64"), bench.sample("float64")
    model, reference = bench.pair("float64", given)
    if not isinstance(model, Trainable):
        return
    draws = bench.draws(x)
    found = model.gradients(x, training=True, draws=draws)
    trainable = [name for name, param in bench.graph.params.items() if param.trainable]
    if sorted(found) != sorted(trainable):
        raise Difference("gradients", f"gradients of {sorted(found)}, wanted {sorted(trainable)}")
    for name in trainable:
        if found[name].shape != given[name].shape:
            raise Difference("gradients", f"the gradient of {name} is {found[name].shape}, wanted {given[name].shape}")
        direction = parameter_stream(0, f"{name}/direction").normal(size=given[name].shape)
        direction *= STRIDE / np.linalg.norm(direction)
        ends = []
        for sign in (1, -1):
            reference.load_weights({**given, name: given[name] + sign * direction})
            ends.append(reference.losses(x, training=True, draws=draws)["total"])
        slope, ours = (ends[0] - ends[1]) / (2 * STRIDE), float((found[name] * direction).sum()) / STRIDE
        if not abs(slope - ours) <= SLOPE * max(float(np.linalg.norm(found[name])), 1e-2):
            raise Difference("gradients", f"along {name} the slope is {slope:.9g} and the gradient says {ours:.9g}")


def steps(bench: Bench) -> None:
    """After some optimizer steps each parameter is where the reference's formulas take it, and ties hold."""
    import numpy as np

    graph, plan, x = bench.graph, bench.plan, bench.sample("float64", batch=5)
    model, reference = bench.pair("float64", weights.draw(graph, 0, "float64"))
    if plan is None or not isinstance(model, Trainable):
        return
    plan = plan.model_copy(update={"randomness": "shared"})
    trained, states = _train_by_formula(model, reference, x, plan)
    bench.pair("float64", weights.draw(graph, 0, "float64"))
    trainer, order = model.trainer(plan, len(x)), np.arange(len(x), dtype=np.int64)
    for epoch in range(1, plan.epochs + 1):
        noise = Noise(plan.seed, epoch, shared=True)
        trainer.steps(x, order, plan.batch_size, rates(plan, epoch, len(x)), noise, lambda done, losses: None)
    found = {**model.weights(), **{name: value for name, value in trainer.state().items() if "/" in name}}
    for name, value in {**trained, **states}.items():
        gap = relative(found[name], value)
        if not gap <= TRAINED:
            raise Difference("steps", f"{name} is {gap:.3g} (relative) from where the formulas take it")
    reference.load_weights(found)
    _same_values(graph, model, reference, x, 1e-9, "trained")


LEVELS: tuple[Callable[[Bench], None], ...] = (names, values, save, losses, gradients, steps)
"""Every level, in the order in which a backend is built."""


def _same_values(graph: Graph, model: Model, reference: Model, x: Array, tolerance: float, level: str) -> None:
    wanted, found = reference.trace(x), model.trace(x)
    for node in graph:
        value = found[node.name]
        if value.dtype != x.dtype or not _fits(value.shape, (len(x), *node.shape)):
            raise Difference("shapes", f"{node.name} is {value.dtype} {value.shape}, wanted {x.dtype} {node.shape}")
        gap = from_reference(value, wanted[node.name])
        if not gap <= tolerance:
            raise Difference(level, f"{node.name} ({node.layer.kind}) is {gap:.3g} from the reference ({x.dtype})")


def _fits(shape: Shape, wanted: Shape) -> bool:
    return len(shape) == len(wanted) and all(m is None or n == m for n, m in zip(shape, wanted, strict=True))


def _train_by_formula(
    model: Trainable, reference: Any, x: Array, plan: TrainingPlan
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Where the reference's optimizer takes the parameters, and what it keeps for them.

    It is given the backend's gradients, which have been checked.
    """
    current = model.weights()
    states: dict[str, dict[str, Array]] = {}
    step = 0
    for epoch in range(1, plan.epochs + 1):
        batches = [x[start : start + plan.batch_size] for start in range(0, len(x), plan.batch_size)]
        noise = Noise(plan.seed, epoch, shared=True).draws(
            model.graph, x.shape[1:], [len(batch) for batch in batches], str(x.dtype)
        )
        for batch, draws, rate in zip(batches, noise, rates(plan, epoch, len(x)), strict=True):
            step += 1
            model.load_weights(current)
            reference.load_weights(current)
            slopes = model.gradients(batch, training=True, draws=draws)
            averages = reference.running_averages(batch, draws)
            current = {**current, **averages, **reference.step(plan, slopes, states, step, float(rate))}
    slots = [*plan.optimizer.slots, *(["average"] if plan.ema is not None else [])]
    return current, {f"{name}/{slot}": states[name][slot] for name in states for slot in slots}

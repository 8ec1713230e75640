"""The difference of two specs, or two runs, by its effect: what differs in the models and in how they are trained."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from aespec.difference.change import Change, values
from aespec.difference.graphs import graphs
from aespec.difference.runs import runs
from aespec.graph import Graph
from aespec.initializers import parameter_stream
from aespec.run import Run
from aespec.spec import Classifier, Spec
from aespec.tables import number

__all__ = ["Change", "Side", "compare"]


@dataclass(frozen=True)
class Side:
    """One of the two that are compared."""

    spec: Spec
    graph: Graph
    run: Run | None = None


def compare(a: Side, b: Side) -> Iterator[Change]:
    """All that differs in the input, the layers, the sizes, the losses, the plan and the first weights.

    Of two runs also what differs in the data, the versions, the losses and the weights that they ended with. Names and
    descriptions of specs make no difference, nor does a default that is stated, or a mirror that is written out.

    Raises:
        AespecError: The weights of a run cannot be read.
    """
    yield from values("input", a.spec.input, b.spec.input)
    yield from graphs(a.graph, b.graph)
    yield from values("training", a.spec.training, b.spec.training, without={"freeze"})
    yield from values("classifier", a.spec.classifier or Classifier(), b.spec.classifier or Classifier())
    yield from _first_weights(a, b)
    if a.run and b.run:
        yield from runs(a.run, b.run)


def _first_weights(a: Side, b: Side) -> Iterator[Change]:
    """How many parameters of the two start from the same values."""
    if not (params := b.graph.params):
        return
    alike = sum(_start_alike(name, a, b) for name in params)
    if alike < max(len(params), len(a.graph.params)):
        all_ = f"{number(len(a.graph.params))} and {number(len(params))}"
        yield Change(
            "first weights", f"of {all_} parameters {number(alike)} start from the same values", "", None, None
        )


def _start_alike(name: str, a: Side, b: Side) -> bool:
    one, other = a.graph.params.get(name), b.graph.params[name]
    if one is None or one.shape != other.shape:
        return False
    seeds = a.spec.training.seed, b.spec.training.seed
    if one.initializer == other.initializer and seeds[0] == seeds[1]:
        return True
    drawn = [
        p.initializer.draw(parameter_stream(seed, name), p.shape) for p, seed in zip((one, other), seeds, strict=True)
    ]
    return bool((drawn[0] == drawn[1]).all())

"""The layers that a spec writes out, on their way into a graph."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from aespec.diagnostics import Loc
from aespec.holes import Hole
from aespec.layers.base import Layer
from aespec.spec import Spec

__all__ = ["Step", "is_nameless", "names_of", "written"]


@dataclass(frozen=True)
class Step:
    """A layer on its way into the graph."""

    layer: Layer
    place: Loc
    undoes: tuple[str, ...] = ()


def written(block: str, layers: Sequence[Layer]) -> list[Step]:
    """A step for each of these layers."""
    return [Step(layer, (block, i, layer.kind)) for i, layer in enumerate(layers)]


def names_of(block: str, steps: Sequence[Step]) -> Iterator[str]:
    """A name for each step: its own, or its kind and a number where it has none or one that stands already."""
    given = {step.layer.name for step in steps}
    taken: set[str] = set()
    counts: Counter[str] = Counter()
    for step in steps:
        name = step.layer.name
        while name is None or name in taken or (name != step.layer.name and name in given):
            kind = (step.layer.of if isinstance(step.layer, Hole) else None) or step.layer.kind
            counts[kind] += 1
            name = f"{kind}_{counts[kind]}"
        taken.add(name)
        yield f"{block}/{name}"


def is_nameless(step: Step, spec: Spec) -> bool:
    """Whether it stands for a layer, or several, of which not even the name is known."""
    return (isinstance(step.layer, Hole) and step.layer.of is None) or spec.is_unnamed(step.place)

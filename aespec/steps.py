"""The layers that a spec writes out, on their way into a graph."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from aespec.diagnostics import Loc
from aespec.holes import Hole
from aespec.layers.base import Layer
from aespec.spec import Spec

__all__ = ["Step", "is_nameless", "is_of_turns", "kind_of", "names_of", "written"]


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
            kind = kind_of(step.layer)
            counts[kind] += 1
            name = f"{kind}_{counts[kind]}"
        taken.add(name)
        yield f"{block}/{name}"


def is_of_turns(name: str, block: str, steps: Sequence[Step]) -> bool:
    """Whether a name is one, with an index, that several layers have alike, as those of the turns of a ``repeat``."""
    counts = Counter(step.layer.name for step in steps if step.layer.name)
    return any(number > 1 and name.startswith(f"{block}/{own}_") for own, number in counts.items())


def kind_of(layer: Layer) -> str:
    """The kind of a layer; of a hole that of what it stands for, where that is known."""
    return (layer.of if isinstance(layer, Hole) else None) or layer.kind


def is_nameless(step: Step, spec: Spec) -> bool:
    """Whether it stands for a layer, or several, of which not even the name is known."""
    return (isinstance(step.layer, Hole) and step.layer.of is None) or spec.is_unnamed(step.place)

"""What is known of a model in which something is wrong: its layers and what they store, whatever their shapes are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

from pydantic import ValidationError

from aespec.graph import INPUT, Graph, Node
from aespec.holes import Hole
from aespec.layers.base import Layer
from aespec.shapes import Shape, ShapeError, fill
from aespec.spec import Mirror, Spec
from aespec.steps import Step, names_of, written

__all__ = ["behind", "common", "fit", "outline", "unknown"]

_LENGTHS = (1009, 2003)
"""Lengths that are tried for one that is not known: what they lead to alike follows from the layer."""


def behind(layer: Layer, x: Shape | None) -> Shape | None:
    """The shape behind a layer, as far as it is known where what comes in is known in part, or does not fit."""
    if isinstance(layer, Hole):
        return common([behind(each, x) for each in layer.like])
    if x is not None and (shape := _through(layer, x)):
        return shape
    if x is not None and None not in x and layer.stated_shape is not None:  # which is as much in doubt as what comes in
        return (None,) * len(layer.stated_shape)
    rank = getattr(layer.innermost, "rank", None)
    if x is not None and rank is not None and len(x) != rank + 1 + (layer.innermost is not layer):
        return None  # it may be meant for as many axes, or they are not
    for tried in [((None,) * (len(x) - 1) + x[-1:])] if x else [], [(None,) * rank for rank in range(1, 6)]:
        if found := {shape for each in tried if (shape := _through(layer, each)) is not None}:
            return found.pop() if len(found) == 1 else None
    return layer.stated_shape


def _through(layer: Layer, x: Shape) -> Shape | None:
    """The shape behind a layer, of which is known what is so for all lengths; None where it takes none."""
    with suppress(ShapeError):
        return common([layer.infer(fill(x, length)) for length in _LENGTHS])
    return None


def fit(layer: Layer, x: Shape) -> None:
    """Refuse a layer that cannot take a shape which is known in part, whatever the rest of that is.

    Raises:
        ShapeError: It cannot.
    """
    if layer.stated_shape is not None:  # some lengths may fill it
        return
    messages = set[str]()
    for length in _LENGTHS:
        try:
            layer.infer(fill(x, length))
        except ShapeError as error:
            messages.add(error.message)
        else:
            return
    try:
        layer.infer(x)
    except ShapeError as error:
        if messages == {error.message}:
            raise


def common(shapes: Sequence[Shape | None]) -> Shape | None:
    """What some shapes have in common; None where that is not even the number of axes."""
    known = [shape for shape in shapes if shape is not None]
    if not known or len(known) < len(shapes) or len({len(shape) for shape in known}) > 1:
        return None
    return tuple(axes[0] if len({*axes}) == 1 else None for axes in zip(*known, strict=True))


def outline(spec: Spec) -> Graph:
    """The layers that a spec writes out, each with the parameters that it stores, for some shape that it takes.

    A layer of which it is not known what it stores is a `Hole`. Where the decoder is a mirror, and it is known of each
    layer whether it is undone, there is a node for each that is, of which neither name nor parameters are known.
    """
    nodes = [_stored(name, step) for name, step in _named("encoder", spec.encoder)]
    undone: list[bool | None] = [None]
    if isinstance(spec.decoder, Mirror):
        undone = [_is_centre(node) for node in nodes]
    else:
        nodes += [_stored(name, step) for name, step in _named("decoder", spec.decoder)]
    mirrored = None not in undone
    if mirrored:
        centres = [node.name for node, is_undone in zip(nodes, undone, strict=True) if is_undone]
        nodes += [replace(unknown(f"decoder/{i}"), undoes=(name,)) for i, name in enumerate(centres)]
    return Graph(spec.name, spec.input.shape, tuple(nodes), "", spec.loss, mirrored=mirrored)


def _named(block: str, layers: tuple[Layer, ...]) -> Iterator[tuple[str, Step]]:
    steps = written(block, layers)
    return zip(names_of(block, steps), steps, strict=True)


def _stored(name: str, step: Step) -> Node:
    """A layer and what it stores, of which the names are right, and the shapes by chance."""
    layer = step.layer
    if isinstance(layer, Hole):
        like = [_stored(name, replace(step, layer=each)) for each in layer.like]
        return like[0] if len({(*node.params,) for node in like}) == 1 else unknown(name, layer.of)
    for rank in range(6):
        with suppress(ShapeError):
            node = Node.of(name, layer, INPUT, (_LENGTHS[0],) * rank, place=step.place)
            target = getattr(layer.innermost, "tied_to", None)
            return node.tied(target) if target else node
    node = replace(unknown(name, layer.kind), place=step.place)
    return replace(node, layer=layer) if type(layer).params is Layer.params else node


def unknown(name: str, kind: str | None = None) -> Node:
    """A node for a layer of which is not known what it stores, of a kind that may be."""
    return Node(name, Hole.model_construct(of=kind), (INPUT,), (), (), {})


def _is_centre(node: Node) -> bool | None:
    """Whether a layer has weights and a mirror undoes it; None where that is not known."""
    if isinstance(node.layer, Hole):
        return None
    with suppress(ShapeError, ValidationError):
        return bool(node.params and node.layer.mirror(node.input_shape))
    return None

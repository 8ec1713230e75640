"""The listing of a graph: the IR as text, one line for each node, and as data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from aespec.graph import INPUT, Graph, Node
from aespec.kind import Kind
from aespec.layers.base import Param
from aespec.shapes import Shape, ShapeError

__all__ = ["TOLD", "as_data", "listing", "word"]

TYPES = {"float32": "f32", "float64": "f64"}

TOLD = ("name", "freeze", "tied_to")
"""Fields of a layer that are said by other means than its fields."""

TRIES = (64, 91, 256)
"""Lengths of the input at which all lengths that are unknown are looked at, to tell which are the same."""


def listing(graph: Graph, dtype: str = "float32") -> str:
    """A graph as text: of each node its name, the type of its value, its layer, its inputs and its parameters.

    A type is written ``f32[n, 28]``, where ``n`` is the batch; lengths that the input leaves open are ``t``, ``t2`` and
    so on, the same name wherever they are the same. In brackets are the fields of a layer that are not at their
    default. Remarks follow ``#``.

    Args:
        graph: The graph.
        dtype: What it is computed in, ``float32`` or ``float64``.
    """
    lengths = _lengths(graph)

    def typed(*shape: Any) -> str:
        return f"{TYPES[dtype]}[{', '.join(map(str, shape))}]"

    def value(name: str, shape: Shape) -> str:
        return f"{name}: {typed('n', *(lengths.get((name, axis), n) for axis, n in enumerate(shape)))}"

    lines = [value(INPUT, graph.input)]
    for node in graph:
        stored = [f"{short} {typed(*param.shape)}" for short, param in node.params.items()]
        tied = [f"{short} = {tie.parameter}{'^T' * tie.transposed}" for short, tie in node.ties.items()]
        lines.append(_line(f"{value(node.name, node.shape)} = {_applied(node)}", [*stored, *tied], _remarks(node)))
        if node.name == graph.code:
            lines.append(f"code = {node.name}")
    wanted = INPUT
    if graph.target is not None:
        wanted = "target"
        lines.append(value(wanted, graph.target))
    for loss in graph.losses:
        logits = [f"of {graph.logits} before its activation"] if loss.logits_of and graph.logits else []
        lines.append(_line(f"loss {loss.kind} = {word(loss)} {graph.output.name} {wanted}", [], logits))
    lines += [f"loss {term.name} = {word(term.regularizer)} {term.of}" for term in graph.terms]
    return "\n".join(lines)


def as_data(graph: Graph) -> dict[str, Any]:
    """A graph as JSON has it: all that a backend is given, each layer and loss as a spec states it, with every field.

    Shapes are those of a sample, without the batch, and have None for a length that the input leaves open.
    """
    return {
        "name": graph.name,
        "input": graph.input,
        "nodes": [_node_data(node) for node in graph],
        "code": graph.code,
        "output": graph.output.name,
        "target": graph.target,
        "losses": [loss.to_data() for loss in graph.losses],
        "logits": graph.logits,
        "terms": [{**vars(term), "regularizer": term.regularizer.to_data()} for term in graph.terms],
        "mirrored": graph.mirrored,
    }


def _node_data(node: Node) -> dict[str, Any]:
    return {
        "name": node.name,
        "kind": node.layer.kind,
        "layer": node.layer.to_data(),
        "inputs": node.inputs,
        "shape": node.shape,
        "parameters": {short: _param_data(param) for short, param in node.params.items()},
        "ties": {short: asdict(tie) for short, tie in node.ties.items()},
        "draws": node.draws,
        "settled": node.settled,
        "undoes": node.undoes,
    }


def _param_data(param: Param) -> dict[str, Any]:
    regularizer = param.regularizer and param.regularizer.to_data()
    return {**vars(param), "initializer": param.initializer.to_data(), "regularizer": regularizer}


def _lengths(graph: Graph) -> dict[tuple[str, int], str]:
    """The name of each length that is unknown, by whose value it is of and its axis."""
    tried = [shapes for first in TRIES if (shapes := _shapes(graph, first))]
    names: dict[tuple[Any, ...], str] = {}
    found: dict[tuple[str, int], str] = {}
    for name, shape in ((INPUT, graph.input), *((node.name, node.shape) for node in graph)):
        for axis in (axis for axis, n in enumerate(shape) if n is None):
            lengths = tuple(each[name][axis] for each in tried) or (name, axis)
            found[name, axis] = names.setdefault(lengths, f"t{len(names) + 1}" if names else "t")
    return found


def _shapes(graph: Graph, first: int) -> dict[str, Shape] | None:
    """The shape of each value, the unknown lengths of the input all different; None where that cannot be."""
    given = tuple(first + 7 * axis if n is None else n for axis, n in enumerate(graph.input))
    try:
        return graph.shapes(given)
    except ShapeError:
        return None


def _line(what: str, weights: Sequence[str], remarks: Sequence[str]) -> str:
    return "  ".join(filter(None, [what, ", ".join(weights), f"# {'; '.join(remarks)}" if remarks else ""]))


def _applied(node: Node) -> str:
    return " ".join([word(node.layer), *node.inputs])


def word(value: Any) -> str:
    """A value of a field in few characters; of a kind its fields that are not at their default, but for its name.

    >>> from aespec.layers.dense import Dense
    >>> word(Dense(units=100, activation="selu")), word((3, 3)), word(True), word(None)
    ('dense[units=100 activation=selu]', '[3, 3]', 'true', 'null')
    """
    if isinstance(value, Kind):
        fields = [f"{name}={word(item)}" for name, item in value.stated().items() if name not in TOLD]
        return f"{value.kind}[{' '.join(fields)}]" if fields else value.kind
    if isinstance(value, tuple):
        return f"[{', '.join(map(word, value))}]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return f"{value:g}" if isinstance(value, float) else str(value)


def _remarks(node: Node) -> list[str]:
    fixed = [short for short, param in node.params.items() if not param.trainable]
    remarks = [f"not trained: {', '.join(fixed)}"] if fixed else []
    if node.settled:
        remarks.append("in training as outside it")
    if node.draws:
        remarks.append(f"draws {node.draws} numbers in training")
    if node.undoes:
        remarks.append(f"undoes {' and '.join(node.undoes)}")
    return remarks

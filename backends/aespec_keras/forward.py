"""What a model computes, on tensors: the value of each node, and the terms of the loss."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from aespec.graph import INPUT, Graph, Node, Term
from aespec_keras.assemble import Cell
from aespec_keras.framework import keras
from aespec_keras.table import in_training, lowerings
from aespec_keras.weighted import twice_divergence

__all__ = ["compute", "terms"]

ops = keras.ops
Tensor = Any

NOTHING: Mapping[str, Tensor] = MappingProxyType({})


def compute(
    nodes: Iterable[Node],
    cells: Mapping[str, Cell],
    given: Mapping[str, Tensor],
    *,
    training: bool,
    draws: Mapping[str, Tensor] = NOTHING,
) -> dict[str, Tensor]:
    """The value of each node, in addition to those given; a node's pre-activation, kept apart, as ``name/linear``.

    Where noise is given, for each node that draws, it stands for what the node's layers would draw.
    """
    values = dict(given)
    for node in nodes:
        cell, x = cells[node.name], values[node.inputs[0]]
        now = training and not node.settled
        if now and node.name in draws:
            layer = node.layer.innermost
            values[node.name] = in_training[layer](layer, cell.layers[0], x, draws[node.name])
            continue
        linear = _through(cell.linear, x, now)
        values[_linear(node.name)] = linear
        values[node.name] = _through(cell.activation, linear, now)
    return values


def terms(
    graph: Graph,
    cells: Mapping[str, Cell],
    variables: Mapping[str, Any],
    x: Tensor,
    *,
    training: bool,
    draws: Mapping[str, Tensor] = NOTHING,
    targets: Tensor | None = None,
) -> dict[str, Tensor]:
    """Each term of the loss by name, and ``total``; without targets the output is compared with the input."""
    values = compute(graph, cells, {INPUT: x}, training=training, draws=draws)
    logits = _logits(graph, cells, values, training)
    output = ops.cast(values[graph.output.name], x.dtype)
    logits = None if logits is None else ops.cast(logits, x.dtype)
    target = x if targets is None else targets
    found = {}
    for loss in graph.losses:
        value = lowerings[loss](loss, target, output, logits if loss.logits_of else None)
        found[loss.kind] = value if loss.weight == 1 else loss.weight * value
    found |= {term.name: _term(term, graph, cells, variables, values, x.dtype) for term in graph.terms}
    return {**found, "total": sum(found.values())}


def _term(
    term: Term,
    graph: Graph,
    cells: Mapping[str, Cell],
    variables: Mapping[str, Any],
    values: Mapping[str, Tensor],
    dtype: Any,
) -> Tensor:
    regularizer = lowerings[term.regularizer](term.regularizer)
    if term.target == "parameter":
        return regularizer(variables[term.of])
    value = ops.cast(values[term.of], dtype)
    if term.target == "latent":
        latent, source = cells[term.of].layers[0], values[graph[term.of].inputs[0]]
        moments = (ops.cast(latent.get_layer(name)(source), dtype) for name in ("mean", "log_var"))
        value = twice_divergence(*moments)
    samples = ops.maximum(ops.shape(value)[0], 1)  # a replica may have none of a short batch's
    return regularizer(value) / ops.cast(samples, value.dtype)


def _logits(graph: Graph, cells: Mapping[str, Cell], values: Mapping[str, Tensor], training: bool) -> Tensor | None:
    """The pre-activation that a loss takes, moved as the output is."""
    if graph.logits is None:
        return None
    names = [node.name for node in graph]
    moved = values[_linear(graph.logits)]
    for name in names[names.index(graph.logits) + 1 :]:
        moved = _through(cells[name].layers, moved, training)
    return moved


def _through(layers: Iterable[Any], x: Tensor, training: bool) -> Tensor:
    for layer in layers:
        x = layer(x, training=training)
    return x


def _linear(name: str) -> str:
    return f"{name}/linear"

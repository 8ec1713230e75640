"""What a lint is, and what lints ask of a spec and its graph."""

from __future__ import annotations

from collections.abc import Iterator

from aespec.activations import Activation, Linear
from aespec.diagnostics import Diagnostic, Loc, Place, Rule
from aespec.graph import Graph, Node
from aespec.layers.activation import Activation as ActivationLayer
from aespec.layers.base import Layer
from aespec.layers.normalization import BatchNormalization, LayerNormalization
from aespec.spec import Mirror, Spec

__all__ = ["Lint", "activation_place", "disturbs", "loc_of", "place_of", "reconstruction", "value_before", "written"]


class Lint(Rule):
    """A rule about what a spec can say and rarely means. It looks at specs in which nothing is wrong."""

    severity = "warning"

    @classmethod
    def check(cls, spec: Spec, graph: Graph) -> Iterator[Diagnostic]:
        """What it finds."""
        yield from ()


def written(graph: Graph) -> list[Node]:
    """The nodes whose layers the spec states, without those that a mirror made."""
    return [node for node in graph if len(node.place) > 1]


def loc_of(node: Node, field: str) -> Loc:
    """The way to the layer of a node, or to the one that it wraps, whichever has that field."""
    loc, layer = node.place, node.layer
    while field not in type(layer).model_fields and isinstance(inner := getattr(layer, "layer", None), Layer):
        loc, layer = (*loc, "layer", inner.kind), inner
    return loc


def place_of(spec: Spec, node: Node, *fields: str) -> Place | None:
    """Where a node's layer states the first of these fields that it does; where its kind stands if it states none."""
    for field in fields:
        loc = loc_of(node, field)
        value = spec.place((*loc, field))
        if value != spec.place(loc) or field == node.layer.innermost.main:
            return value
    return spec.place(loc_of(node, fields[0]), key=True)


def reconstruction(graph: Graph) -> tuple[Node, Activation] | None:
    """The node that made the reconstruction, and what its values went through last; None where that is not known.

    A normalization gives any value; what moves values, disturbs them in training alone or is `activation: linear` gives
    those that it is given.
    """
    for node in reversed(graph.nodes):
        layer = node.layer.innermost
        if isinstance(layer, ActivationLayer) and isinstance(layer.function, Linear):
            continue
        if (activation := node.layer.output_activation) is not None:
            return node, activation
        if isinstance(layer, BatchNormalization | LayerNormalization):
            return node, Linear()
        if not layer.moves_only and not layer.stochastic:
            return None
    return None


def activation_place(spec: Spec, node: Node) -> Place | None:
    """Where the activation of a node is stated: at its layer, or for all of a mirror."""
    if isinstance(spec.decoder, Mirror) and node.block == "decoder":
        form = ("decoder", "mirror", "output_activation")
        return spec.place(form if spec.decoder.output_activation else ("decoder",))
    return place_of(spec, node, "function" if hasattr(node.layer.innermost, "function") else "activation")


def disturbs(node: Node) -> bool:
    """Whether training draws something here that changes a value: its amount is the layer's main field."""
    layer = node.layer.innermost
    return node.draws is not None and getattr(layer, layer.main or "", 1) != 0


def value_before(graph: Graph, node: Node) -> Node | None:
    """The node that made the values that another is given, however they were moved since; None for the input."""
    nodes = list(graph)[: list(graph).index(node)]
    return next((other for other in reversed(nodes) if not other.layer.innermost.moves_only), None)

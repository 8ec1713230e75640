"""The IR: an immutable graph of nodes, each with its shape and parameters from birth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal, Self

from aespec.activations import Activation, Linear
from aespec.kind import Kind
from aespec.layers.base import Layer, Param, Weighted
from aespec.layers.normalization import BatchNormalization
from aespec.losses import Loss
from aespec.regularizers import Regularizer, Target
from aespec.shapes import Shape, ShapeError, fill

__all__ = ["INPUT", "Graph", "Node", "Term", "Tie"]

INPUT = "input"
"""The name of the model's input, where a node names its inputs."""

_LENGTHS = (6, *range(1, 65), *(2**n for n in range(7, 15)))
"""Lengths that are tried for an unknown axis, to find one that comes back."""


@dataclass(frozen=True)
class Tie:
    """A parameter that a node uses and another node stores."""

    parameter: str
    """Canonical name of the stored parameter, such as ``encoder/dense_1/kernel``."""
    transposed: bool
    """Whether the node uses its transpose."""


@dataclass(frozen=True)
class Term:
    """One term of the loss beside the reconstruction's."""

    name: str
    target: Target
    of: str
    """The parameter (``target == "parameter"``) or the node that it is a function of."""
    regularizer: Regularizer


@dataclass(frozen=True)
class Node:
    """One layer in its place: what it is given, what it gives, what it stores."""

    name: str
    """``encoder/dense_1``"""
    layer: Layer
    inputs: tuple[str, ...]
    input_shape: Shape
    shape: Shape
    params: Mapping[str, Param]
    """The parameters stored here, by their short name."""
    ties: Mapping[str, Tie] = field(default_factory=dict)
    """The parameters used here and stored elsewhere, by their short name."""
    undoes: tuple[str, ...] = ()
    """The encoder's nodes that this one undoes, in a mirrored decoder."""
    place: tuple[str | int, ...] = ()
    """Where the spec states the layer."""
    settled: bool = False
    """Whether it computes in training as it does outside: frozen with running averages, which training uses and leaves
    as they are, or a Gaussian code that is its mean."""

    @classmethod
    def of(
        cls,
        name: str,
        layer: Layer,
        source: str,
        x: Shape,
        *,
        undoes: tuple[str, ...] = (),
        place: tuple[str | int, ...] = (),
    ) -> Self:
        """The node of a layer that is given the shape ``x`` by the node ``source``.

        Raises:
            ShapeError: The layer cannot take ``x``.
        """
        shape = layer.infer(x)
        return cls(name, layer, (source,), x, shape, layer.params(x), undoes=undoes, place=place)

    @property
    def block(self) -> str:
        """``encoder`` or ``decoder``."""
        return self.name.partition("/")[0]

    @property
    def short(self) -> str:
        """The name within the block, such as ``dense_1``."""
        return self.name.partition("/")[2]

    @property
    def multiply_adds(self) -> int | None:
        """Multiply-adds for one sample; None where a length is unknown."""
        return self.layer.multiply_adds(self.input_shape)

    @property
    def draws(self) -> Literal["uniform", "normal"] | None:
        """The random numbers that training draws here."""
        return None if self.settled else self.layer.draws

    def tied(self, source: str) -> Self:
        """This node, using the kernel of the node ``source`` in place of one of its own."""
        ties = {"kernel": Tie(f"{source}/kernel", self.layer.innermost.tied_transposed)}
        own = {short: param for short, param in self.params.items() if short not in ties}
        return replace(self, params=own, ties=ties)

    def is_centered_by(self, following: Node) -> bool:
        """Whether the node after it is a batch normalization that takes the place of its bias."""
        linear = isinstance(self.layer.innermost, Weighted) and isinstance(self.layer.output_activation, Linear)
        return linear and isinstance(following.layer.innermost, BatchNormalization)

    def count(self, *, trainable: bool | None = None) -> int:
        """The number of parameters stored here, all or only those (not) trained."""
        return sum(p.size for p in self.params.values() if trainable is None or p.trainable is trainable)

    def parameter(self, short: str) -> str:
        """The canonical name of the parameter that this node uses under a short name, wherever it is stored."""
        return self.ties[short].parameter if short in self.ties else f"{self.name}/{short}"


@dataclass(frozen=True)
class Graph:
    """A model: its nodes in the order of computation, and what training makes small."""

    name: str
    input: Shape
    nodes: tuple[Node, ...]
    code: str
    """The node whose value is the code."""
    losses: tuple[Loss, ...]
    """What is added up, each times its weight; one or more, of different kinds."""
    terms: tuple[Term, ...] = ()
    mirrored: bool = False
    """Whether the decoder was made from the encoder."""
    length: int | None = None
    """The length that stands for an unknown axis of the input, where a mirror states one."""
    target: Shape | None = None
    """The shape of what the loss compares the output with: None where that is the input, else of a target that each
    sample is given with."""

    def __post_init__(self) -> None:
        seen = {INPUT}
        for node in self.nodes:
            if node.name in seen or not seen.issuperset(node.inputs):
                raise ValueError(f"{node.name} is defined twice, or before its inputs {node.inputs}")
            seen.add(node.name)

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes)

    def __getitem__(self, name: str) -> Node:
        for node in self.nodes:
            if node.name == name:
                return node
        raise KeyError(name)

    def block(self, name: str) -> tuple[Node, ...]:
        """The nodes of the encoder or of the decoder."""
        return tuple(node for node in self.nodes if node.block == name)

    @property
    def output(self) -> Node:
        """The node whose value is the reconstruction."""
        return self.nodes[-1]

    @property
    def params(self) -> dict[str, Param]:
        """Every stored parameter by its canonical name; a tied one stands here once."""
        return {f"{node.name}/{short}": param for node in self.nodes for short, param in node.params.items()}

    @property
    def loss_names(self) -> list[str]:
        """The names of the terms of the loss, in order, and ``total``."""
        return [*(loss.kind for loss in self.losses), *(term.name for term in self.terms), "total"]

    @property
    def untrained(self) -> tuple[str, str] | None:
        """Why there is nothing to train, and what to do; None where there is something."""
        if any(param.trainable for param in self.params.values()):
            return None
        if self.params:
            return "all of them frozen", "freeze less"
        return "layers without weights", "add a `dense` layer or another with weights"

    def kinds(self) -> Iterator[Kind]:
        """Every kind that a model of this graph computes: its losses, its terms, its layers and what is in them."""
        yield from self.losses
        yield from (term.regularizer for term in self.terms)
        for node in self.nodes:
            yield from _within(node.layer)

    @property
    def sample_shape(self) -> Shape:
        """The shape of a sample that the model can be trained on: the input's, with what only the output knows."""
        if self.target is not None or len(self.output.shape) != len(self.input):
            return self.input
        known = tuple(n if n is not None else m for n, m in zip(self.input, self.output.shape, strict=True))
        return fill(known, self.length) if self.length is not None else known

    @cached_property
    def example_shape(self) -> Shape | None:
        """A sample's shape with every length known, which comes back from the decoder; None where there is none."""
        tries = (fill(self.sample_shape, n) for n in _LENGTHS) if None in self.sample_shape else (self.sample_shape,)
        return next((x for x in tries if self.restores(x)), None)

    def shapes(self, x: Shape) -> dict[str, Shape]:
        """The shape of each node's value for a sample of shape ``x``.

        Raises:
            ShapeError: Some layer cannot take what reaches it.
        """
        found = {INPUT: x}
        for node in self.nodes:
            found[node.name] = node.layer.infer(found[node.inputs[0]])
        return found

    def restores(self, x: Shape) -> bool:
        """Whether a sample of shape ``x`` goes through, and comes out as long as it went in, or as its target is."""
        try:
            return self.shapes(x)[self.output.name] == (x if self.target is None else self.target)
        except ShapeError:
            return False

    @property
    def stochastic(self) -> bool:
        """Whether training draws random numbers in some layer."""
        return any(node.draws is not None for node in self.nodes)

    @property
    def unit_loss(self) -> Loss | None:
        """The loss that has a meaning for values from 0 to 1 only; None where any values can be compared."""
        return next((loss for loss in self.losses if loss.within_unit), None)

    @property
    def logits(self) -> str | None:
        """The node whose pre-activation some loss is computed from; None where all take the output itself.

        It is the node that ends in the activation that the loss names, with nothing after it but layers
        that move values. Losses that name none take the output all the same.
        """
        wanted = next((loss.logits_of for loss in self.losses if loss.logits_of), None)
        for node in reversed(self.nodes):
            if wanted and isinstance(node.layer.output_activation, wanted):
                return node.name if wanted.elementwise or node is self.output else None
            if not node.layer.innermost.moves_only:
                return None
        return None


def _within(kind: Kind) -> Iterator[Kind]:
    """A layer with the layers and activations that it is made of."""
    yield kind
    for _, value in kind:
        if isinstance(value, (Layer, Activation)):
            yield from _within(value)

"""A graph with weights, computed node by node."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from aespec.activations import Linear
from aespec.graph import INPUT, Graph, Node, Term
from aespec.weights import draw
from aespec_numpy.layers import latent_moments
from aespec_numpy.optimizers import step
from aespec_numpy.table import Array, Generator, apply, from_logits, lowerings
from aespec_numpy.training import Given, running_averages

if TYPE_CHECKING:
    from aespec.plan import TrainingPlan

__all__ = ["NumpyModel"]

NOTHING: Mapping[str, Generator] = MappingProxyType({})


@dataclass(frozen=True)
class Native:
    """The reconstruction as a function, and the two functions that it is made of."""

    encoder: Callable[[Array], Array]
    decoder: Callable[[Array], Array]

    def __call__(self, x: Array) -> Array:
        """The reconstruction of a batch."""
        return self.decoder(self.encoder(x))


class NumpyModel:
    """The reference `aespec.backend.Model`. It computes in the dtype of its weights."""

    def __init__(self, graph: Graph, seed: int, dtype: str) -> None:
        self.graph = graph
        self.native = Native(self.encode, self.decode)
        self._dtype = np.dtype(dtype)
        self._weights: dict[str, Array] = draw(graph, seed, dtype)
        self._noise = np.random.default_rng(seed)

    def trace(self, x: Array, *, training: bool = False, draws: Mapping[str, Array] | None = None) -> dict[str, Array]:
        """Every node's value by name, outside training or in it."""
        values = self._run({INPUT: self._cast(x)}, self.graph, self._noises(draws) if training else {})
        return {node.name: values[node.name] for node in self.graph}

    def reconstruct(self, x: Array) -> Array:
        """The reconstruction of a batch."""
        return self.native(x)

    def encode(self, x: Array) -> Array:
        """The code of a batch."""
        return self._run({INPUT: self._cast(x)}, self.graph.block("encoder"))[self.graph.code]

    def decode(self, code: Array) -> Array:
        """The reconstruction from a code."""
        return self._run({self.graph.code: self._cast(code)}, self.graph.block("decoder"))[self.graph.output.name]

    def weights(self) -> dict[str, Array]:
        """A copy of every stored parameter by its canonical name."""
        return {name: value.copy() for name, value in self._weights.items()}

    def load_weights(self, weights: Mapping[str, Array]) -> None:
        """Set every parameter."""
        self._weights = {name: np.array(weights[name], self._dtype) for name in self.graph.params}

    @np.errstate(over="ignore", invalid="ignore")
    def losses(
        self,
        x: Array,
        targets: Array | None = None,
        *,
        training: bool = False,
        draws: Mapping[str, Array] | None = None,
    ) -> dict[str, float]:
        """Each term of the loss by name, the output's under their kinds, and their sum as ``total``.

        The output is compared with the targets, or else with the input. In training noise is drawn, anew at each call,
        or given, and batches are normalized by their own moments.
        """
        noise = self._noises(draws) if training else {}
        values = self._run({INPUT: self._cast(x)}, self.graph, noise)
        terms = self._compared(self._cast(x if targets is None else targets), values, noise)
        terms |= {term.name: self._term(term, values) for term in self.graph.terms}
        return {**terms, "total": sum(terms.values())}

    def running_averages(self, x: Array, draws: Mapping[str, Array] | None = None) -> dict[str, Array]:
        """Every running average, by its canonical name, as a training step on this batch leaves it."""
        values = self._run({INPUT: self._cast(x)}, self.graph, self._noises(draws))
        averages: dict[str, Array] = {}
        for node in self.graph:
            if node.settled:
                continue
            found = running_averages(node.layer, self._params(node), *(values[name] for name in node.inputs))
            averages |= {f"{node.name}/{short}": average for short, average in found.items()}
        return averages

    def step(
        self,
        plan: TrainingPlan,
        gradients: Mapping[str, Array],
        states: dict[str, dict[str, Any]],
        number: int,
        rate: float,
    ) -> dict[str, Array]:
        """Each trained parameter after a step with these gradients, as `aespec_numpy.optimizers.step` says."""
        return step(plan, self._weights, gradients, states, number, rate)

    def _noises(self, draws: Mapping[str, Array] | None) -> dict[str, Generator]:
        """Where each node's noise comes from in training."""
        return {node.name: Given(draws[node.name]) if draws and node.draws else self._noise for node in self.graph}

    def _compared(self, target: Array, values: dict[str, Array], noise: Mapping[str, Generator]) -> dict[str, float]:
        """Each loss, times its weight."""
        found, output, logits = {}, self.graph.output.name, None
        if self.graph.logits is not None:
            logits = self._run(values, self._without_activation(self.graph.logits), noise)[output]
        for loss in self.graph.losses:
            if logits is not None and loss.logits_of:
                value = from_logits[loss](loss, target, logits)
            else:
                value = lowerings[loss](loss, target, values[output])
            found[loss.kind] = loss.weight * value
        return found

    def _without_activation(self, name: str) -> list[Node]:
        """The nodes from one to the output, the first without its activation."""
        nodes = list(self.graph)
        first = next(i for i, node in enumerate(nodes) if node.name == name)
        return [replace(nodes[first], layer=nodes[first].layer.activated(Linear())), *nodes[first + 1 :]]

    def _term(self, term: Term, values: dict[str, Array]) -> float:
        value: float = lowerings[term.regularizer](term.regularizer, *self._seen_by(term, values))
        return value

    def _seen_by(self, term: Term, values: dict[str, Array]) -> tuple[Array, ...]:
        """What a regularizer looks at, the batch axis first; a parameter is a batch of one."""
        match term.target:
            case "parameter":
                return (self._weights[term.of][np.newaxis],)
            case "activity":
                return (values[term.of],)
            case "latent":
                node = self.graph[term.of]
                return latent_moments(self._params(node), values[node.inputs[0]])

    @np.errstate(over="ignore", invalid="ignore")  # as the frameworks: what overflows is inf, and says so by that
    def _run(
        self, known: Mapping[str, Array], nodes: Iterable[Node], noise: Mapping[str, Generator] = NOTHING
    ) -> dict[str, Array]:
        """The values known and those of these nodes, each computed from values before it, with noise in training."""
        values = dict(known)
        for node in nodes:
            own = None if node.settled else noise.get(node.name)
            values[node.name] = apply(node.layer, self._params(node), *(values[name] for name in node.inputs), rng=own)
        return values

    def _params(self, node: Node) -> dict[str, Array]:
        """The parameters that a node uses, by their short name."""
        own = {short: self._weights[f"{node.name}/{short}"] for short in node.params}
        tied = {
            short: self._weights[tie.parameter].T if tie.transposed else self._weights[tie.parameter]
            for short, tie in node.ties.items()
        }
        return {**own, **tied}

    def _cast(self, x: Array) -> Array:
        return np.asarray(x, self._dtype)

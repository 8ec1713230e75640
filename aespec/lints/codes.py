"""Lints about the code and what keeps it from being a copy of the input."""

from __future__ import annotations

from collections.abc import Iterator

from aespec.diagnostics import Diagnostic, Place
from aespec.graph import Graph, Node, Term
from aespec.layers.activation import Activation
from aespec.layers.normalization import BatchNormalization, LayerNormalization
from aespec.lints.base import Lint, disturbs, loc_of, place_of
from aespec.regularizers import GaussianKL, KLDivergence
from aespec.shapes import counted, elements
from aespec.spec import Spec

__all__ = ["NoPrior", "OvercompleteCode", "SparsityBelowOne", "SparsityUnbounded", "WideCode"]


class OvercompleteCode(Lint):
    """A code that can hold the whole input, and nothing that keeps it from doing so.

    A model whose every value has as many numbers as its input, or more, can copy the input through and has then learnt
    nothing of the data. A narrow code prevents that. So do noise on the way in, which a copy would hand on
    (`masking_noise`, `gaussian_noise`, `dropout`: Vincent et al., 2010), a price on active units
    (`activity_regularizer`) and a prior on the code (`gaussian_latent`).
    """

    code = "W301"
    bad = """
input: [8]
encoder:
  - dense: {units: 20, activation: relu}
decoder: mirror
"""
    good = """
input: [8]
encoder:
  - masking_noise: 0.3
  - dense: {units: 20, activation: relu}
decoder: mirror
"""

    @classmethod
    def check(cls, spec: Spec, graph: Graph) -> Iterator[Diagnostic]:
        """The narrowest value beside the input."""
        given = _copied(graph)
        if given is None:
            return
        node, code = _maker(graph), elements(graph[graph.code].shape)
        yield Diagnostic(
            cls,
            "the model can copy its input: nothing on the way is narrower, noisy or priced",
            _width_place(spec, node),
            wanted=f"a code of fewer numbers than the input's {given:,}, or noise, sparsity or a prior",
            got=f"a code of {code:,} numbers",
            help="narrow the code, or begin the encoder with noise, as in `- masking_noise: 0.3`",
        )


class WideCode(Lint):
    """A code that is wider than the layer before it.

    The layer before has fewer numbers, and no more than that can be known in the code: the additional units repeat what
    others say already. A code is usually the narrowest layer. A sparse code, with a price on active units, is wide
    on purpose, and nothing is said of it.
    """

    code = "W302"
    bad = """
input: [20]
encoder:
  - dense: {units: 5, activation: relu}
  - dense: 10
decoder: mirror
"""
    good = """
input: [20]
encoder:
  - dense: {units: 10, activation: relu}
  - dense: 5
decoder: mirror
"""

    @classmethod
    def check(cls, spec: Spec, graph: Graph) -> Iterator[Diagnostic]:
        """The code beside what it is made of."""
        node = _maker(graph)
        learnt = [other for other in graph.block("encoder") if other.params]
        before, code = elements(node.input_shape), elements(graph[graph.code].shape)
        sparse = any(term.target == "activity" for term in _code_terms(graph))
        whole = learnt[:1] == [node] and before == elements(graph.input)
        if before is None or code is None or code <= before or whole or sparse or _copied(graph):
            return
        yield Diagnostic(
            cls,
            f"the code has more numbers than what `{node.name}` makes it of",
            _width_place(spec, node),
            wanted=f"a code of at most {counted(before, 'number')}",
            got=f"{code:,} numbers made of {before:,}",
            help="narrow the code, or widen the layer before it",
        )


def _copied(graph: Graph) -> int | None:
    """How many numbers an input has that the model can copy: nothing on the way is narrower, noisy or priced."""
    given = elements(graph.input)
    widths = [elements(node.shape) for node in graph]
    noise = any(disturbs(node) for node in graph.block("encoder"))
    if given is None or noise or _code_terms(graph) or any(width is None or width < given for width in widths):
        return None
    return given


class SparsityUnbounded(Lint):
    """A sparsity of values that are no fractions.

    `kl_divergence` compares a unit's mean activity with the fraction of samples for which it is to be active, so the
    activity has to lie between 0 and 1: a sigmoid. The mean of a relu or a tanh leaves that interval; it is then
    clipped to it, and has no gradient that would bring it back. For other activations use `l1`. (Ng, CS294A lecture
    notes, 2011)
    """

    code = "W303"
    bad = """
input: [20]
encoder:
  - dense: {units: 12, activation: relu, activity_regularizer: {kl_divergence: {target: 0.1}}}
decoder: mirror
"""
    good = """
input: [20]
encoder:
  - dense: {units: 12, activation: sigmoid, activity_regularizer: {kl_divergence: {target: 0.1}}}
decoder: mirror
"""

    @classmethod
    def check(cls, spec: Spec, graph: Graph) -> Iterator[Diagnostic]:
        """Each such term beside the activation."""
        for node, _ in _sparsities(graph):
            activation = node.layer.output_activation
            if activation and (activation.reach[0] < 0 or activation.reach[1] > 1):
                yield Diagnostic(
                    cls,
                    f"`kl_divergence` takes an activity for a fraction, and a `{activation.kind}` leaves [0, 1]",
                    place_of(spec, node, "activity_regularizer"),
                    wanted="values from 0 to 1: `activation: sigmoid`",
                    got=f"`{activation.kind}`",
                    help=f"price what `{later.name}` gives instead: `{{function: ..., activity_regularizer: ...}}`"
                    if (later := _squashed_later(graph, node))
                    else "use `activation: sigmoid`, or `activity_regularizer: l1`",
                )


def _squashed_later(graph: Graph, node: Node) -> Node | None:
    """The layer after one, if it is an activation that ends in [0, 1]."""
    later = next(iter(list(graph)[list(graph).index(node) + 1 :]), None)
    if later is None or not isinstance(later.layer.innermost, Activation) or not later.layer.output_activation:
        return None
    low, high = later.layer.output_activation.reach
    return later if low >= 0 and high <= 1 else None


class SparsityBelowOne(Lint):
    """A sparsity that leaves less than one unit active.

    Of `units` units, each active for the fraction `target` of the samples, `target * units` are active at a time. Below
    one, the typical sample is to have no active unit at all, and its code says nothing. Raise the target, or the
    number of units.
    """

    code = "W304"
    bad = """
input: [20]
encoder:
  - dense: {units: 12, activation: sigmoid, activity_regularizer: {kl_divergence: {target: 0.05}}}
decoder: mirror
"""
    good = """
input: [20]
encoder:
  - dense: {units: 12, activation: sigmoid, activity_regularizer: {kl_divergence: {target: 0.1}}}
decoder: mirror
"""

    @classmethod
    def check(cls, spec: Spec, graph: Graph) -> Iterator[Diagnostic]:
        """Each such term beside the number of units."""
        field = "activity_regularizer"
        for node, regularizer in _sparsities(graph):
            units = elements(node.shape)
            if units is not None and regularizer.target * units < 1:
                yield Diagnostic(
                    cls,
                    f"less than one unit of `{node.name}` is to be active at a time",
                    spec.place((*loc_of(node, field), field, regularizer.kind, "target")),
                    wanted=f"a target of at least 1 / {units:,}",
                    got=f"{regularizer.target:g} x {units:,} units = {regularizer.target * units:.2g} active",
                    help="raise `target`, or the number of units",
                )


class NoPrior(Lint):
    """A Gaussian code without its prior.

    Nothing but the divergence from the standard normal (`beta`) asks a `gaussian_latent` for noise. Without it training
    drives the deviations to zero, since noise only makes reconstructions worse: what is left is an ordinary code, drawn
    at great cost, and a standard normal sample does not decode to anything. (Kingma and Welling, 2014)
    """

    code = "W305"
    bad = """
input: [8]
encoder:
  - gaussian_latent: {units: 3, beta: 0}
decoder: mirror
"""
    good = """
input: [8]
encoder:
  - gaussian_latent: 3
decoder: mirror
"""

    @classmethod
    def check(cls, spec: Spec, graph: Graph) -> Iterator[Diagnostic]:
        """Each divergence's weight."""
        for term in graph.terms:
            if isinstance(term.regularizer, GaussianKL) and not term.regularizer.counts:
                yield Diagnostic(
                    cls,
                    f"`{term.of}` has no prior: training will take its noise away",
                    place_of(spec, graph[term.of], "beta"),
                    wanted="a `beta` above 0",
                    got="`beta: 0`",
                    help="leave `beta` out, or use `dense` for a code without noise",
                )


def _maker(graph: Graph) -> Node:
    """The encoder's last layer with weights that mix values, which makes the code; its last where there is none."""
    nodes = graph.block("encoder")
    scaled = (BatchNormalization, LayerNormalization)
    weighted = (node for node in reversed(nodes) if node.params and not isinstance(node.layer.innermost, scaled))
    return next(weighted, nodes[-1])


def _width_place(spec: Spec, node: Node) -> Place | None:
    """Where it is stated how many numbers a layer gives at a place: by its main field, or by that of a convolution."""
    return place_of(spec, node, node.layer.innermost.main or "filters")


def _code_terms(graph: Graph) -> list[Term]:
    """The terms of the loss, those that count, on the code or on what became the code without further weights."""
    nodes = graph.block("encoder")
    names = {node.name for node in nodes[nodes.index(_maker(graph)) :]}
    return [t for t in graph.terms if t.of in names and t.target != "parameter" and t.regularizer.counts]


def _sparsities(graph: Graph) -> list[tuple[Node, KLDivergence]]:
    return [(graph[t.of], t.regularizer) for t in graph.terms if isinstance(t.regularizer, KLDivergence)]

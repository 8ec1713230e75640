"""Lints about the loss, the output's activation and the values that the data has."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf, isinf

from aespec.activations import HardSigmoid, Linear, Sigmoid
from aespec.diagnostics import Diagnostic, show
from aespec.graph import Graph, Node
from aespec.lints.base import Lint, activation_place, reconstruction
from aespec.losses import Loss, natural
from aespec.spec import Mirror, Spec

__all__ = ["ClippedOutput", "SaturatedOutput", "UnboundedData", "UnreachableData"]

Range = tuple[float, float]


class UnreachableData(Lint):
    """The output cannot reach all values of the data.

    What the reconstruction goes through last decides which values it can have: a sigmoid gives 0 to 1, a tanh -1 to 1,
    a relu nothing below 0. Where `input` says that the data goes further, by its `range` or because features are scaled
    to mean 0 (`scaling: standard`), the error there can never be trained away. A linear output reaches everything.
    """

    code = "W101"
    bad = """
input: {shape: [8], range: [-1, 1]}
encoder:
  - dense: 3
decoder:
  - dense: {units: 8, activation: relu}
loss: mse
"""
    good = """
input: {shape: [8], range: [-1, 1]}
encoder:
  - dense: 3
decoder:
  - dense: {units: 8, activation: tanh}
loss: mse
"""

    @classmethod
    def check(cls, spec: Spec, graph: Graph) -> Iterator[Diagnostic]:
        """The output beside the range."""
        low, high = _values(spec) or (inf, -inf)
        output = reconstruction(graph)
        if output is None or graph.unit_loss:
            return
        node, activation = output
        least, most = activation.reach
        if least > low or most < high:
            beyond = f"below {least:g}" if least > low else f"above {most:g}"
            yield Diagnostic(
                cls,
                f"the output ends in `{activation.kind}`, which cannot give the data's values {beyond} back",
                activation_place(spec, node),
                wanted="any value: `scaling: standard` sets no bounds" if isinf(high) else _span((low, high)),
                got=f"`{activation.kind}`: {_span((least, most))}",
                help=_instead(spec, node, "linear", "reaches every value"),
            )


class UnboundedData(Lint):
    """A cross-entropy whose data may lie outside [0, 1].

    The cross-entropies compare probabilities. They have no minimum for a value of 2 or -1: training then drives the
    output to its end and the loss without bound. With `range: [0, 1]` pictures and bytes are scaled to it, and other
    data outside it is refused before it does harm; `scaling: minmax` brings features there. Values of mean 0
    (`scaling: standard`) need another loss.
    """

    code = "W102"
    bad = """
input: [8]
encoder:
  - dense: 3
decoder: mirror
loss: binary_crossentropy
"""
    good = """
input: {shape: [8], range: [0, 1]}
encoder:
  - dense: 3
decoder: mirror
loss: binary_crossentropy
"""

    @classmethod
    def check(cls, spec: Spec, graph: Graph) -> Iterator[Diagnostic]:
        """The loss beside what is known of the data."""
        known = _values(spec)
        if (loss := graph.unit_loss) is None or (known and not isinf(known[1])):
            return
        if known:
            got, help = "`scaling: standard`, values around 0", "use `scaling: minmax`, or `loss: mse`"
        else:
            fields = {**spec.input.model_dump(mode="json", exclude_none=True), "range": [0, 1]}
            got, help = "no `range`", f"write `input: {show(fields, 100)}`, or use `loss: mse`"
        yield Diagnostic(
            cls,
            f"`{loss.kind}` has a meaning for values from 0 to 1, and the data may have others",
            spec.place(("loss", graph.losses.index(loss))),
            wanted="`range: [0, 1]` or `scaling: minmax` in `input`",
            got=got,
            help=help,
        )


class ClippedOutput(Lint):
    """A cross-entropy of an output that is no probability.

    Where the output is a sigmoid (or, for the categorical one, a softmax), a cross-entropy is computed from what goes
    into it, and its gradient is simply output minus input. Of anything else the logarithm is taken as it is, after it
    was clipped to [epsilon, 1 - epsilon]; outside of that the gradient is zero, and a unit that got there does not
    come back. (Goodfellow, Bengio and Courville, Deep Learning, 2016, section 6.2.2)
    """

    code = "W103"
    bad = """
input: {shape: [8], range: [0, 1]}
encoder:
  - dense: 3
decoder:
  - dense: 8
loss: binary_crossentropy
"""
    good = """
input: {shape: [8], range: [0, 1]}
encoder:
  - dense: 3
decoder:
  - dense: {units: 8, activation: sigmoid}
loss: binary_crossentropy
"""

    @classmethod
    def check(cls, spec: Spec, graph: Graph) -> Iterator[Diagnostic]:
        """The output beside the loss."""
        output = reconstruction(graph)
        if (loss := graph.unit_loss) is None or output is None:
            return
        node, activation = output
        least, most = activation.reach
        if least < 0 or most > 1:
            wanted = natural(graph.losses).kind
            end = activation.kind if node.layer.output_activation else node.layer.innermost.kind
            yield Diagnostic(
                cls,
                f"`{loss.kind}` has no gradient where `{end}` leaves [0, 1]",
                activation_place(spec, node),
                wanted=f"a probability: `{wanted}`",
                got=f"`{end}`: {_span((least, most))}",
                help=_instead(spec, node, wanted, "ends in a probability"),
            )


class SaturatedOutput(Lint):
    """A sigmoid output under a loss that cannot see through it.

    The gradient of a squared or absolute error goes through the sigmoid's slope, which is nearly zero where its value
    is near 0 or 1: a pixel that is 1 and reconstructed as 0.001 hardly moves. The binary cross-entropy is computed from
    what goes into the sigmoid, and its gradient is greatest just there. A linear output has no slope to vanish.
    (Goodfellow, Bengio and Courville, Deep Learning, 2016, section 6.2.2)
    """

    code = "W104"
    bad = """
input: {shape: [8], range: [0, 1]}
encoder:
  - dense: 3
decoder:
  mirror: {output_activation: sigmoid}
loss: mse
"""
    good = """
input: {shape: [8], range: [0, 1]}
encoder:
  - dense: 3
decoder: mirror
loss: binary_crossentropy
"""

    @classmethod
    def check(cls, spec: Spec, graph: Graph) -> Iterator[Diagnostic]:
        """The output beside the losses."""
        output, known = reconstruction(graph), _values(spec)
        unit = known is None or (known[0] >= 0 and known[1] <= 1)
        if output is None or not unit or any(loss.logits_of for loss in graph.losses):
            return
        node, activation = output
        if isinstance(activation, Sigmoid | HardSigmoid):
            losses = _listed(graph.losses)
            linear = _instead(spec, node, Linear.kind, "has a slope everywhere")
            crossentropy = "use `loss: binary_crossentropy`, or " if known and activation.kind == "sigmoid" else ""
            yield Diagnostic(
                cls,
                f"values that are wrong and near 0 or 1 hardly move under {losses} of a `{activation.kind}`",
                activation_place(spec, node),
                wanted="`binary_crossentropy` of a `sigmoid`, or a linear output",
                got=f"`{activation.kind}` under {losses}",
                help=crossentropy + linear,
            )


def _values(spec: Spec) -> Range | None:
    """The least and the largest value of the data; None where nothing is said of them."""
    if spec.input.scaling == "standard":
        return -inf, inf
    return spec.input.range or ((0.0, 1.0) if spec.input.scaling else None)


def _span(values: Range) -> str:
    low, high = values
    if isinf(low):
        return "any value" if isinf(high) else f"values up to {high:g}"
    return f"values from {low:g}" + (" up" if isinf(high) else f" to {high:g}")


def _listed(losses: tuple[Loss, ...]) -> str:
    return " and ".join(f"`{loss.kind}`" for loss in losses)


def _instead(spec: Spec, node: Node, activation: str, why: str) -> str:
    """How to end the reconstruction in another activation."""
    inner = node.layer.innermost
    if isinstance(spec.decoder, Mirror) and node.block == "decoder":
        return f"use `output_activation: {activation}`, which {why}"
    if {"function", "activation"} & type(inner).model_fields.keys():
        return f"use `activation: {activation}`, which {why}"
    return f"end the decoder in a `dense` layer with `activation: {activation}`, which {why}"

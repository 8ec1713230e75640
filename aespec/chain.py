"""Layers one after the other: nodes with shapes, and what is wrong where one does not fit what comes in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import product
from math import prod
from typing import NamedTuple

from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from aespec.diagnostics import Diagnostic, Loc, Place, Rule, show
from aespec.graph import INPUT, Node
from aespec.holes import Hole
from aespec.layers.arrange import Reshape
from aespec.layers.base import Layer
from aespec.layers.dense import Dense
from aespec.outline import behind, common, fit, unknown
from aespec.registry import kind_names
from aespec.rules import BadTie, ShapeMismatch
from aespec.shapes import Shape, ShapeError, channels_last, elements, show_shape
from aespec.spec import Spec
from aespec.steps import Step, kind_of, names_of

__all__ = ["Chain", "chain", "fault", "has_kernel_for", "may_tie", "tie_place", "unflattened"]


class Chain(NamedTuple):
    """Layers one after the other."""

    nodes: tuple[Node, ...]
    """One for each; with a `Hole` where it is not known what a layer stores."""
    whole: bool
    """Whether nothing is wrong with them."""
    end: Shape | None
    """The shape behind them, as far as it is known."""


def chain(
    block: str,
    steps: list[Step],
    source: str,
    shape: Shape | None,
    spec: Spec,
    problems: list[Diagnostic],
    *,
    before: Sequence[Node] = (),
    sure: bool = True,
) -> Chain:
    """The nodes of these steps, each with the kernel that it is tied to.

    Behind a layer that is wrong it is gone on as its message says to mend it, or with what is known of the shape: of a
    layer only that is said which is so whatever the rest of its shape is.

    Args:
        block: What the steps are in.
        steps: The layers.
        source: What comes in.
        shape: Its shape; None where not even the number of its axes is known.
        spec: What the layers are of.
        problems: Takes what is wrong.
        before: The nodes that stand before them, to which they may be tied.
        sure: Whether a length that is not known is not known because it may vary.
    """
    nodes: list[Node] = []
    whole, given = True, shape if source == INPUT else None
    for name, step in zip(names_of(block, steps), steps, strict=True):
        node, x = None, shape
        try:
            if x is not None:
                if not sure and None in x:
                    fit(step.layer, x)
                node = _node(name, step, source, x, sure=sure)
        except ShapeError as error:
            if not spec.is_doubtful(step.place):
                problems.append(_misfit(error, name, step, nodes, x or (), given, spec, last=step is steps[-1]))
            if opened := _opened(nodes, step.layer):
                node = _node(name, step, source, opened[1], sure=sure)
            whole = False
        if node is None or isinstance(step.layer, Hole):
            whole, shape = False, behind(step.layer, x)
            kind = getattr(step.layer, "of", step.layer.kind)
            node = replace(unknown(name, kind), input_shape=x or (), shape=shape or (), place=step.place)
        else:
            problem, node, shape = _tied(node, [*before, *nodes], spec)
            problems += [problem] if problem else []
            whole, sure = whole and problem is None, sure and problem is None
            given = shape if isinstance(node.layer, Reshape) and given == node.input_shape else given
        sure = (sure and not isinstance(node.layer, Hole)) or (shape is not None and None not in shape)
        nodes.append(node)
        source = name
    return Chain(tuple(nodes), whole, shape)


def _node(name: str, step: Step, source: str, x: Shape, *, sure: bool) -> Node | None:
    """The node of a step; None where a length is not known that its weights depend on.

    Raises:
        ShapeError: The layer cannot take ``x``.
    """
    partly = not sure and None in x
    try:
        node = Node.of(name, step.layer, source, x, undoes=step.undoes, place=step.place)
    except ShapeError:
        if partly:
            return None
        raise
    return replace(node, shape=behind(step.layer, x) or node.shape) if partly else node


def _misfit(
    error: ShapeError,
    name: str,
    step: Step,
    nodes: Sequence[Node],
    x: Shape,
    given: Shape | None,
    spec: Spec,
    *,
    last: bool,
) -> Diagnostic:
    """Say of a layer that it cannot take what comes in."""
    layer = step.layer
    advice = None
    if opened := _opened(nodes, layer):
        advice = f"{opened[0]}, or put a `repeat_vector` between"
    elif other := _for_as_many_axes(step, x, spec):
        image = len(x) == 3 and x[-1] in (1, 3)
        sure = image or any(getattr(node.layer, "rank", None) == len(x) - 1 for node in nodes)
        doubt = error.help if not sure and (given == x or len(x) < 3) else None
        advice = f"{doubt}; or, for these axes, write `{other}`" if doubt else f"did you mean `{other}`?"
    advice = advice or _channels_last(given, x, layer, spec)
    if advice is None and isinstance(layer, Reshape):
        advice = unflattened(nodes, x, prod(layer.target_shape), spec)
    if advice is None and len(x) == 1:
        advice = _as_input(layer, x, spec)
    if advice is None and layer.innermost is not layer:
        advice = _without_its_wrapper(layer, x)
    if advice is None and name.startswith("decoder/"):
        advice = _in_decoder(error, layer, x, spec, last=last)
    of = f", which undoes `{'` and `'.join(step.undoes)}`," if step.undoes else ""
    problem = fault(ShapeMismatch, f"`{name}`{of} cannot be applied", error, step.place, spec)
    return replace(problem, help=advice or problem.help)


def _opened(nodes: Sequence[Node], layer: Layer) -> tuple[str, Shape] | None:
    """How a layer can be applied after these, where one of them gave its last step alone, and what comes in then."""
    for i, node in reversed([*enumerate(nodes)]):
        if isinstance(node.layer, Hole):
            return None
        if (opened := node.layer.at_every_step) is not None:
            with suppress(ShapeError):
                shape = node.input_shape
                for each in (opened, *(after.layer for after in nodes[i + 1 :])):
                    shape = each.infer(shape)
                layer.infer(shape)
                at = "the layer in " if any(isinstance(value, Layer) for _, value in node.layer) else ""
                return f"state `return_sequences: true` at {at}`{node.name}`, which gives its last step alone", shape
    return None


def _for_as_many_axes(step: Step, x: Shape, spec: Spec) -> str | None:
    """The kind for as many axes as come in, in the place of one for fewer or more, if it takes the same fields."""
    kind, rank = step.layer.kind, getattr(step.layer, "rank", None)
    other = kind.replace(f"{rank}d", f"{len(x) - 1}d")
    if rank is None or other == kind or other not in kind_names("layer") or step.undoes or spec.source is None:
        return None
    with suppress(ShapeError, ValidationError, PydanticCustomError):
        stated = spec.source.value(step.place[:-1])
        Layer.read({other: stated[kind]} if isinstance(stated, dict) else other).infer(x)
        return other
    return None


def _without_its_wrapper(layer: Layer, x: Shape) -> str | None:
    """Of a layer that slides over the steps to which it is to be applied one by one."""
    with suppress(ShapeError):
        layer.innermost.infer(x)
        return f"leave `{layer.kind}` out: `{layer.innermost.kind}` goes over the steps by itself"
    return None


def _as_input(layer: Layer, x: Shape, spec: Spec) -> str | None:
    """How the values that come in become a sample again, or images of one channel, where a layer can take those."""
    for shape in (spec.input.shape, (*spec.input.shape, 1)):
        if len(shape) > 1 and None not in shape and elements(shape) == elements(x):
            with suppress(ShapeError):
                layer.infer(shape)
                return f"put `- reshape: {show([*shape])}` before it"
    return None


def _in_decoder(error: ShapeError, layer: Layer, x: Shape, spec: Spec, *, last: bool) -> str | None:
    """What to do about a layer of a decoder that cannot be applied, by the shape that is to come out."""
    steps = spec.input.shape[0] if len(spec.input.shape) == 2 else None
    if steps and "`- repeat_vector: steps`" in (error.help or ""):
        return str(error.help).replace("repeat_vector: steps", f"repeat_vector: {steps}")
    if last and isinstance(layer, Reshape) and elements(x) == elements(spec.input.shape):
        return f"write `reshape: {show([*spec.input.shape])}`, the shape of the input"
    return None


def unflattened(nodes: Sequence[Node], shape: Shape, wanted: int | None, spec: Spec) -> str | None:
    """What to do where dense layers were meant for all values, whose number is that of the last axis alone."""
    node = next((node for node in nodes if isinstance(node.layer, Dense) and len(node.input_shape) > 1), None)
    if node is None or len(shape) < 2 or shape[-1] != wanted:
        return None
    before = any(isinstance(layer, Dense) for layer in spec.encoder) and node.name.startswith("decoder/")
    which = "the first `dense` of the encoder" if before else f"`{node.name}`"
    return f"`dense` works on the last axis alone: put `- flatten` before {which}"


def _channels_last(given: Shape | None, shape: Shape, layer: Layer, spec: Spec) -> str | None:
    """What to give instead, where windows do not fit in a shape that comes of samples with their channels first."""
    meant = channels_last(given) if given and layer.window and len(shape) == len(given) else None
    if meant is None:
        return None
    short = spec.place(("input", "shape")) == spec.place(("input",))
    field = "reshape" if given != spec.input.shape else "input" if short else "shape"
    return f"channels come last: write `{field}: {show([*meant])}`, or use a smaller window"


def may_tie(layer: Layer, source: Layer) -> bool:
    """Whether a layer can have the kernel of a layer of the other's kind, as far as that is known."""
    kinds = {each.innermost.kind for each in source.like or (source,)} if isinstance(source, Hole) else set()
    return not kinds.union([source.innermost.kind], [kind_of(source)]).isdisjoint(layer.innermost.ties_with)


def has_kernel_for(node: Node, source: Node) -> bool | None:
    """Whether a node stores the kernel that another needs; None where that is not known."""
    if isinstance(node.layer, Hole) or isinstance(source.layer, Hole) or "kernel" not in node.params:
        return None
    return not source.ties and _as_used(node, source) == node.params["kernel"].shape


def tie_place(layer: Layer, place: Loc, spec: Spec) -> Place | None:
    """Where a layer says what it is tied to."""
    return spec.place((*place, "tied_to" if layer.innermost is layer else "layer"))


def _tied(node: Node, before: Sequence[Node], spec: Spec) -> tuple[Diagnostic | None, Node, Shape | None]:
    """What is wrong with the kernel that a node is tied to, if it is, the node with that, and the shape behind it.

    Of one whose own kernel would have another shape, that is what it gives with both; None where it was meant for all
    values, and the other is not.
    """
    target = getattr(node.layer.innermost, "tied_to", None)
    source = next((other for other in before if other.name == target), None)
    if source is None or not may_tie(node.layer, source.layer):  # nothing to tie, or it is told by its name
        return None, node, node.shape
    tied = node.tied(source.name)
    if isinstance(source.layer, Hole) or _may_be_another(source, before, spec):
        return None, tied, node.shape
    if source.ties:
        stored = source.ties["kernel"].parameter.removesuffix("/kernel")
        help = f"tie to `{stored}`"
        problem = _bad_tie(f"`{target}` is itself tied", "a layer with a kernel of its own", f"`{target}`", help)
        return replace(problem, place=tie_place(node.layer, node.place, spec)), tied, node.shape
    wanted, got = node.params["kernel"].shape, _as_used(node, source)
    if wanted == got:
        return None, tied, node.shape
    what = "transposed kernel" if node.layer.innermost.tied_transposed else "kernel"
    fitting = next(_with_the_kernel(node, source), None)
    help = "a tied layer has the other's window, and its input and output widths exchanged"
    shape: Shape | None = node.shape
    if _for_all_values(node, source):
        help, shape = f"`dense` works on the last axis alone: put `- flatten` before `{source.name}`", None
    elif fitting:
        help, shape = f"give it {fitting[0]}: {help}", common([node.shape, fitting[1]])
    problem = _bad_tie(
        f"`{node.name}` cannot use the kernel of `{target}`",
        f"a {what} of {show_shape(wanted)}",
        show_shape(got),
        help,
    )
    return replace(problem, place=tie_place(node.layer, node.place, spec)), tied, shape


def _may_be_another(source: Node, before: Sequence[Node], spec: Spec) -> bool:
    """Whether a layer may have another name than it seems, since its own, or that of one before it, cannot be read."""
    behind = [node for node in before if node.block == source.block]
    return any(spec.is_unnamed(node.place) for node in behind[: behind.index(source) + 1])


def _bad_tie(message: str, wanted: str, got: str, help: str) -> Diagnostic:
    return Diagnostic(BadTie, message, None, wanted, got, help)


def _as_used(node: Node, source: Node) -> Shape:
    """The shape of the kernel of another node as this one would use it."""
    shape: Shape = source.params["kernel"].shape
    return shape[::-1] if node.layer.innermost.tied_transposed else shape


def _for_all_values(node: Node, source: Node) -> bool:
    """Whether a dense layer was meant to bring back all values, of which the other sees the last axis alone."""
    dense = isinstance(source.layer, Dense) and len(source.input_shape) > 1
    return dense and node.params["kernel"].shape[-1] == elements(source.input_shape)


def _with_the_kernel(node: Node, source: Node) -> Iterator[tuple[str, Shape]]:
    """Other fields of a node, in words, with which it needs a kernel of the other's shape, and the shape behind it."""
    layer, fields = node.layer, type(node.layer).model_fields
    width = next((field for field in ("units", "filters") if field in fields), None)
    if layer.innermost is not layer or width is None:
        return
    windows = [getattr(each, "kernel_size", None) for each in (layer, source.layer)]
    for n, window in product(
        {getattr(layer, width): 0, **dict.fromkeys(_as_used(node, source))}, dict.fromkeys(windows)
    ):
        changed = {width: n, **({"kernel_size": window} if window is not None else {})}
        stated = {name: value for name, value in changed.items() if value != getattr(layer, name)}
        with suppress(ShapeError):
            new = Node.of(node.name, layer.model_copy(update=changed), node.inputs[0], node.input_shape)
            if new.params["kernel"].shape == _as_used(node, source):
                each = (f"`{name}: {show([*v] if isinstance(v, tuple) else v)}`" for name, v in stated.items())
                yield " and ".join(each), new.shape


def fault(rule: type[Rule], what: str, error: ShapeError, place: Loc, spec: Spec) -> Diagnostic:
    """Say what an error of a shape is about."""
    at = spec.place(place, key=True)
    return Diagnostic(rule, f"{what}: {error.message}", at, error.wanted, error.got, error.help)

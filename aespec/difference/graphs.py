"""The difference of two graphs: layers, sizes, losses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

from aespec.difference.change import Change, leaves
from aespec.graph import Graph, Node
from aespec.kind import Kind
from aespec.layers.base import Layer
from aespec.listing import TOLD, word
from aespec.shapes import counted, show_shape
from aespec.tables import number

__all__ = ["graphs"]

BLOCKS = ("encoder", "decoder")

NOTHING = "none"

Pair = tuple[Node | None, Node | None]


def graphs(a: Graph, b: Graph) -> Iterator[Change]:
    """What differs in the layers, which are compared in pairs, in the sizes of the whole and in what is made small."""
    pairs = {block: _aligned(a.block(block), b.block(block), _same, _kind) for block in BLOCKS}
    partners = {one.name: other.name for found in pairs.values() for one, other in found if one and other}
    yield from _samples(a, b)
    for block, found in pairs.items():
        yield from _layers(block, found, partners)
    yield from _sizes(a, b)
    yield from _losses(a, b, partners)


def _aligned(a: Sequence[Node], b: Sequence[Node], key: Callable[[Node], str], *coarser: Any) -> list[Pair]:
    """The nodes of both in order, in pairs: those of one key, and what is between them by the coarser keys."""
    pairs: list[Pair] = []
    matcher = SequenceMatcher(None, [*map(key, a)], [*map(key, b)], autojunk=False)
    for tag, start, stop, other_start, other_stop in matcher.get_opcodes():
        one, other = a[start:stop], b[other_start:other_stop]
        if tag == "equal":
            pairs += zip(one, other, strict=True)
        elif tag == "replace" and coarser:
            pairs += _aligned(one, other, *coarser)
        else:
            pairs += [*((node, None) for node in one), *((None, node) for node in other)]
    return pairs


def _same(node: Node) -> str:
    """The same text for layers that differ in nothing but what is compared by its effect."""
    return str(_bare(node.layer))


def _bare(layer: Layer) -> Layer:
    """A layer without the fields that are compared by their effect."""
    inner = {name: _bare(value) for name, value in layer if isinstance(value, Layer)}
    return layer.model_copy(update={**inner, **{name: None for name in TOLD if name in type(layer).model_fields}})


def _kind(node: Node) -> str:
    return node.layer.kind


def _layers(block: str, pairs: Sequence[Pair], partners: Mapping[str, str]) -> Iterator[Change]:
    renamed = []
    for a, b in pairs:
        if a and b:
            of = a.short if a.short == b.short else f"{a.short} -> {b.short}"
            found = [Change(block, of, *leaf) for leaf in _within(a, b, partners)]
            yield from found
            renamed += [(a.short, b.short)] if a.short != b.short and not found else []
        elif a:
            yield Change(block, a.short, "", _told(a), None)
        elif b:
            yield Change(block, b.short, "", None, _told(b))
    if renamed:
        before, after = (", ".join(names) for names in zip(*renamed, strict=True))
        yield Change(block, "names alone", "", before, after)


def _told(node: Node) -> str:
    count = f", {counted(node.count(), 'parameter')}" if node.params else ""
    return f"{word(node.layer)}, output {show_shape(node.shape)}{count}"


def _within(a: Node, b: Node, partners: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """What differs between two layers of one kind, with what each has."""
    yield from leaves(_bare(a.layer), _bare(b.layer))
    yield from _unequal("output", show_shape(a.shape), show_shape(b.shape))
    if a.count() != b.count():
        yield "parameters", number(a.count()), number(b.count())
    else:
        yield from _unequal("parameters", _stored(a), _stored(b))
    yield from _unequal("ties", _ties(a, partners), _ties(b, {}))
    yield from _unequal("not trained", _fixed(a), _fixed(b))
    if all(name in partners for name in a.inputs) and {*b.inputs} <= {*partners.values()}:
        yield from _unequal("inputs", " ".join(partners[name] for name in a.inputs), " ".join(b.inputs))


def _stored(node: Node) -> str:
    return ", ".join(f"{short} {show_shape(param.shape)}" for short, param in node.params.items())


def _ties(node: Node, partners: Mapping[str, str]) -> str:
    """The parameters that a node has from elsewhere, in words; of one side as they are called on the other."""
    told = []
    for short, tie in node.ties.items():
        told.append(f"{short} = {_called(tie.parameter, partners)}{'^T' * tie.transposed}")
    return ", ".join(told) or NOTHING


def _fixed(node: Node) -> str:
    return ", ".join(short for short, param in node.params.items() if not param.trainable) or NOTHING


def _called(name: str, partners: Mapping[str, str]) -> str:
    """The name of a node, or of something of one, as it is called on the other side."""
    block, _, rest = name.partition("/")
    layer, slash, rest = rest.partition("/")
    return partners.get(f"{block}/{layer}", f"{block}/{layer}") + slash + rest


def _unequal(what: str, before: str, after: str) -> Iterator[tuple[str, str, str]]:
    if before != after:
        yield what, before, after


def _samples(a: Graph, b: Graph) -> Iterator[Change]:
    """Where the same input is trained on samples of other lengths."""
    if a.input == b.input and a.sample_shape != b.sample_shape:
        yield Change("input", "samples", "", show_shape(a.sample_shape), show_shape(b.sample_shape))


def _sizes(a: Graph, b: Graph) -> Iterator[Change]:
    for what, before, after in zip(
        ("code", "parameters", "not trained", "multiply-adds"), _size(a), _size(b), strict=True
    ):
        if before != after:
            yield Change("model", what, "", before, after)


def _size(graph: Graph) -> tuple[str, ...]:
    adds = [node.multiply_adds for node in graph]
    counts = sum(node.count() for node in graph), sum(node.count(trainable=False) for node in graph)
    known = None if None in adds else sum(n for n in adds if n is not None)
    return (show_shape(graph[graph.code].shape), *map(number, (*counts, known)))


def _losses(a: Graph, b: Graph, partners: Mapping[str, str]) -> Iterator[Change]:
    terms = {_called(term.name, partners): term.regularizer for term in a.terms}
    yield from _kinds({loss.kind: loss for loss in a.losses}, {loss.kind: loss for loss in b.losses})
    yield from _kinds(terms, {term.name: term.regularizer for term in b.terms})


def _kinds(a: Mapping[str, Kind], b: Mapping[str, Kind]) -> Iterator[Change]:
    for name in dict.fromkeys([*a, *b]):
        if name in a and name in b:
            yield from (Change("loss", name, *found) for found in leaves(a[name], b[name]))
        else:
            yield Change("loss", name, "", word(a[name]) if name in a else None, word(b[name]) if name in b else None)

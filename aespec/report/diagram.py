"""The diagram of a graph: the encoder down one side, the code below, the decoder up the other side."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import log2
from typing import TYPE_CHECKING, Any

from aespec.graph import Graph, Node
from aespec.layers.base import Layer
from aespec.report.page import render
from aespec.shapes import Shape, counted, elements
from aespec.tables import number

if TYPE_CHECKING:
    from markupsafe import Markup

__all__ = ["TIMES", "Box", "Layout", "diagram", "extents", "lay_out", "named", "words"]

TIMES = "\N{MULTIPLICATION SIGN}"

LEAST = 55
"""Hundredths of the full width that the smallest value's box has."""


@dataclass(frozen=True)
class Box:
    """A value of the model: what makes it, and its shape."""

    title: str
    words: str
    shape: str
    count: str
    """Of the parameters stored there."""
    width: int
    """In hundredths: by the logarithm of how many numbers it is."""
    rows: tuple[int, int]
    """Where it stands beside the others, counted from 1: its first row, and the one after its last."""


@dataclass(frozen=True)
class Layout:
    """Where the boxes of a graph stand."""

    encoder: list[Box]
    """From the input down."""
    code: Box
    decoder: list[Box]
    """From the code up."""
    about: str
    """All of it in words."""


def diagram(graph: Graph) -> Markup:
    """A graph as HTML: a box for each node with its shape and its parameters, the wider the more numbers it gives.

    Raises:
        AespecError: jinja2 is missing.
    """
    return render("diagram.html.j2", layout=lay_out(graph))


def lay_out(graph: Graph) -> Layout:
    """The boxes of a graph, and where they stand beside each other."""
    shapes = [graph.input, *(node.shape for node in graph)]
    sizes = [log2(size) if (size := elements(_known(shape))) else 0.0 for shape in shapes]
    low, high = min(sizes), max(sizes)

    def width(shape: Shape) -> int:
        size = elements(_known(shape)) or 1
        return round(LEAST + (100 - LEAST) * (log2(size) - low) / ((high - low) or 1))

    tied = {tie.parameter.rpartition("/")[0] for node in graph for tie in node.ties.values()}

    def box(node: Node, rows: tuple[int, int]) -> Box:
        count = node.count()
        stored = counted(count, "parameter") if count else ""
        return Box(
            node.short if node.layer.name or node.name in tied else node.layer.kind,
            named(node, node.shape),
            extents(node.shape),
            stored,
            width(node.shape),
            rows,
        )

    encoder, decoder = graph.block("encoder"), graph.block("decoder")
    places, height = _places(graph)
    code, end = graph[graph.code].shape, graph.output.shape
    return Layout(
        encoder=[
            Box("input", "", extents(graph.input), "", width(graph.input), (1, 2)),
            *(box(node, places[node.name]) for node in encoder),
        ],
        code=Box("code", _numbers(code), extents(code) if len(code) > 1 else "", "", width(code), (height, height + 1)),
        decoder=[
            *(box(node, places[node.name]) for node in decoder),
            Box("reconstruction", "", extents(end), "", width(end), (1, 2)),
        ],
        about=f"{graph.name}: {extents(graph.input)} to a code of {extents(code)} and back to {extents(end)}, "
        f"{counted(sum(node.count() for node in graph), 'parameter')}",
    )


def _places(graph: Graph) -> tuple[dict[str, tuple[int, int]], int]:
    """The rows of each node, and the row of the code: the encoder from above, the decoder from below."""
    places, row = dict[str, tuple[int, int]](), 2
    for encoder, decoder in _beside(graph):
        height = max(len(encoder), len(decoder))
        for nodes in (encoder, decoder):
            ends = [row + i * height // max(len(nodes), 1) for i in range(len(nodes) + 1)]
            places |= {node.name: rows for node, rows in zip(nodes, pairwise(ends), strict=True)}
        row += height
    return places, row


def _beside(graph: Graph) -> list[tuple[list[Node], list[Node]]]:
    """Which nodes stand beside each other, from above: in a mirror those that undo each other, else all."""
    encoder, decoder = list(graph.block("encoder")), list(reversed(graph.block("decoder")))
    if not graph.mirrored:
        return [(encoder, decoder)]
    number = {node.name: i for i, node in enumerate(encoder)}
    groups: list[tuple[list[Node], list[Node]]] = []
    done = 0
    for node in decoder:
        undone = [number[name] for name in node.undoes]
        if undone and max(undone) < done:  # what the one above it undoes too
            groups[-1][1].append(node)
            continue
        begin, end = (max(min(undone), done), max(undone) + 1) if undone else (done, done)
        groups += [([other], []) for other in encoder[done:begin]]
        groups.append((encoder[begin:end], [node]))
        done = end
    return groups + [([other], []) for other in encoder[done:]]


def named(node: Node, shape: Shape = ()) -> str:
    """The words for a node's layer; where the node has a name of its own, after the layer's kind."""
    kind = node.layer.kind if node.layer.name else ""
    return ", ".join(part for part in (kind, words(node.layer, shape)) if part)


def words(layer: Layer, shape: Shape = ()) -> str:
    """What a layer's fields say that is not so by default, in few words; not what the shape that it gives says too.

    >>> from aespec.layers.dense import Dense
    >>> words(Dense(units=100, activation="selu")), words(Dense(units=100, activation="selu"), (100,))
    ('100, selu', 'selu')
    >>> from aespec.layers.conv import Conv1D
    >>> words(Conv1D(filters=16, kernel_size=5, padding="same"))
    'filters 16, kernel 5, same'
    """
    kind, said = type(layer), []
    for name, value in layer.stated().items():
        if name == "name":
            continue
        if name == kind.main and _word(value) == _word(shape):
            continue
        bare = name in (kind.main, "activation", "padding") or isinstance(value, Layer)
        if isinstance(value, bool):
            word = name if value else f"no {name}"
        else:
            word = _word(value) if bare else f"{name.removesuffix('_size')} {_word(value)}"
        said.append((name != kind.main, word))
    return ", ".join(text for _, text in sorted(said, key=lambda each: each[0]))


def _word(value: Any) -> str:
    if isinstance(value, Layer):
        return f"{value.kind} {words(value)}"
    if isinstance(value, tuple):
        return TIMES.join(map(_word, value))
    if isinstance(value, float):
        return f"{value:g}"
    return number(value) if isinstance(value, int) else str(value)


def _known(shape: Shape) -> Shape:
    """A shape without its axes of unknown length: what is there of each step."""
    return tuple(n for n in shape if n is not None)


def extents(shape: Shape) -> str:
    """A shape as it is said, such as 28 times 28, with a question mark for an unknown length."""
    return f" {TIMES} ".join(map(number, shape))


def _numbers(shape: Shape) -> str:
    size = elements(shape)
    return "numbers of an open length" if size is None else counted(size, "number")

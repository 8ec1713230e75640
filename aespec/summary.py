"""The summary of a graph: its layers, shapes and counts as data, and as text and Markdown."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from aespec.graph import Graph, Node, Term
from aespec.layers.base import Layer
from aespec.shapes import Shape, show_shape
from aespec.tables import number, table

__all__ = [
    "COLUMNS",
    "NUMBERS",
    "Block",
    "Line",
    "Summary",
    "as_data",
    "as_markdown",
    "as_text",
    "remarks",
    "rows",
    "summarize",
]


@dataclass(frozen=True)
class Line:
    """One layer. Shapes have the batch axis, which is None."""

    name: str
    kind: str
    """With what it wraps: ``time_distributed(dense)``."""
    output_shape: Shape
    parameters: int
    """Those stored here; a tied one is stored where it is tied to."""
    multiply_adds: int | None
    """For one sample; None where they depend on a length that is unknown."""
    layer: Any
    """The layer as a spec states it, with every field."""
    ties: tuple[str, ...]
    """Which of its parameters are stored elsewhere, and where, in words."""
    undoes: tuple[str, ...]
    """The encoder's layers that it undoes, in a mirrored decoder."""
    note: str
    """Why its padding is right for the shape that it is given, where there is a choice."""


@dataclass(frozen=True)
class Block:
    """The encoder or the decoder."""

    name: str
    input_shape: Shape
    output_shape: Shape
    lines: tuple[Line, ...]
    parameters: int
    multiply_adds: int | None


@dataclass(frozen=True)
class Summary:
    """A whole model."""

    name: str
    blocks: tuple[Block, ...]
    parameters: int
    trainable: int
    non_trainable: int
    multiply_adds: int | None
    loss: str
    """The losses that are added up, in words."""
    terms: tuple[str, ...]
    """What is added to the loss, in words."""
    mirrored: bool
    """Whether the decoder was made from the encoder."""


def summarize(graph: Graph) -> Summary:
    """The summary of a graph."""
    encoder = _block(graph, "encoder", graph.input)
    decoder = _block(graph, "decoder", graph[graph.code].shape)
    return Summary(
        graph.name,
        (encoder, decoder),
        parameters=sum(node.count() for node in graph),
        trainable=sum(node.count(trainable=True) for node in graph),
        non_trainable=sum(node.count(trainable=False) for node in graph),
        multiply_adds=_sum([encoder.multiply_adds, decoder.multiply_adds]),
        loss=" + ".join(map(str, graph.losses)),
        terms=tuple(_term(term) for term in graph.terms),
        mirrored=graph.mirrored,
    )


def as_data(summary: Summary) -> dict[str, Any]:
    """The summary for JSON, each shape a list with null for the batch and for an unknown length."""
    return asdict(summary)


def as_text(summary: Summary, *, mirror: bool = False) -> str:
    """The summary for a terminal; with ``mirror``, also what each layer of a mirrored decoder undoes."""
    parts = [summary.name, table(COLUMNS, *rows(summary), numbers=NUMBERS), "\n".join(remarks(summary))]
    return "\n\n".join([*parts, _mirror_text(summary)] if mirror else parts)


def as_markdown(summary: Summary, *, mirror: bool = False) -> str:
    """The summary as a section of a Markdown page."""
    parts = [f"## {summary.name}"]
    for block, lines in zip(summary.blocks, rows(summary), strict=False):
        parts += [f"### {block.name.capitalize()}", table(COLUMNS, lines, numbers=NUMBERS, markdown=True)]
    parts.append("\n".join(f"- {remark}" for remark in remarks(summary)))
    if mirror:
        parts.append("### Mirror")
        undone = [[line.name, _undoing(line), line.note] for line in summary.blocks[1].lines]
        parts.append(
            table(["Layer", "What it does", "Padding"], undone, markdown=True) if summary.mirrored else WRITTEN_OUT
        )
    return "\n\n".join(parts)


def rows(summary: Summary) -> list[list[list[str]]]:
    """The table of a summary, a cell for each of `COLUMNS`: the lines of each block and its sum, then that of all."""
    groups = [[*map(_cells, block.lines), _total(block)] for block in summary.blocks]
    return [*groups, [["total", "", "", number(summary.parameters), number(summary.multiply_adds)]]]


def remarks(summary: Summary) -> list[str]:
    """What is said below the table."""
    ties = [f"{line.name}: {tie}" for block in summary.blocks for line in block.lines for tie in line.ties]
    found = [
        f"Parameters: {number(summary.parameters)} "
        f"(trainable {number(summary.trainable)}, non-trainable {number(summary.non_trainable)})",
        f"Input: {show_shape(summary.blocks[0].input_shape)}, code: {show_shape(summary.blocks[0].output_shape)}",
        f"Loss: {summary.loss}",
        *(f"Loss term: {term}" for term in summary.terms),
        *(f"Tied: {tie}" for tie in ties),
    ]
    if summary.multiply_adds is None:
        found.append("?: depends on a length that the input leaves open")
    return found


COLUMNS = ("Name", "Kind", "Output shape", "Parameters", "Multiply-adds")
NUMBERS = COLUMNS[3:]
WRITTEN_OUT = "The decoder is written out layer by layer: there is no mirror to explain."


def _block(graph: Graph, name: str, given: Shape) -> Block:
    """The block of that name, which is given values of a shape."""
    lines = tuple(map(_line, graph.block(name)))
    return Block(
        name,
        input_shape=(None, *given),
        output_shape=lines[-1].output_shape if lines else (None, *given),
        lines=lines,
        parameters=sum(line.parameters for line in lines),
        multiply_adds=_sum([line.multiply_adds for line in lines]),
    )


def _line(node: Node) -> Line:
    return Line(
        node.name,
        _kind(node.layer),
        (None, *node.shape),
        node.count(),
        node.multiply_adds,
        layer=node.layer.to_data(),
        ties=tuple(
            f"{short} tied to {tie.parameter.rpartition('/')[0]}{', transposed' if tie.transposed else ''}"
            for short, tie in node.ties.items()
        ),
        undoes=node.undoes,
        note=_note(node),
    )


def _note(node: Node) -> str:
    """Which padding a layer has, where there is a choice, and what the others would give."""
    why, fields = node.layer.note(node.input_shape), dict(node.layer.innermost)
    chosen = [f"padding: {fields['padding']}"] if isinstance(fields.get("padding"), str) else []
    if any(extra := fields.get("output_padding", ())):
        chosen.append(f"output_padding: {list(extra)}")
    return f"{', '.join(chosen)}, since {why}" if why and chosen else why


def _kind(layer: Layer) -> str:
    inner = [value for _, value in layer if isinstance(value, Layer)]
    return f"{layer.kind}({', '.join(map(_kind, inner))})" if inner else layer.kind


def _term(term: Term) -> str:
    of = {"parameter": term.of, "activity": f"the output of {term.of}", "latent": f"the code of {term.of}"}
    return f"{term.regularizer} of {of[term.target]}"


def _sum(counts: list[int | None]) -> int | None:
    return None if None in counts else sum(count for count in counts if count is not None)


def _cells(line: Line) -> list[str]:
    shape = show_shape(line.output_shape)
    return [line.name, line.kind, shape, number(line.parameters), number(line.multiply_adds)]


def _total(block: Block) -> list[str]:
    shape = show_shape(block.output_shape)
    return [f"{block.name} in all", "", shape, number(block.parameters), number(block.multiply_adds)]


def _mirror_text(summary: Summary) -> str:
    if not summary.mirrored:
        return WRITTEN_OUT
    decoder = summary.blocks[1].lines
    lines = ["The mirror:" if decoder else "The mirror is empty: no layer of the encoder changes the shape."]
    for line in decoder:
        lines.append(f"  {line.name} {_undoing(line)}")
        lines += [f"      {line.note}"] if line.note else []
    return "\n".join(lines)


def _undoing(line: Line) -> str:
    return f"undoes {' and '.join(line.undoes)}" if line.undoes else "brings the output's activation"

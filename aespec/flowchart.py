"""The flowchart of a graph, for Mermaid, which GitHub and many others draw in Markdown."""

from __future__ import annotations

from aespec.graph import INPUT, Graph, Node
from aespec.report.diagram import TIMES, extents, named
from aespec.shapes import Shape, counted

__all__ = ["flowchart"]

CODE, OUTPUT = "code", "output"

PLAIN = f" _,.?/()={TIMES}"
"""What stands for itself in a label, beside letters and digits."""


def flowchart(graph: Graph) -> str:
    """A graph as a flowchart of Mermaid: encoder, code and decoder, shapes at the arrows, ties as dotted lines."""
    ids = {INPUT: INPUT, **{node.name: node.name.replace("/", "_") for node in graph}}
    shapes = {INPUT: graph.input, **{node.name: node.shape for node in graph}}

    def arrow(source: str, target: str, shape: Shape) -> str:
        return f'  {source} -->|"{_text(extents(shape))}"| {target}'

    lines = ["flowchart TB", f'  {INPUT}(["{INPUT}"])']
    for block in ("encoder", "decoder"):
        boxes = [f'    {ids[node.name]}["{_label(node)}"]' for node in graph.block(block)]
        lines += [f"  subgraph {block}", *boxes, "  end"] if boxes else []
    lines += [f'  {CODE}(["code"])', f'  {OUTPUT}(["reconstruction"])']
    for node in graph:
        for name in node.inputs:
            source = CODE if name == graph.code and node.block == "decoder" else ids[name]
            lines.append(arrow(source, ids[node.name], shapes[name]))
        if node.name == graph.code:
            lines.append(arrow(ids[node.name], CODE, node.shape))
    last = graph.output.name
    lines.append(arrow(CODE if last == graph.code else ids[last], OUTPUT, shapes[last]))
    for node in graph:
        for short, tie in node.ties.items():
            stored = tie.parameter.rpartition("/")[0]
            what = f"{short}, transposed" if tie.transposed else short
            lines.append(f'  {ids[stored]} -.->|"{what}"| {ids[node.name]}')
    return "\n".join(lines)


def _label(node: Node) -> str:
    """What a box says: name, kind and fields, and how many parameters are stored there."""
    count = node.count()
    return "<br>".join(
        _text(part) for part in (node.short, named(node), counted(count, "parameter") if count else "") if part
    )


def _text(text: str) -> str:
    """Text in which Mermaid sees no markup."""
    return "".join(c if c.isalnum() or c in PLAIN else f"#{ord(c)};" for c in text)

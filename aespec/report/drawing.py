"""The diagram of a graph as a drawing of its own, in SVG."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from textwrap import wrap

from aespec.graph import Graph
from aespec.report.diagram import Box, lay_out
from aespec.report.page import render

__all__ = ["drawing"]

COLUMN, MIDDLE, MARGIN = 336, 16, 20
"""Widths in pixels: of a column at its fullest, between the two, and around all."""

CHARACTER, LINE, PADDING, ARROW = 7.3, 17, 10, 22
"""Pixels of a character, a line, a box's padding and an arrow. Text has one width a character, so that it fits."""


@dataclass(frozen=True)
class Line:
    """A line in a box: what is on its left and on its right, and how it looks."""

    left: str
    right: str = ""
    look: str = "soft"


@dataclass(frozen=True)
class Drawn:
    """A box as it is drawn."""

    part: str
    x: int
    y: int
    width: int
    height: int
    lines: Sequence[Line]

    @property
    def top(self) -> int:
        """Where the first line begins, so that all stand in the middle."""
        return self.y + (self.height - LINE * len(self.lines)) // 2


def drawing(graph: Graph) -> str:
    """A graph as SVG, light or dark as the system is: the boxes of `aespec.report.diagram`, and arrows between them.

    Raises:
        AespecError: jinja2 is missing.
    """
    layout = lay_out(graph)
    full = 2 * COLUMN + MIDDLE
    boxes = [*layout.encoder, layout.code, *layout.decoder]
    widths = {box: box.width * COLUMN // 100 for box in boxes} | {layout.code: 7 * layout.code.width * full // 1000}
    lines = {box: list(_lines(box, int((widths[box] - 2 * PADDING) / CHARACTER))) for box in boxes}
    tops = _tops([(*box.rows, LINE * len(lines[box]) + 2 * PADDING) for box in boxes])

    def drawn(part: str, box: Box, x: int) -> Drawn:
        top, bottom = tops[box.rows[0]], tops[box.rows[1]] - ARROW
        return Drawn(part, x, top, widths[box], bottom - top, lines[box])

    left = [drawn("encoder", box, MARGIN + COLUMN - widths[box]) for box in layout.encoder]
    code = drawn("code", layout.code, MARGIN + (full - widths[layout.code]) // 2)
    right = [drawn("decoder", box, MARGIN + COLUMN + MIDDLE) for box in layout.decoder]
    return str(
        render(
            "drawing.svg.j2",
            about=layout.about,
            width=full + 2 * MARGIN,
            height=code.y + code.height + MARGIN,
            boxes=[*left, code, *right],
            down=[(above.y + above.height, below.y) for above, below in pairwise([*left, code])],
            up=[(below.y, above.y + above.height) for below, above in pairwise([code, *right])],
            columns=(MARGIN + COLUMN - 2 * ARROW, MARGIN + COLUMN + MIDDLE + 2 * ARROW),
            line=LINE,
            padding=PADDING,
        )
    )


def _lines(box: Box, room: int) -> Iterator[Line]:
    """What a box says, in lines of so many characters."""
    yield from (Line(text, look="title") for text in wrap(box.title, room))
    yield from (Line(text) for text in wrap(box.words, room))
    if len(box.shape) + len(box.count) + 2 <= room:
        if box.shape:
            yield Line(box.shape, box.count, look="")
    else:
        yield from (Line(text, look="") for text in wrap(box.shape, room))
        yield from (Line(text) for text in wrap(box.count, room))


def _tops(needed: Sequence[tuple[int, int, int]]) -> list[int]:
    """Where each row begins, and what follows the last.

    Args:
        needed: Of each box its first row, counted from 1, the one after its last, and its height.
    """
    tops = [0, MARGIN]
    for end in range(2, 1 + max(after for _, after, _ in needed)):
        bottoms = [tops[first] + height for first, after, height in needed if after == end]
        tops.append(max([tops[-1], *(bottom + ARROW for bottom in bottoms)]))
    return tops

"""The diagram of a graph as a drawing of its own, by matplotlib."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import pairwise
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from aespec.graph import Graph
from aespec.picture import COLORS, GRAY, any_script, blank
from aespec.report.diagram import Box, lay_out

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["drawing"]

COLUMN, MIDDLE, MARGIN = 336, 16, 20
"""Widths in points: of a column at its fullest, between the two, and around all."""

SIZE, CHARACTER, LINE, PADDING, ARROW = 12, 7.3, 17, 10, 22
"""Points of a letter, a character's width, a line, a box's padding and an arrow. All characters are of one width."""

INK = "#16202b"
"""Of what is not `GRAY`."""

SIDES = {"encoder": COLORS[0], "decoder": COLORS[1], "code": COLORS[2]}
"""The color of each part."""


@dataclass(frozen=True)
class Line:
    """A line in a box: what is on its left and on its right, and how it looks."""

    left: str
    right: str = ""
    color: str = GRAY
    weight: str = "normal"


@dataclass(frozen=True)
class Drawn:
    """A box as it is drawn."""

    part: str
    x: float
    y: float
    width: float
    height: float
    lines: Sequence[Line]

    @property
    def bottom(self) -> float:
        """Where it ends."""
        return self.y + self.height

    def on(self, axes: Axes) -> None:
        """Draw it, its lines in its middle, and a bar in its part's color on the side of the other part."""
        from matplotlib.patches import FancyBboxPatch

        def box(x: float, width: float, name: str, rounding: float, **look: Any) -> None:
            style = f"round,pad=0,rounding_size={rounding}"
            axes.add_patch(FancyBboxPatch((x, self.y), width, self.height, boxstyle=style, gid=name, **look))

        color, code = SIDES[self.part], self.part == "code"
        edge = color if code else "#d5dce4"
        box(self.x, self.width, "box", 7, facecolor="#f5f7fa", edgecolor=edge, linewidth=1 + code)
        if not code:
            bar = self.x + self.width - 4 if self.part == "encoder" else self.x
            box(bar, 4, "side", 2, facecolor=color, edgecolor="none")
        top = self.y + (self.height - LINE * len(self.lines)) / 2
        for i, line in enumerate(self.lines):
            look: Any = {"size": SIZE, "family": "monospace", "va": "center", "parse_math": False}
            y = top + LINE * (i + 0.5)
            x, side = (self.x + self.width / 2, "center") if code else (self.x + PADDING, "left")
            axes.text(x, y, line.left, ha=side, color=line.color, weight=line.weight, **look)
            if line.right:
                axes.text(self.x + self.width - PADDING, y, line.right, ha="right", color=GRAY, **look)


def drawing(graph: Graph, form: str = "svg") -> bytes:
    """A graph as a picture: the boxes of `aespec.report.diagram`, and arrows between them.

    Args:
        graph: What is drawn.
        form: ``svg`` or ``pdf``, in which text stays text, ``png``, or what else matplotlib writes.

    Raises:
        AespecError: matplotlib is missing.
    """
    layout = lay_out(graph)
    full = 2 * COLUMN + MIDDLE
    boxes = [*layout.encoder, layout.code, *layout.decoder]
    widths = {box: box.width * COLUMN // 100 for box in boxes} | {layout.code: 7 * layout.code.width * full // 1000}
    lines = {box: list(_lines(box, int((widths[box] - 2 * PADDING) / CHARACTER))) for box in boxes}
    tops = _tops([(*box.rows, LINE * len(lines[box]) + 2 * PADDING) for box in boxes])

    def drawn(part: str, box: Box, x: float) -> Drawn:
        top, bottom = tops[box.rows[0]], tops[box.rows[1]] - ARROW
        return Drawn(part, x, top, widths[box], bottom - top, lines[box])

    left = [drawn("encoder", box, MARGIN + COLUMN - widths[box]) for box in layout.encoder]
    code = drawn("code", layout.code, MARGIN + (full - widths[layout.code]) / 2)
    right = [drawn("decoder", box, MARGIN + COLUMN + MIDDLE) for box in layout.decoder]

    width, height = full + 2 * MARGIN, code.bottom + MARGIN
    figure = blank(width / 72, height / 72)
    figure.set_layout_engine("none")
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(height, 0))
    axes.set_axis_off()
    for box in (*left, code, *right):
        box.on(axes)
    for above, below in pairwise([*left, code]):
        _arrow(axes, MARGIN + COLUMN - 2 * ARROW, above.bottom, below.y)
    for below, above in pairwise([code, *right]):
        _arrow(axes, MARGIN + COLUMN + MIDDLE + 2 * ARROW, below.y, above.bottom)
    return _written(figure, form, layout.about)


def _arrow(axes: Axes, x: float, start: float, end: float) -> None:
    """An arrow from one height to another, with a gap at both ends."""
    look = {"arrowstyle": "->", "color": GRAY, "shrinkA": 3, "shrinkB": 3}
    axes.annotate("", (x, end), (x, start), arrowprops=look)


def _written(figure: Figure, form: str, about: str) -> bytes:
    """A figure in a format, the same bytes each time."""
    import matplotlib

    dates = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
    rules: Any = {"svg.fonttype": "none", "svg.hashsalt": "aespec", "pdf.fonttype": 42}
    file = BytesIO()
    with matplotlib.rc_context(rules), any_script():
        figure.savefig(file, format=form, metadata={"Title": about, **dates.get(form, {})})
    return file.getvalue()


def _lines(box: Box, room: int) -> Iterator[Line]:
    """What a box says, in lines of so many characters."""
    yield from (Line(text, color=INK, weight="bold") for text in wrap(box.title, room))
    yield from (Line(text) for text in wrap(box.words, room))
    if len(box.shape) + len(box.count) + 2 <= room:
        if box.shape:
            yield Line(box.shape, box.count, color=INK)
    else:
        yield from (Line(text, color=INK) for text in wrap(box.shape, room))
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

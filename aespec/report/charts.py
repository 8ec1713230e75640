"""Charts for a page: curves and histograms as inline SVG, which take their colors from the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, floor, isfinite, log10
from typing import TYPE_CHECKING, Any

from aespec.report.page import render

if TYPE_CHECKING:
    import numpy as np
    from markupsafe import Markup
    from numpy.typing import NDArray

    Array = NDArray[np.floating[Any]]

__all__ = ["Line", "curves", "histogram"]

BINS = 40

DECADES = 1.5
"""Positive values that lie further apart have a logarithmic axis."""


@dataclass(frozen=True)
class Line:
    """One curve of a chart, or one histogram."""

    name: str
    values: Sequence[float] | Array
    color: int = 0
    """Which of the page's ten."""
    dashed: bool = False


@dataclass(frozen=True)
class Axis:
    """Where values lie on an axis, in hundredths of it."""

    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]
    """Values and how they are written."""
    log: bool = False

    @classmethod
    def over(cls, values: Sequence[float], *, log: bool = False, room: int = 5, whole: bool = False) -> Axis:
        """The axis that holds values, with about so many ticks at round numbers, or only at whole ones."""
        found = [float(value) for value in values if isfinite(value)] or [0.0, 1.0]
        low, high = min(found), max(found)
        return cls._logarithmic(low, high, room) if log else cls._linear(low, high, room, whole)

    @classmethod
    def _logarithmic(cls, least: float, most: float, room: int) -> Axis:
        low, high = log10(least), log10(most)
        marks = [power + log10(digit) for power in range(floor(low), ceil(high) + 1) for digit in (1, 2, 5)]
        if high - low > 3:
            marks = [float(power) for power in range(floor(low), ceil(high) + 1, ceil((high - low) / room))]
        return cls(low, high, tuple((10**at, f"{10**at:.4g}") for at in marks if low <= at <= high), log=True)

    @classmethod
    def _linear(cls, low: float, high: float, room: int, whole: bool) -> Axis:
        if low == high:
            half = 0.5 if whole or not low else abs(low) / 10
            low, high = low - half, high + half
        step = _round_step((high - low) / room)
        step = max(1.0, step) if whole else step
        ticks = [i * step for i in range(ceil(low / step - 1e-9), floor(high / step + 1e-9) + 1)]
        places = max(0, -floor(log10(step) + 1e-9))
        wide = places > 4 or max(abs(low), abs(high)) >= 1e5
        return cls(low, high, tuple((tick, f"{tick:g}" if wide else f"{tick:.{places}f}") for tick in ticks))

    def at(self, value: float) -> float:
        """Where a value lies, 0 to 100."""
        value = log10(value) if self.log else value
        return round(100 * (value - self.low) / ((self.high - self.low) or 1), 2)

    @property
    def marks(self) -> list[tuple[float, str]]:
        """Where the ticks lie, and how they are written."""
        return [(self.at(value), text) for value, text in self.ticks]


def curves(title: str, x: Sequence[float], lines: Sequence[Line]) -> Markup:
    """Curves over epochs. Values far apart have a logarithmic axis; those that are not finite are left out.

    Raises:
        AespecError: jinja2 is missing.
    """
    values = [float(value) for line in lines for value in line.values if isfinite(value)]
    log = bool(values) and min(values) > 0 and log10(max(values) / min(values)) > DECADES
    across, up = Axis.over(x, whole=True, room=8), Axis.over(values, log=log)
    drawn = [
        {
            "name": line.name,
            "color": line.color,
            "dashed": line.dashed,
            "path": _path(x, line.values, across, up),
            "dot": sum(map(isfinite, line.values)) == 1,
        }
        for line in lines
    ]
    ends = [f"{line.name} from {line.values[0]:.4g} to {line.values[-1]:.4g}" for line in lines if len(line.values)]
    about = f"{title} by epoch: {'; '.join(ends)}"
    name = f"epoch{'; logarithmic scale' if log else ''}"
    return render("chart.html.j2", title=title, about=about, across=across, up=up, lines=drawn, x_name=name)


def histogram(title: str, parts: Sequence[Line], *, x_name: str) -> Markup:
    """The distributions of values of several parts, each as the share of its samples in each of 40 bins.

    The bins are of one width, from the least to the largest value of all; values that are not finite are left out.

    Raises:
        AespecError: jinja2 is missing.
    """
    import numpy as np

    finite = [np.asarray(part.values)[np.isfinite(part.values)] for part in parts]
    everything = np.concatenate(finite)
    edges = np.histogram_bin_edges(everything, BINS)
    shares = [np.histogram(values, edges)[0] / max(len(values), 1) for values in finite]
    across, up = Axis.over([edges[0], edges[-1]], room=6), Axis.over([0.0, 100 * max(map(np.max, shares))], room=4)
    lefts = [across.at(edge) for edge in edges]
    drawn = []
    for part, values, share in zip(parts, finite, shares, strict=True):
        steps = "".join(
            f"L{a} {100 - up.at(100 * y):.2f}L{b} {100 - up.at(100 * y):.2f}"
            for (a, b), y in zip(pairwise(lefts), share.tolist(), strict=True)
        )
        path = f"M{lefts[0]} 100{steps}L{lefts[-1]} 100"
        middle = across.at(float(np.median(values))) if len(values) else None
        drawn.append(
            {"name": part.name, "color": part.color, "dashed": False, "dot": False, "path": path, "middle": middle}
        )
    about = f"{title}: " + "; ".join(
        f"{part.name}, median {np.median(values):.3g}"
        for part, values in zip(parts, finite, strict=True)
        if len(values)
    )
    return render(
        "chart.html.j2",
        title=title,
        about=about,
        across=across,
        up=up,
        lines=drawn,
        x_name=x_name,
        y_name="% of samples",
    )


def _round_step(rough: float) -> float:
    """The step of 1, 2 or 5 times a power of ten that is nearest above."""
    power = 10.0 ** floor(log10(rough))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= rough * 0.999)


def _path(x: Sequence[float], values: Sequence[float] | Array, across: Axis, up: Axis) -> str:
    """A line through the values that are there; a gap where one is not."""
    path, begins = "", True
    for place, value in zip(x, values, strict=True):
        if isfinite(value):
            path += f"{'M' if begins else 'L'}{across.at(place)} {100 - up.at(float(value)):.2f}{'h0' * begins}"
        begins = not isfinite(value)
    return path

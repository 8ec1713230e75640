"""Pictures of features: what the units of a first layer look for, and what the units of a code respond to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from math import ceil
from typing import TYPE_CHECKING, Any

from aespec.files import StrPath
from aespec.picture import (
    BARS,
    COLORS,
    GRAY,
    blank,
    clipped,
    draw_bars,
    draw_legend,
    draw_sample,
    foremost,
    is_table,
    named,
    plain,
    save,
)
from aespec.shapes import unit_name

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.figure import SubFigure
    from numpy.typing import NDArray

    from aespec.uses.features import CodeUnits

    Array = NDArray[np.floating[Any]]

__all__ = ["draw_activations", "draw_first_layer"]

COLUMNS = 8
"""Units in a row."""

GAP, MARGIN = 0.3, 0.08
"""Between the most and the least activating inputs, and between two inputs, in widths of an input."""

MARK: dict[str, Any] = {"color": COLORS[1], "linewidth": 1.2, "linestyle": (0, (4, 1.5))}
"""How a threshold and a target are drawn."""


def draw_first_layer(
    units: Mapping[int, Array], path: StrPath, *, images: bool, columns: Sequence[str] = (), title: str = ""
) -> None:
    """Draw what units look for, as a PNG: red weights raise a unit, blue ones lower it.

    Units of three channels are drawn in color, with gray for zero. Each unit is drawn on a scale of its own, which
    ends at its largest weight.

    Args:
        units: What each looks for, by its number: weights in the shape of the input, or a filter.
        path: Where the picture goes.
        images: Whether they are drawn as images, as those of images and filters over one are; else as curves, and
            weights of a row of a table as bars, those of the largest.
        columns: What each feature of a table is called.
        title: Written above.

    Raises:
        AespecError: matplotlib is missing.
    """
    import numpy as np

    shape = next(iter(units.values())).shape
    table = not images and len(shape) == 1 and is_table(shape[0], columns)
    across = min(COLUMNS // 2 if table else COLUMNS, len(units))
    rows, (width, height) = ceil(len(units) / across), (1.1, 1.25) if images else (2.0, 1.6)
    if table:
        width, height = 2.6, 0.15 * min(shape[0], BARS) + 0.5
    colored = images and shape[2:] == (3,)
    figure = blank(max(width * across, 6.0), rows * height + 0.4)
    figure.suptitle(title + (", red raises, blue lowers" if images and not colored else ""), fontsize=10)
    axes = figure.subplots(rows, across, squeeze=False).flatten()
    for place in axes[len(units) :]:
        place.set_axis_off()
    for place, (number, unit) in zip(axes, units.items(), strict=False):
        place.set_title(str(number), fontsize=7, pad=2)
        largest = float(np.abs(unit).max()) or 1.0
        if table:
            drawn, few = foremost(np.abs(unit), BARS, "the largest weights")
            draw_bars(place, unit[drawn], [named(columns, len(unit))[i] for i in drawn], COLORS[0])
            place.axvline(0, color=GRAY, linewidth=0.5)
            place.tick_params(axis="x", labelsize=6)
            plain(place)
            continue
        if not images:
            draw_sample(place, unit, -largest, largest, image=False)
            place.axhline(0, color=GRAY, linewidth=0.5)
            continue
        shown = 0.5 + unit / (2 * largest) if colored else unit.squeeze(-1) if unit.ndim == 3 else unit
        place.imshow(shown, cmap="RdBu_r", vmin=-largest, vmax=largest, interpolation="nearest")
        place.set_xticks([])
        place.set_yticks([])
    if table:
        figure.supxlabel(f"weight{few and f'; of each unit {few}'}", fontsize=8)
    elif columns and not images:
        draw_legend(figure, axes[0].get_lines(), columns)
    save(figure, path)


def draw_activations(
    units: CodeUnits,
    listed: Sequence[int],
    inputs: Mapping[int, Array],
    path: StrPath,
    *,
    images: bool,
    columns: Sequence[str] = (),
    scale: str = "",
    title: str = "",
) -> None:
    """Draw the activations of a code, the mean of each unit, and below the inputs that move some units most.

    Args:
        units: How the units respond.
        listed: The units whose inputs are drawn.
        inputs: The samples that are drawn, by their index.
        path: Where the picture goes.
        images: Whether the samples are drawn as images; else as curves, and rows of a table as bars.
        columns: What each feature of a table is called.
        scale: What is to be said of the samples' values: ``, in scaled units``.
        title: Written above.

    Raises:
        AespecError: matplotlib is missing.
    """
    side, width = (0.78, 9.0) if images else (0.7, 12.0)
    features = next((each.size for each in inputs.values() if each.ndim == 1), 0)
    table = bool(features) and is_table(features, columns)
    if table:
        side = 0.13 * min(features, BARS) + 0.2
    figure = blank(width, 3.2 + side * len(listed))
    figure.suptitle(title, fontsize=10)
    above, below = figure.subfigures(2, 1, squeeze=False, height_ratios=[2.5, side * len(listed) + 0.4]).flatten()
    _distributions(above, units)
    if table:
        _rows(below, units, listed, inputs, named(columns, features), scale)
    else:
        _extremes(below, units, listed, inputs, images=images, columns=columns)
    save(figure, path)


def _distributions(figure: SubFigure, units: CodeUnits) -> None:
    """The histogram of all activations with the threshold in it, and the means of the units with the target."""
    left, right = figure.subplots(1, 2)
    counts, edges = units.histogram
    left.stairs(counts, edges, fill=True, color=COLORS[0])
    left.set_yscale("log" if counts.max() > 100 else "linear")
    left.set_xlabel("activation", fontsize=8)
    left.set_ylabel("samples x units", fontsize=8)
    if units.rest.threshold is not None:
        left.axvline(units.rest.threshold, label=f"on above {units.rest.threshold:.3g}", **MARK)
        left.legend(fontsize=7, frameon=False)
    right.plot(sorted(units.mean, reverse=True), ".", markersize=4, color=COLORS[2])
    right.set_xlabel("units, the most active first", fontsize=8)
    right.set_ylabel("mean activation", fontsize=8)
    right.xaxis.get_major_locator().set_params(integer=True)
    if units.target is not None:
        right.axhline(units.target, label=f"target {units.target:g}", **MARK)
        right.legend(fontsize=7, frameon=False)
    for place in (left, right):
        place.tick_params(labelsize=7)
        plain(place)


def _extremes(
    figure: SubFigure,
    units: CodeUnits,
    listed: Sequence[int],
    inputs: Mapping[int, Array],
    *,
    images: bool,
    columns: Sequence[str],
) -> None:
    """A row for each unit: the inputs that activate it most, the most first, then those that activate it least."""
    axes, kept = figure.subplots(), units.most.shape[1]
    low = min((float(each.min()) for each in inputs.values()), default=0.0)
    high = max((float(each.max()) for each in inputs.values()), default=1.0)
    for row, unit in enumerate(listed):
        axes.text(-0.15, row + 0.5, str(unit_name(unit, units.shape)), fontsize=8, ha="right", va="center")
        if units.constant[unit]:
            axes.text(0, row + 0.5, "the same for all", fontsize=8, color=GRAY, va="center")
            continue
        for column, sample in enumerate((*units.most[unit], *units.least[unit])):
            _in_cell(axes, inputs[int(sample)], column + GAP * (column >= kept), row, low, high, image=images)
    for x, text, side in (
        (-0.15, "unit", "right"),
        (0, "most activating", "left"),
        (kept + GAP, "least activating", "left"),
    ):
        axes.text(x, -0.1, text, fontsize=8, ha=side)
    axes.set(xlim=(-0.6, 2 * kept + GAP), ylim=(len(listed), -0.4), aspect="auto")
    axes.set_axis_off()
    for name, color in zip(columns, cycle(COLORS), strict=False):
        axes.plot([], [], color=color, label=clipped(name))
    if columns and not images:
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, 0), ncols=6, fontsize=8, frameon=False)


def _rows(
    figure: SubFigure,
    units: CodeUnits,
    listed: Sequence[int],
    inputs: Mapping[int, Array],
    names: Sequence[str],
    scale: str,
) -> None:
    """Of each unit the rows of a table that activate it most and least, as bars on one scale, feature below feature."""
    import numpy as np
    from matplotlib.ticker import MaxNLocator

    axes, kept = figure.subplots(len(listed), squeeze=False, sharex=True)[:, 0], units.most.shape[1]
    low, high = (float(end([0.0, *map(end, inputs.values())])) for end in (np.min, np.max))
    length, few = (1 - MARGIN) / (high - low or 1), ""
    zeros = [column + GAP * (column >= kept) - low * length for column in range(2 * kept)]
    for place, unit in zip(axes, listed, strict=True):
        place.set_title(f"unit {unit_name(unit, units.shape)}, most activating", fontsize=8, loc="left", pad=3)
        place.set_xlim(0, 2 * kept + GAP)
        plain(place)
        if units.constant[unit]:
            place.text(0, 0, "the same for all", fontsize=8, color=GRAY, va="top")
            place.set_yticks([])
            continue
        rows = np.stack([inputs[int(sample)] for sample in (*units.most[unit], *units.least[unit])])
        apart = np.abs(rows[:kept].mean(axis=0) - rows[kept:].mean(axis=0))
        drawn, few = foremost(apart, BARS, "the largest differences")
        for zero, row in zip(zeros, rows, strict=True):
            draw_bars(place, row[drawn] * length, [names[i] for i in drawn], COLORS[0], left=zero)
            place.axvline(zero, color=GRAY, linewidth=0.5)
        head: dict[str, Any] = {"xytext": (0, 3), "textcoords": "offset points", "fontsize": 8}
        place.annotate("least activating", (kept + GAP, 1), xycoords=place.get_xaxis_transform(), **head)
    ticks = [tick for tick in MaxNLocator(2).tick_values(low, high) if low <= tick <= high]
    places = [zero + tick * length for zero in zeros for tick in ticks]
    axes[-1].set_xticks(places, [f"{tick:g}" for tick in ticks] * len(zeros))
    axes[-1].tick_params(axis="x", labelsize=6)
    figure.supxlabel(f"value{scale}{few and f'; of each unit {few}'}", fontsize=8)


def _in_cell(axes: Axes, sample: Array, x: float, y: float, low: float, high: float, *, image: bool) -> None:
    """Draw a sample into the square below and right of a point, values from low to high: an axes each would be slow."""
    values, size = (sample - low) / (high - low or 1), 1 - MARGIN
    if image:
        height, width = (size * n / max(sample.shape[:2]) for n in sample.shape[:2])
        extent = (x, x + width, y + height, y)
        axes.imshow(values.squeeze(), cmap="gray", vmin=0, vmax=1, interpolation="nearest", extent=extent)
        return
    curves = values if values.ndim == 2 else values.reshape(-1, 1)
    along = [x + size * i / max(len(curves) - 1, 1) for i in range(len(curves))]
    for curve, color in zip(curves.T, cycle(COLORS), strict=False):
        axes.plot(along, y + size * (1 - curve), linewidth=0.9, color=color)

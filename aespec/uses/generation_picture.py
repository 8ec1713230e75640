"""Pictures of generated samples: in a grid, as images or curves; those of a table as its values."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import ceil, sqrt
from typing import TYPE_CHECKING, Any

from aespec.files import StrPath
from aespec.picture import blank, clipped, draw_legend, draw_sample, save

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    Array = NDArray[np.floating[Any]]

__all__ = ["columns_for", "draw_grid"]

LEGIBLE = 24
"""Features of a table beyond which a value has no room to be written."""


def columns_for(samples: Array, *, images: bool) -> int:
    """How many of these samples stand side by side, so that the grid is about as wide as it is high."""
    if samples.ndim == 2:
        return 1
    return ceil(sqrt(len(samples) if images else 0.7 * len(samples)))


def draw_grid(
    samples: Array,
    path: StrPath,
    *,
    columns: int,
    images: bool,
    rows_are: Sequence[str] = (),
    columns_are: Sequence[str] = (),
    features: Sequence[str] = (),
    limits: tuple[float, float] | None = None,
    title: str = "",
) -> None:
    """Draw samples row by row, as a PNG.

    Samples of one axis are those of a table: each is a line of values, the lower ones of each feature on a lighter
    ground. All others are drawn as `draw_sample` does.

    Args:
        samples: (n, ...)
        path: Where the picture goes.
        columns: How many stand side by side.
        images: Whether they are images.
        rows_are: What each row is.
        columns_are: What each column is.
        features: What each feature is called.
        limits: The smallest and the largest value of the gray; those of the samples unless given.
        title: Written above.

    Raises:
        AespecError: matplotlib is missing.
    """
    if samples.ndim == 2:
        names = [", ".join(filter(None, each)) for each in product(rows_are or [""], columns_are or [""])]
        _draw_values(samples, path, names if len(names) == len(samples) else [], features, title)
        return
    rows = ceil(len(samples) / columns)
    width, height = (0.9, 0.9) if images else (1.7, 1.2)
    figure = blank(max(width * columns + (0.9 if rows_are else 0.3), 4.5), height * rows + (0.7 if title else 0.3))
    if title:
        figure.suptitle(title, fontsize=10, parse_math=False)
    low, high = limits if images and limits else (float(samples.min()), float(samples.max()))
    axes = figure.subplots(rows, columns, squeeze=False)
    for i, (place, sample) in enumerate(zip(axes.flat, samples, strict=False)):
        draw_sample(place, sample, low, high, image=images)
        if i % columns:  # all have the same axes, which are written once
            place.set_yticks([])
        if i + columns < len(samples):
            place.set_xticks([])
    for place in axes.flat[len(samples) :]:
        place.set_axis_off()
    for place, name in zip(axes[:, 0], rows_are, strict=False):
        _name(place, name)
    for place, name in zip(axes[0], columns_are, strict=False):
        place.set_title(name, fontsize=8)
    if features and not images:
        draw_legend(figure, axes[0, 0].get_lines(), features)
    save(figure, path)


def _name(axes: Axes, name: str) -> None:
    axes.set_ylabel(name, fontsize=8, rotation=0, ha="right", va="center", labelpad=6)


def _draw_values(samples: Array, path: StrPath, names: Sequence[str], features: Sequence[str], title: str) -> None:
    """A line for each sample; a value is written where it has room, on a ground as dark as it is high in its column."""
    import numpy as np

    n, width = samples.shape
    legible = width <= LEGIBLE
    low, high = samples.min(axis=0), samples.max(axis=0)
    ground = (samples - low) / np.where(high > low, high - low, 1)
    slanted = legible and max(map(len, features), default=0) > 8
    wide = max(0.62 * width + 1.5, 4.5) if legible else max(0.17 * width + 1.5, 10.0) if features else 10.0
    heads = 0.5 * slanted if legible else 0.07 * max(map(len, map(clipped, features)), default=0)
    figure = blank(wide, 0.24 * n + (1.1 if title else 0.8) + heads)
    if title:
        figure.suptitle(title, fontsize=10, parse_math=False)
    axes = figure.subplots()
    shown = axes.imshow(ground, cmap="Blues", vmin=0, vmax=2, aspect="auto", interpolation="nearest")
    if legible:
        for (row, column), value in np.ndenumerate(samples):
            axes.text(column, row, f"{value:.4g}", ha="center", va="center", fontsize=7)
    names_of = [clipped(name) for name in features] or [str(i) for i in range(width)]
    if legible or features:
        axes.set_xticks(range(width), names_of, fontsize=7, rotation=0 if legible else 90, parse_math=False)
    else:
        axes.set_xlabel("feature", fontsize=8)
    if not legible:
        bar = figure.colorbar(shown, ax=axes, boundaries=np.linspace(0, 1, 65), ticks=[0, 1], fraction=0.02, pad=0.01)
        bar.ax.set_yticklabels(["lowest", "highest"], fontsize=7)
    axes.set_yticks(range(n), names or [str(i) for i in range(n)], fontsize=7)
    axes.xaxis.tick_top()
    axes.tick_params(length=0, labelsize=7)
    if slanted:
        for head in axes.get_xticklabels():
            head.set(rotation=30, ha="left", rotation_mode="anchor")
    axes.spines[:].set_visible(False)
    save(figure, path)

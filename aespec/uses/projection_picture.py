"""Maps of codes as pictures: a dot for each sample, and some samples themselves where they are images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from aespec.data.labels import NO_LABEL, classes
from aespec.files import StrPath
from aespec.picture import CLASSES, COLORS, GRAY, MARKERS, blank, clipped, plain, save

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from aespec.uses.projection import Planar

    Array = NDArray[np.floating[Any]]

__all__ = ["draw_map"]

HEIGHT, BESIDE, RATIOS = 6.4, 0.9, (0.9, 1.5)
"""A picture's height in inches, what its legend is wide, and how wide the rest may be for the height."""

UNLABELLED = "#c0c0c0"
"""The color of samples without a label where others have one: lighter than that of any class."""

THUMBNAIL = 0.3
"""Inches of a thumbnail's longer side."""

SPACING = 0.55
"""Inches between the middles of thumbnails, at least."""


def draw_map(
    found: Planar, path: StrPath, *, labels: NDArray[Any] | None = None, images: Array | None = None, title: str = ""
) -> None:
    """Draw a map, as a PNG, both axes on one scale.

    Args:
        found: Where each sample lies.
        path: Where the picture goes.
        labels: What each sample shows, (n,): its color. Of more classes than can be told apart by color and marker,
            where they are numbers, a scale of colors. One that is NaN or an empty name is none: its dot is gray.
        images: The samples, where they are images: some are drawn in their places, as many as have room.
        title: Written above.

    Raises:
        AespecError: matplotlib is missing.
    """
    import numpy as np

    width, height = np.ptp(found.points, axis=0)
    figure = blank(HEIGHT * float(np.clip(width / (height or 1.0), *RATIOS)) + BESIDE, HEIGHT)
    figure.suptitle(title, fontsize=10, parse_math=False)
    axes = figure.subplots()
    axes.set_aspect("equal", adjustable="datalim")
    shares = [f" ({share:.1%} of the variance)" for share in found.explained or ()] or ["", ""]
    axes.set_xlabel(found.axes[0] + shares[0], fontsize=9)
    axes.set_ylabel(found.axes[1] + shares[1], fontsize=9)
    axes.tick_params(labelsize=8, colors=GRAY)
    plain(axes, grid=True)
    if labels is None:
        frames = _draw_dots(axes, found.points)
    else:
        names, index = classes(labels)
        if len(names) <= CLASSES:
            frames = _draw_classes(axes, found.points, [clipped(name) for name in names], index)
        else:
            frames = _draw_dots(axes, found.points, labels if labels.dtype.kind in "iuf" else None)
    if images is not None:
        _draw_thumbnails(axes, found.points, images, frames)
    save(figure, path)


def _draw_dots(axes: Axes, points: Array, values: NDArray[Any] | None = None) -> Sequence[Any]:
    """Dots of one color, or on a scale of colors, those without a value gray below; the color of each."""
    import numpy as np
    from matplotlib.colors import to_rgba

    style: dict[str, Any] = {"color": COLORS[0]} if values is None else {"c": values, "cmap": "viridis"}
    style |= {"s": _size(len(points)), "alpha": 0.7, "linewidths": 0}
    if values is None:
        axes.scatter(points[:, 0], points[:, 1], **style)
        return [COLORS[0]] * len(points)
    known = np.isfinite(values)
    axes.scatter(*points[~known].T, **{**style, "c": UNLABELLED, "cmap": None})
    dots = axes.scatter(*points[known].T, **{**style, "c": values[known]})
    bar = axes.figure.colorbar(dots, ax=axes, shrink=0.7, aspect=30)
    bar.set_label("label" if known.all() else f"label (gray: {NO_LABEL})", fontsize=9)
    bar.ax.tick_params(labelsize=8)
    colors = np.full((len(points), 4), to_rgba(UNLABELLED))
    colors[known] = dots.to_rgba(values[known], alpha=1.0)
    return list(colors)


def _draw_classes(axes: Axes, points: Array, names: Sequence[str], index: NDArray[np.int64]) -> Sequence[str]:
    """A color for each class, and its name at the dot nearest to its median; the color of each dot.

    Dots of no class are gray, below the others.
    """
    import numpy as np
    from matplotlib.patheffects import withStroke

    dots: dict[str, Any] = {"s": _size(len(points)), "alpha": 0.7, "linewidths": 0}
    if (without := index < 0).any():
        axes.scatter(*points[without].T, label=NO_LABEL, color=UNLABELLED, **dots)
    for i, name in enumerate(names):
        own = points[index == i]
        style: dict[str, Any] = {"color": COLORS[i % len(COLORS)], "marker": MARKERS[i // len(COLORS)]}
        axes.scatter(own[:, 0], own[:, 1], label=name, **style, **dots)
        if len(names) > 1:
            axes.annotate(
                name,
                own[((own - np.median(own, axis=0)) ** 2).sum(axis=1).argmin()],
                ha="center",
                va="center",
                fontsize=11,
                fontweight="bold",
                zorder=5,
                parse_math=False,
                path_effects=[withStroke(linewidth=3, foreground="white")],
            )
    legend = axes.legend(
        title="label",
        title_fontsize=9,
        fontsize=9,
        frameon=False,
        markerscale=max(1.0, (40 / _size(len(points))) ** 0.5),
        loc="upper left",
        bbox_to_anchor=(1.0, 1.0),
        borderaxespad=0.0,
        handletextpad=0.2,
    )
    for text in legend.get_texts():
        text.set_parse_math(False)
    return [UNLABELLED if i < 0 else COLORS[i % len(COLORS)] for i in index]


def _size(n: int) -> float:
    """The area of a dot, in square points: smaller where there are many."""
    return min(max(24000 / n, 6.0), 40.0)


def _draw_thumbnails(axes: Axes, points: Array, images: Array, frames: Sequence[Any]) -> None:
    """Some samples in their places, where no name is, each in a frame of its dot's color."""
    import numpy as np
    from matplotlib.offsetbox import AnnotationBbox, OffsetImage

    figure = axes.figure
    figure.canvas.draw()  # settles where the points are
    places = axes.transData.transform(points)
    names = [text.get_window_extent().padded(THUMBNAIL / 2 * figure.dpi) for text in axes.texts]
    free = np.array([i for i, place in enumerate(places) if not any(box.contains(*place) for box in names)], np.intp)
    low, high = float(images.min()), float(images.max())
    zoom = THUMBNAIL * 72 / max(images.shape[1:3])
    for i in free[[*_apart(places[free] / figure.dpi)]]:
        pixels = (images[i].squeeze() - low) / (high - low or 1)
        image = OffsetImage(pixels, zoom=zoom, cmap="gray", clim=(0, 1), interpolation="nearest")
        frame = {"edgecolor": frames[i], "linewidth": 1.5, "boxstyle": "square,pad=0"}
        axes.add_artist(AnnotationBbox(image, points[i], bboxprops=frame, pad=0.0, zorder=3))


def _apart(inches: Array) -> Iterator[int]:
    """Points that are no nearer to each other than `SPACING`, the first in their order."""
    import numpy as np

    taken = np.empty((0, 2))
    for i, point in enumerate(inches):
        if (((taken - point) ** 2).sum(axis=1) >= SPACING**2).all():
            taken = np.vstack((taken, point))
            yield i

"""Pictures of samples: originals above, what became of them below."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aespec.diagnostics import missing
from aespec.files import StrPath, whole

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from aespec.shapes import Shape

    Array = NDArray[np.floating[Any]]

__all__ = [
    "any_script",
    "are_images",
    "blank",
    "clipped",
    "draw_bars",
    "draw_legend",
    "draw_sample",
    "foremost",
    "foremost_curves",
    "is_table",
    "named",
    "plain",
    "reconstructions",
    "save",
]

COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#8c8c8c", "#000000")
"""Okabe and Ito's, which are told apart with any eyes; gray instead of their yellow, which is hard to see on white.

Black, which seems to be of the frame, comes last.
"""

MARKERS = ("o", "s", "^")
"""Tell more apart than there are colors: when the colors begin anew, the marker is another."""

CLASSES = len(COLORS) * len(MARKERS)
"""So many classes are told apart by color and marker."""

BARS = 16
"""Features of a table that have a bar each."""

HANDLE, LETTER = 0.6, 0.0625
"""Inches that a name in a legend takes beside its letters, and for each of these."""

GRAY = "#595959"
"""Of what explains."""


def reconstructions(
    rows: Mapping[str, Array],
    path: StrPath,
    *,
    images: bool,
    columns: Sequence[str] = (),
    names: Sequence[str] = (),
    title: str = "",
) -> None:
    """Draw samples and what became of them, a row each and one below the other, as a PNG.

    The gray of an image has the range of the first row. Of more features than have room those that changed most are
    drawn.

    Args:
        rows: What each row is called, and its samples, (n, ...); the originals first.
        path: Where the picture goes.
        images: Whether they are drawn as images; else as curves, one for each feature, and rows of a table as bars.
        columns: What each feature is called.
        names: What each sample is called.
        title: Written above.

    Raises:
        AespecError: matplotlib is missing.
    """
    import numpy as np

    everything = list(rows.values())
    first, last = everything[0], everything[-1]
    n, legend = len(first), list[str]()
    if first.ndim == 2 and is_table(first.shape[1], columns):
        _draw_tables(rows, path, named(columns, first.shape[1]), title)
        return
    if first.ndim == 3 and not images:
        changed = np.square(last - first).mean(axis=(0, 1))
        drawn, legend, few = foremost_curves(changed, columns, "the largest differences")
        rows = {name: samples[..., drawn] for name, samples in rows.items()}
        title = "\n".join(filter(None, (title, few)))
        everything = list(rows.values())
    width = 1.1 if images else 2.4
    figure = blank(max(width * n + 0.9, 4.0), len(rows) * width + 0.5)
    if title:
        figure.suptitle(title, fontsize=10)
    axes = figure.subplots(len(rows), n, squeeze=False, sharex=not images, sharey=not images)
    seen = everything[:1] if images else everything
    low, high = min(float(each.min()) for each in seen), max(float(each.max()) for each in seen)
    for row, (name, samples) in enumerate(rows.items()):
        axes[row, 0].set_ylabel(name, fontsize=9)
        for column, sample in enumerate(samples):
            draw_sample(axes[row, column], sample, low, high, image=images)
    for place, called in zip(axes[0], names, strict=False):
        place.set_title(called, fontsize=8)
    if legend:
        draw_legend(figure, axes[0, 0].get_lines(), legend)
    save(figure, path)


def blank(width: float, height: float) -> Figure:
    """A figure of that size, in inches, to draw in.

    Raises:
        AespecError: matplotlib is missing.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise missing("matplotlib", "plots", "to draw pictures") from None
    return Figure(figsize=(width, height), layout="constrained", dpi=110)


def save(figure: Figure, path: StrPath) -> None:
    """Write a figure in the format of the path's ending, whole or not at all."""
    with any_script(), whole(path) as temporary:
        figure.savefig(temporary, format=Path(path).suffix[1:].lower() or "png")


@contextmanager
def any_script() -> Iterator[None]:
    """No warning of a name in a script that matplotlib's font has not."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")
        yield


def plain(axes: Axes, *, grid: bool = False) -> None:
    """Leave of a frame the lines of the axes alone; with pale lines at the ticks, if wanted, below what is drawn."""
    axes.spines[["top", "right"]].set_visible(False)
    if grid:
        axes.grid(color="#e6e6e6", linewidth=0.6)
        axes.set_axisbelow(True)


def clipped(name: str) -> str:
    """A name, short enough for a picture."""
    return name if len(name) <= 24 else f"{name[:23]}…"


def are_images(shape: Shape, side: int = 8) -> bool:
    """Whether samples of a shape may be images: of two axes, or of three with one or three channels last, not small.

    A series has two axes too: whether samples of a run are images is for `aespec.run.Run.images` to say.

    Args:
        shape: Of a sample. Of two axes both lengths are known; a series is what may have any length.
        side: How long both image axes are at least, as far as that is known.
    """
    flat = len(shape) == 2 and None not in shape
    return (flat or (len(shape) == 3 and shape[2] in (1, 3))) and min(n or side for n in shape[:2]) >= side


def draw_sample(axes: Axes, sample: Array, low: float, high: float, *, image: bool) -> None:
    """Draw a sample as an image, or as curves, between these values."""
    (_draw_image if image else _draw_curves)(axes, sample, low, high)


def draw_legend(figure: Figure, lines: Sequence[Any], names: Sequence[str]) -> None:
    """What the curves of a series are called, the first of these lines, below them."""
    names = [clipped(name) for name in names]
    across = max(1, int(figure.get_figwidth() / (HANDLE + LETTER * max(map(len, names)))))
    rows = ceil(len(names) / across)
    figure.set_figheight(figure.get_figheight() + 0.2 * rows)
    place: dict[str, Any] = {"loc": "outside lower center", "fontsize": 8, "frameon": False}
    legend = figure.legend(lines[: len(names)], names, ncols=ceil(len(names) / rows), **place)  # rows of like length
    for text in legend.get_texts():
        text.set_parse_math(False)


def is_table(features: int, columns: Sequence[str]) -> bool:
    """Whether samples of so many numbers are drawn as rows of a table: with names, or few; else they may be signals."""
    return features == len(columns) or features <= BARS


def named(columns: Sequence[str] | None, features: int) -> list[str]:
    """What so many features are called in a picture: by their columns, where these are known, else by number."""
    return [clipped(name) for name in columns] if columns else [f"feature {i}" for i in range(features)]


def foremost(sizes: Array, count: int, what: str) -> tuple[NDArray[np.int64], str]:
    """The features of the largest sizes, the largest first, no more than that, and where they are not all a remark.

    Args:
        sizes: One for each feature, (features,).
        count: How many have room.
        what: What is large in them: ``the largest errors``.
    """
    import numpy as np

    chosen = np.argsort(-sizes, kind="stable")[:count]
    return chosen, "" if len(chosen) == len(sizes) else f"the {len(chosen)} of {len(sizes)} features with {what}"


def foremost_curves(sizes: Array, columns: Sequence[str] | None, what: str) -> tuple[list[int], list[str], str]:
    """The features of a series that are drawn as curves, no more than there are colors, and what a legend calls them.

    Args:
        sizes: One for each feature, (features,).
        columns: What each is called, where that is known.
        what: What is large in those that are drawn, where not all are.

    Returns:
        The features in their order, their names, or none for an only one that has no name, and a remark as
        `foremost` makes.
    """
    chosen, few = foremost(sizes, len(COLORS), what)
    drawn, called = sorted(chosen.tolist()), named(columns, len(sizes))
    return drawn, [called[i] for i in drawn] if columns or len(sizes) > 1 else [], few


def draw_bars(axes: Axes, values: Array, names: Sequence[str], color: str, *, left: float = 0.0) -> None:
    """Draw numbers as bars beside their names, the first on top, from a place on the axis."""
    axes.barh(range(len(values)), values, left=left, color=color, height=0.7)
    axes.set_yticks(range(len(names)), names, fontsize=7, parse_math=False)
    axes.set_ylim(len(names) - 0.4, -0.6)


def _draw_image(axes: Axes, sample: Array, low: float, high: float) -> None:
    if sample.ndim == 3 and sample.shape[2] == 3:
        sample = ((sample - low) / (high - low or 1)).clip(0, 1)  # matplotlib takes colors from 0 to 1
    axes.imshow(sample.squeeze(), cmap="gray", vmin=low, vmax=high, interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)


def _draw_tables(rows: Mapping[str, Array], path: StrPath, names: Sequence[str], title: str) -> None:
    """Rows of a table, and below what became of them: those features that changed most."""
    import numpy as np

    first, *_, last = rows.values()
    drawn, few = foremost(np.square(last - first).mean(axis=0), BARS, "the largest differences")
    n, called = len(first), [names[i] for i in drawn]
    figure = blank(max(1.3 * n + 1.8, 4.0), len(rows) * (0.15 * len(called) + 0.3) + 0.6)
    if title:
        figure.suptitle(title, fontsize=10)
    axes = figure.subplots(len(rows), n, squeeze=False, sharex=True, sharey=True)
    for line, (name, samples) in zip(axes, rows.items(), strict=True):
        line[0].set_ylabel(name, fontsize=9)
        for place, sample in zip(line, samples, strict=True):
            draw_bars(place, sample[drawn], called, COLORS[0])
            place.axvline(0, color=GRAY, linewidth=0.5)
            place.tick_params(axis="x", labelsize=6)
            plain(place)
    figure.supxlabel(f"value{few and f'; {few}'}", fontsize=8)
    save(figure, path)


def _draw_curves(axes: Axes, sample: Array, low: float, high: float) -> None:
    curves = sample if sample.ndim == 2 else sample.reshape(-1, 1)
    axes.set_prop_cycle(color=COLORS)
    axes.plot(curves, linewidth=0.9, marker="." if len(curves) < 12 else None)
    margin = 0.05 * (high - low) or 0.5
    axes.set_ylim(low - margin, high + margin)
    axes.tick_params(labelsize=6)

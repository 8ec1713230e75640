"""Pictures of anomalies: what is wrong with the worst samples, and how well they are told from normal ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aespec.files import StrPath
from aespec.picture import (
    BARS,
    COLORS,
    GRAY,
    blank,
    draw_bars,
    draw_legend,
    draw_sample,
    foremost,
    foremost_curves,
    named,
    plain,
    save,
)
from aespec.uses.course_picture import Course, draw_course

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from aespec.uses.detection import Detection, Ranking

    Array = NDArray[np.floating[Any]]

__all__ = ["ranking_curves", "worst_samples"]

ERROR = COLORS[1]


def worst_samples(
    originals: Array,
    restored: Array,
    names: Sequence[str],
    path: StrPath,
    *,
    images: bool,
    columns: Sequence[str] | None = None,
    starts: Sequence[int] | None = None,
    units: str = "",
    course: Course | None = None,
) -> None:
    """Draw samples and their squared errors, a column each.

    Of images the original, the reconstruction and a map of the error; of series the curves, the reconstruction dashed,
    and below them the error at each step; of a row of a table the errors of its features, as bars. Of more features
    than have room those with the largest errors are drawn.

    Args:
        originals: The samples, (n, ...).
        restored: Their reconstructions, of the same shape.
        names: What each is called.
        path: Where the picture goes: a PNG or an SVG, by its ending.
        images: Whether they are images.
        columns: The names of the features, where they are known.
        starts: The step that each begins with, of windows of a series.
        units: What is to be said of values and errors: ``, in scaled units``.
        course: Of windows of a series, the scores all along it, drawn above them.

    Raises:
        AespecError: matplotlib is missing.
    """
    if images:
        _images(originals, restored, names, path)
    elif originals.ndim == 3:
        _series(originals, restored, names, path, columns, starts or [0] * len(originals), units, course)
    else:
        _tables(originals, restored, names, path, columns, units)


def _images(originals: Array, restored: Array, names: Sequence[str], path: StrPath) -> None:
    n, low, high = len(originals), float(originals.min()), float(originals.max())
    squares = (originals.astype("float64") - restored) ** 2
    maps = squares.mean(axis=-1) if squares.ndim == 4 else squares
    figure = blank(max(1.25 * n + 1.2, 4.0), 4.0)
    axes = figure.subplots(3, n, squeeze=False)
    for row, name in enumerate(("original", "restored", "squared error")):
        axes[row, 0].set_ylabel(name, fontsize=9)
    for column, name in enumerate(names):
        axes[0, column].set_title(name, fontsize=8)
        draw_sample(axes[0, column], originals[column], low, high, image=True)
        draw_sample(axes[1, column], restored[column], low, high, image=True)
        drawn = axes[2, column].imshow(maps[column], cmap="magma", vmin=0, vmax=maps.max() or 1)
        axes[2, column].set_xticks([])
        axes[2, column].set_yticks([])
        axes[2, column].spines[:].set_visible(False)
    bar = figure.colorbar(drawn, ax=axes, shrink=0.3, anchor=(0, 0), aspect=10)
    bar.ax.tick_params(labelsize=7)
    save(figure, path)


def _series(
    originals: Array,
    restored: Array,
    names: Sequence[str],
    path: StrPath,
    columns: Sequence[str] | None,
    starts: Sequence[int],
    units: str,
    course: Course | None,
) -> None:
    (n, steps, _), squares = originals.shape, (originals.astype("float64") - restored) ** 2
    errors = squares.mean(axis=2)
    drawn, called, few = foremost_curves(squares.mean(axis=(0, 1)), columns, "the largest errors")
    title = "\n".join(filter(None, (f"original solid, restored dashed{units}", few)))
    if course is None:
        figure = below = blank(max(2.6 * n + 0.6, 4.0), 3.8)
    else:
        figure = blank(max(2.6 * n + 0.6, 8.0), 6.0)
        (above,), (below,) = figure.subfigures(2, 1, squeeze=False, height_ratios=[1, 2])
        draw_course(above.subplots(), course)
    below.suptitle(title, fontsize=9)
    axes = below.subplots(2, n, squeeze=False, sharex="col", sharey="row", height_ratios=[2, 1])
    axes[0, 0].set_ylabel("value", fontsize=9)
    axes[1, 0].set_ylabel("squared\nerror", fontsize=9)
    for column, name in enumerate(names):
        top, bottom = axes[:, column]
        top.set_title(name, fontsize=8)
        along, lines = range(starts[column], starts[column] + steps), []
        for feature, color in zip(drawn, COLORS, strict=False):
            style: dict[str, Any] = {"color": color, "linewidth": 0.9}
            lines += top.plot(along, originals[column, :, feature], **style)
            top.plot(along, restored[column, :, feature], linestyle=(0, (3, 1.5)), alpha=0.8, **style)
        bottom.fill_between(along, errors[column], color=GRAY, linewidth=0)  # which is no feature's
        bottom.xaxis.get_major_locator().set_params(integer=True, nbins=3)
        bottom.xaxis.set_major_formatter("{x:,.0f}")
        bottom.set_ylim(0, 1.05 * float(errors.max()) or 1)
        bottom.set_xlabel("step", fontsize=8)
        for each in (top, bottom):
            plain(each)
            each.tick_params(labelsize=7)
    if called:
        draw_legend(figure, lines, called)
    save(figure, path)


def _tables(
    originals: Array, restored: Array, names: Sequence[str], path: StrPath, columns: Sequence[str] | None, units: str
) -> None:
    n = len(originals)
    squares = ((originals.astype("float64") - restored) ** 2).reshape(n, -1)
    called = named(columns, squares.shape[1])
    figure = blank(max(2.5 * n, 4.0), 0.18 * min(BARS, len(called)) + 1.0)
    axes = figure.subplots(1, n, squeeze=False)[0]
    for each, name, errors in zip(axes, names, squares, strict=True):
        drawn, few = foremost(errors, BARS, "the largest errors")
        draw_bars(each, errors[drawn], [called[i] for i in drawn], ERROR)
        each.set_title(name, fontsize=8)
        each.xaxis.get_major_locator().set_params(nbins=3)
        each.tick_params(axis="x", labelsize=7)
        plain(each)
    figure.supxlabel(f"squared error{units}{few and f'; of each sample {few}'}", fontsize=8)
    save(figure, path)


def ranking_curves(
    rankings: Mapping[str, Ranking], path: StrPath, *, chosen: tuple[str, Detection] | None = None
) -> None:
    """Draw the ROC curves of scores, and their precision-recall curves beside them.

    Args:
        rankings: By the name of the score.
        path: Where the picture goes: a PNG or an SVG, by its ending.
        chosen: The score that was compared with a threshold, and what came of it, drawn as a dot.

    Raises:
        AespecError: matplotlib is missing.
    """
    figure = blank(8.4, 4.0)
    roc, precision_recall = figure.subplots(1, 2)
    for (name, found), color in zip(rankings.items(), COLORS, strict=False):
        roc.plot(*found.roc, color=color, linewidth=1.6, label=f"{name}: {found.auroc:.3f}")
        precision, recall = found.precision_recall
        label = f"{name}: {found.average_precision:.3f}"
        precision_recall.step(recall, precision, where="post", color=color, linewidth=1.6, label=label)
    prevalence = next(iter(rankings.values())).prevalence
    chance = {"color": GRAY, "linewidth": 0.8, "linestyle": ":"}
    roc.plot([0, 1], [0, 1], **chance, label="by chance: 0.500")
    precision_recall.axhline(prevalence, **chance, label=f"by chance: {prevalence:.3f}")
    if chosen is not None:
        name, at = chosen
        dot: dict[str, Any] = {"color": COLORS[[*rankings].index(name)], "marker": "o", "linestyle": "", "zorder": 3}
        roc.plot([at.false_alarm_rate], [at.recall], **dot, label="at the threshold")
        if at.precision is not None:
            precision_recall.plot([at.recall], [at.precision], **dot, label="at the threshold")
    for axes, title, number, x, y in (
        (roc, "ROC", "area under the curve", "false alarm rate", "recall"),
        (precision_recall, "precision and recall", "average precision", "recall", "precision"),
    ):
        axes.set_title(title, fontsize=10)
        axes.set_xlabel(x)
        axes.set_ylabel(y)
        axes.set_xlim(-0.02, 1.02)
        axes.set_ylim(-0.02, 1.03)
        axes.set_aspect("equal")
        axes.tick_params(labelsize=7)
        plain(axes, grid=True)
        axes.legend(title=number, title_fontsize=8, alignment="left", fontsize=8, frameon=False, loc="best")
    save(figure, path)

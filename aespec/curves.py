"""Loss curves: the histories of runs in one picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from math import isfinite, log10
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

from aespec.files import StrPath
from aespec.history import HELD, RATE, History
from aespec.picture import COLORS, GRAY, MARKERS, blank, plain, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["curves", "labels"]

MARKS = ("", *MARKERS, "D", "v")
"""Of lines, which need none at first."""


def labels(folders: Sequence[Path]) -> list[str]:
    """Short names that tell folders apart: the last part of the path, and what is before it where two are equal."""
    paths = [folder.resolve() for folder in folders]
    depths = [1] * len(paths)
    while True:
        names = ["/".join(path.parts[-depth:]) for path, depth in zip(paths, depths, strict=True)]
        counts = Counter(names)
        if max(counts.values(), default=1) == 1:
            return names
        depths = [depth + (counts[name] > 1) for name, depth in zip(names, depths, strict=True)]


def curves(histories: Sequence[History], names: Sequence[str], path: StrPath, *, term: str, log_scale: bool) -> None:
    """Draw a term of the loss over the epochs, a color for each run: training solid, validation dashed.

    Where the learning rate of a run changes, the rates are drawn in a panel below.

    Args:
        histories: Of each run.
        names: What each is called in the picture.
        path: Where the picture goes: a PNG or an SVG, by its ending.
        term: The term that is drawn.
        log_scale: Draw it on a logarithmic axis, which has room for values above zero only.

    Raises:
        AespecError: matplotlib is missing.
    """
    several, rates = len(histories) > 1, any(len(set(history.known(RATE))) > 1 for history in histories)
    figure = blank(9.2 if several else 6.8, 5.4 if rates else 4.2)
    panels = figure.subplots(1 + rates, 1, sharex=True, squeeze=False, height_ratios=[4, 1][: 1 + rates])[:, 0]
    loss, last = panels[0], panels[-1]
    styles = [
        {"color": COLORS[i % len(COLORS)], "marker": MARKS[i // len(COLORS) % len(MARKS)], "markersize": 3}
        for i in range(len(histories))
    ]
    for history, style in zip(histories, styles, strict=True):
        _draw(loss, history, term, linewidth=1.5, **style)
        _draw(loss, history, HELD + term, linewidth=1.5, linestyle=(0, (4, 1.5)), **style)
        if rates:
            _draw(last, history, RATE, linewidth=1.0, **style)
    loss.set_ylabel("loss" if term == "total" else term, parse_math=False)
    _scale(loss, [x for history in histories for x in history.known(term) + history.known(HELD + term)], log=log_scale)
    if rates:
        last.set_ylabel("learning\nrate")
        used = [rate for history in histories for rate in history.known(RATE)]
        _scale(last, used, log=_far_apart(used), low=True)
    last.set_xlabel("epoch")
    last.xaxis.get_major_locator().set_params(integer=True)
    drawn = [
        (name, style)
        for history, name, style in zip(histories, names, styles, strict=True)
        if history.known(term) or history.known(HELD + term)
    ]
    _explain(loss, drawn, held=any(history.known(HELD + term) for history in histories))
    if not several:
        _divide(loss, histories[0])
    figure.align_ylabels()
    save(figure, path)


def _draw(axes: Axes, history: History, name: str, **style: Any) -> None:
    """Draw a column, a line for each phase of the run; of one value alone a dot."""
    points = list(zip(history.phases, history.epochs, history.column(name), strict=True))
    for _, phase in groupby(points, key=lambda point: point[0]):
        _, epochs, values = zip(*phase, strict=True)
        alone = sum(map(isfinite, values)) == 1 and not style["marker"]
        axes.plot(epochs, values, **{**style, "marker": "o", "markersize": 5} if alone else style)


def _divide(axes: Axes, history: History) -> None:
    """Say above which layer each phase trains, if there is room: their losses are of other models."""
    rows = groupby(zip(history.phases, history.epochs, strict=True), key=lambda row: row[0])
    parts = [(phase, [epoch for _, epoch in part]) for phase, part in rows]
    if len(parts) == 1:
        return
    for i, (phase, epochs) in enumerate(parts):
        if i:
            axes.axvline(epochs[0] - 0.5, color=GRAY, linewidth=0.8, linestyle=(0, (1, 2)))
        if len(epochs) >= 0.08 * len(history.rows):
            text = phase.rpartition("/")[2] or "all"
            place: dict[str, Any] = {
                "xycoords": ("data", "axes fraction"),
                "xytext": (0, 2),
                "textcoords": "offset points",
            }
            middle = (epochs[0] + epochs[-1]) / 2
            axes.annotate(text, (middle, 1.0), color=GRAY, fontsize=8, ha="center", parse_math=False, **place)
    axes.set_title(axes.get_title(), fontsize=10, pad=18, parse_math=False)


def _scale(axes: Axes, values: Sequence[float], *, log: bool, low: bool = False) -> None:
    from matplotlib.ticker import LogLocator, NullLocator

    above = [value for value in values if isfinite(value) and value > 0]
    if log and above:
        axes.set_yscale("log", nonpositive="mask")
        if not (low or _far_apart(above, decades=3)):  # else there is room for powers of ten alone
            axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if _far_apart(above, decades=1) else range(1, 10)))
            axes.yaxis.set_major_formatter("{x:g}")
            axes.yaxis.set_minor_locator(NullLocator())
    plain(axes, grid=True)


def _far_apart(values: Sequence[float], decades: int = 2) -> bool:
    """Whether all values are above zero, and the largest is that many powers of ten above the smallest."""
    return min(values) > 0 and log10(max(values) / min(values)) >= decades


def _explain(axes: Axes, runs: Sequence[tuple[str, dict[str, Any]]], *, held: bool) -> None:
    """Say which line is what: of one run within the picture, of several beside it, in their colors."""
    from matplotlib.lines import Line2D

    alone = len(runs) == 1
    color = runs[0][1]["color"] if alone else GRAY
    lines = [Line2D([], [], linewidth=1.8, **style) for _, style in runs][alone:]
    texts = [fill(name, 30) for name, _ in runs][alone:]
    if held or alone:
        lines.append(Line2D([], [], color=color, linewidth=1.5))
        texts.append("training")
    if held:
        lines.append(Line2D([], [], color=color, linewidth=1.5, linestyle=(0, (4, 1.5))))
        texts.append("validation")
    place: dict[str, Any] = {} if alone else {"loc": "upper left", "bbox_to_anchor": (1.0, 1.0), "borderaxespad": 0.0}
    legend = axes.legend(lines, [" "] * len(texts), fontsize=9, frameon=False, handlelength=2.6, **place)
    for shown, text in zip(legend.get_texts(), texts, strict=True):
        shown.set_parse_math(False)  # a folder's name may hold what is mathematics to matplotlib
        shown.set_text(text)
    if alone:
        axes.set_title(runs[0][0], fontsize=10, parse_math=False)

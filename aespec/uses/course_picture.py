"""The score all along a series: with the threshold, and where anomalies are in truth."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from aespec.picture import COLORS, plain

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

__all__ = ["Course", "draw_course"]

POINTS = 1_500
"""As many as a picture shows apart: of more scores the highest of each few is drawn."""

DECADES = 1e3
"""How far below the threshold a logarithmic axis goes, where scores are as low."""

SCORE, LIMIT, TRUTH = COLORS[0], COLORS[7], "#f2c9a8"


@dataclass(frozen=True, eq=False)
class Course:
    """Scores along a series."""

    name: str
    """What they are."""
    places: NDArray[np.number[Any]]
    """The step that each stands at, in their order, (n,)."""
    scores: NDArray[np.float64]
    """They themselves, (n,)."""
    threshold: float
    """Above it is an anomaly."""
    truth: NDArray[np.bool_] | None = None
    """Which are anomalies in truth, where that is known, (n,)."""
    unit: str = "step"
    """What each is the score of."""
    apart: int = 1
    """The most steps between two that follow each other; further apart there is a gap in what is drawn."""


def draw_course(axes: Axes, course: Course) -> None:
    """Draw the score over the steps, the threshold as a line, and a shade where there are anomalies in truth.

    Where steps have no score nothing is drawn. The axis of scores is logarithmic where all that is drawn is above zero.
    """
    import numpy as np

    n, scores, places = len(course.scores), course.scores, course.places
    few = -(-n // POINTS)
    pieces = [0, *(np.flatnonzero(np.diff(places) > course.apart) + 1).tolist(), n]
    firsts = np.concatenate([np.arange(begin, end, few) for begin, end in pairwise(pieces)])
    lasts = np.append(firsts[1:], n) - 1
    gaps = np.searchsorted(firsts, pieces[1:-1])

    def broken(values: NDArray[Any], gap: Any = np.nan) -> NDArray[Any]:
        """One for each few scores, with a gap in front of each piece but the first."""
        return np.insert(values, gaps, gap)

    if course.truth is not None:
        shaded = broken(np.logical_or.reduceat(course.truth, firsts), False)
        edges = np.flatnonzero(np.diff(shaded, prepend=False, append=False)).reshape(-1, 2)
        begins, ends = broken(places[firsts] - 0.5), broken(places[lasts] + 0.5)
        spans = [(begins[begin], ends[end - 1] - begins[begin]) for begin, end in edges.tolist()]
        style: dict[str, Any] = {"color": TRUTH, "linewidth": 0.8, "zorder": 0, "label": "anomaly in truth"}
        axes.broken_barh(spans, (0, 1), transform=axes.get_xaxis_transform(), **style)
    x, highest = broken((places[firsts] + places[lasts]) / 2), broken(np.maximum.reduceat(scores, firsts))
    if few > 1:
        lowest = broken(np.minimum.reduceat(scores, firsts))
        axes.fill_between(x, lowest, highest, color=SCORE, alpha=0.25, linewidth=0)
    there = np.pad(np.isfinite(x), 1)
    dots = np.flatnonzero(there[1:-1] & ((n < 12) | ~(there[:-2] | there[2:])))  # few, or one without neighbours
    axes.plot(x, highest, color=SCORE, linewidth=0.8, marker=".", markevery=dots.tolist())
    label = f"threshold {course.threshold:.4g}"
    axes.axhline(course.threshold, color=LIMIT, linewidth=0.9, linestyle=(0, (4, 2)), label=label)
    if min(np.nanmin(highest), course.threshold) > 0:
        axes.set_yscale("log")
        axes.set_ylim(bottom=max(scores.min(), min(course.threshold, scores.max()) / DECADES))
    axes.set_xlim(places[0] - 0.5, places[-1] + 0.5)
    more = f" (line: highest of every {few} {course.unit}s; band: down to the lowest)" if few > 1 else ""
    axes.set_title(course.name + more, fontsize=9, loc="left")
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.tick_params(labelsize=7)
    place: dict[str, Any] = {"loc": "lower right", "bbox_to_anchor": (1, 1), "borderaxespad": 0, "ncols": 2}
    axes.legend(**place, fontsize=8, frameon=False)
    plain(axes)

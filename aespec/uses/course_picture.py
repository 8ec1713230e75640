"""The score all along a series: with the threshold, and where anomalies are in truth."""

from __future__ import annotations

from dataclasses import dataclass
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


def draw_course(axes: Axes, course: Course) -> None:
    """Draw the score over the steps, the threshold as a line, and a shade where there are anomalies in truth.

    The axis of scores is logarithmic where all that is drawn is above zero.
    """
    import numpy as np

    n, scores, places = len(course.scores), course.scores, course.places
    few = -(-n // POINTS)
    firsts = np.arange(0, n, few)
    lasts = np.append(firsts[1:], n) - 1
    if course.truth is not None:
        shaded = np.logical_or.reduceat(course.truth, firsts)
        edges = np.flatnonzero(np.diff(shaded, prepend=False, append=False))
        spans = [
            (places[firsts[begin]] - 0.5, places[lasts[end - 1]] - places[firsts[begin]] + 1)
            for begin, end in edges.reshape(-1, 2).tolist()
        ]
        style: dict[str, Any] = {"color": TRUTH, "linewidth": 0.8, "zorder": 0, "label": "anomaly in truth"}
        axes.broken_barh(spans, (0, 1), transform=axes.get_xaxis_transform(), **style)
    x, highest = (places[firsts] + places[lasts]) / 2, np.maximum.reduceat(scores, firsts)
    if few > 1:
        axes.fill_between(x, np.minimum.reduceat(scores, firsts), highest, color=SCORE, alpha=0.25, linewidth=0)
    axes.plot(x, highest, color=SCORE, linewidth=0.8, marker="." if n < 12 else None)
    label = f"threshold {course.threshold:.4g}"
    axes.axhline(course.threshold, color=LIMIT, linewidth=0.9, linestyle=(0, (4, 2)), label=label)
    if min(highest.min(), course.threshold) > 0:
        axes.set_yscale("log")
        axes.set_ylim(bottom=max(scores.min(), min(course.threshold, highest.max()) / DECADES))
    axes.set_xlim(places[0] - 0.5, places[-1] + 0.5)
    more = f", from the lowest to the highest of {few} each" if few > 1 else ""
    axes.set_title(course.name + more, fontsize=9, loc="left")
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.tick_params(labelsize=7)
    place: dict[str, Any] = {"loc": "lower right", "bbox_to_anchor": (1, 1), "borderaxespad": 0, "ncols": 2}
    axes.legend(**place, fontsize=8, frameon=False)
    plain(axes)

"""Events: the steps of a series that lie above a threshold, those near each other as one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Event", "events"]


@dataclass(frozen=True)
class Event:
    """Steps above a threshold, from the first to the last; between them there may be some below it."""

    start: int
    """The first step."""
    end: int
    """The last step."""
    peak: int
    """The step of the largest error."""
    error: float
    """That error."""


def events(
    errors: NDArray[np.floating[Any]], steps: NDArray[np.integer[Any]], threshold: float, apart: int
) -> list[Event]:
    """What happened in a series, in its order.

    Args:
        errors: Of steps, (n,).
        steps: Which steps these are, rising, (n,).
        threshold: What the errors of an event lie above.
        apart: So many steps lie between two events, or more: the length of a window, since one that holds a fault is
            restored badly in its other steps too.
    """
    import numpy as np

    above = np.flatnonzero(errors > threshold)
    runs = np.split(above, np.flatnonzero(np.diff(steps[above]) >= max(apart, 2)) + 1) if len(above) else []
    peaks = [run[errors[run].argmax()] for run in runs]
    return [
        Event(int(steps[run[0]]), int(steps[run[-1]]), int(steps[peak]), float(errors[peak]))
        for run, peak in zip(runs, peaks, strict=True)
    ]

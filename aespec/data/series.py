"""Windows of a long series."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from aespec.data.files import Raw
from aespec.diagnostics import AespecError, Diagnostic
from aespec.rules import DataShape
from aespec.shapes import counted

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Windows", "cut"]


@dataclass(frozen=True, eq=False)
class Windows:
    """Where samples lie in the series that they were cut from."""

    starts: NDArray[np.int64]
    """The step that each begins with."""
    steps: int
    """The length of the series."""
    labels: NDArray[Any] | None = None
    """What each step of the series is, where that is known."""


def cut(raw: Raw, length: int, stride: int, name: str) -> tuple[Raw, Windows]:
    """Cut a series (steps, features) into windows of a length, one every so many steps, and one that ends it.

    A series of one number a step, (steps,), has one feature.

    Raises:
        AespecError: It is no series, or too short.
    """
    import numpy as np

    series = raw.inputs[:, None] if raw.inputs.ndim == 1 else raw.inputs
    steps = len(series)
    if series.ndim != 2 or steps < length:
        raise AespecError(
            Diagnostic(
                DataShape,
                f"{name} cannot be cut into windows of {length} steps",
                wanted=f"a series of shape (steps, features), of {length} steps or more",
                got=f"an array of shape {raw.inputs.shape}",
                help="give one long series, or leave `stride` out of the spec's `input` if its samples are windows",
            )
        )
    starts = np.arange(0, steps - length + 1, stride)
    if starts[-1] != steps - length:
        starts = np.append(starts, steps - length)
    windows = np.lib.stride_tricks.sliding_window_view(series, length, axis=0)[starts].swapaxes(1, 2)
    note = f"cut {counted(steps, 'step')} into {counted(len(starts), 'window')} of {length}, one every {stride}"
    found = replace(raw, inputs=windows, labels=None, notes=(*raw.notes, note))
    return found, Windows(starts, steps, raw.labels)

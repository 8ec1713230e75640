"""Windows of a long series."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from aespec.data.files import Raw
from aespec.data.labels import as_a_feature, unlabelled
from aespec.diagnostics import AespecError, Diagnostic
from aespec.rules import DataShape
from aespec.shapes import counted

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from aespec.shapes import Shape

__all__ = ["Windows", "as_series", "cut"]


@dataclass(frozen=True, eq=False)
class Windows:
    """Where samples lie in the series that they were cut from."""

    starts: NDArray[np.int64]
    """The step that each begins with."""
    length: int
    """Of each, in steps."""
    steps: int
    """The length of the series."""
    labels: NDArray[Any] | None = None
    """What each step of the series is, where that is known."""

    @property
    def window_labels(self) -> NDArray[Any] | None:
        """What each window is, (n,), where that is known of its steps.

        Of numbers it is the highest of its steps'. Names have no order: it is the one that all its steps have. A window
        whose steps have several names, or of which one has no label, has none itself: NaN, or an empty name.
        """
        import numpy as np

        if self.labels is None:
            return None
        if self.labels.dtype.kind == "f":
            return self.highest(np.where(unlabelled(self.labels), np.nan, self.labels))
        if self.labels.dtype.kind in "biu":
            return self.highest(self.labels)
        names, index = np.unique(self.labels.astype(str), return_inverse=True)
        steps = _windows(index.reshape(self.labels.shape), self.length)[self.starts]
        found: NDArray[Any] = np.where(steps.min(axis=-1) == steps.max(axis=-1), names[steps[..., 0]], "")
        return found

    @property
    def gaps(self) -> int:
        """How many steps lie in no window."""
        import numpy as np

        between = np.append(self.starts, self.steps) - np.append(0, self.starts + self.length)
        return int(between.clip(0).sum())

    def apart(self, count: int) -> NDArray[np.int64]:
        """The places of windows that share no step, no more than that, spread evenly over the series."""
        import numpy as np

        free, found = 0, []
        for i, start in enumerate(self.starts.tolist()):
            if start >= free:
                found.append(i)
                free = start + self.length
        spread = np.linspace(0, len(found) - 1, min(count, len(found))).round().astype(np.int64)
        return np.array(found, np.int64)[spread]

    def spans(self, chosen: NDArray[np.int64]) -> list[str]:
        """Which steps windows are of: ``steps 96 to 127``."""
        return [f"steps {start:,} to {start + self.length - 1:,}" for start in self.starts[chosen].tolist()]

    def together(self, values: Iterable[NDArray[Any]], sample: tuple[int, ...] = ()) -> NDArray[np.float64]:
        """Values of windows as those of the series: each step has the mean over all windows that cover it.

        Args:
            values: Of each step of each window, (n, length, ...), some windows at a time.
            sample: The shape of what a step has.

        Returns:
            An array (steps, ...); NaN where no window covers a step.
        """
        import numpy as np

        total, covered, at = np.zeros((self.steps, *sample)), np.zeros(self.steps, np.int64), 0
        flat = total.reshape(self.steps, -1)
        for batch in values:
            starts = self.starts[at : (at := at + len(batch))]
            first = starts.min(initial=self.steps)
            places = (starts[:, None] + np.arange(self.length) - first).ravel()
            count = np.bincount(places)
            rows = slice(first, first + len(count))
            covered[rows] += count
            for i, column in enumerate(batch.reshape(len(places), flat.shape[1]).T):
                flat[rows, i] += np.bincount(places, column)
        covered = covered.reshape(-1, *[1] * len(sample))
        mean: NDArray[np.float64] = np.divide(total, covered, out=np.full_like(total, np.nan), where=covered > 0)
        return mean

    def highest(self, values: NDArray[Any]) -> NDArray[Any]:
        """The highest value of each window's steps, (n,): of truths whether one is true; NaN where one is.

        Args:
            values: Of each step of the series, (steps,): numbers or truths.
        """
        found: NDArray[Any] = _windows(values, self.length)[self.starts].max(axis=-1)
        return found


def as_series(raw: Raw, shape: Shape, name: str) -> Raw:
    """What a source holds as a series (steps, features); one of one number a step, (steps,), has one feature.

    Args:
        raw: What it holds.
        shape: Of the windows that it is to be cut into.
        name: What messages call it.

    Raises:
        AespecError: It is no series, too short, or has other features.
    """
    given = raw.inputs
    for file, steps in raw.files:
        if steps < (shape[0] or 1):
            raise AespecError(
                Diagnostic(
                    DataShape,
                    f"{file} in {name} cannot be cut into windows of {counted(shape[0] or 1, 'step')}",
                    wanted=f"a recording of {counted(shape[0] or 1, 'step')} or more in each file",
                    got=counted(steps, "step"),
                    help="take the file away, put it together with what it goes on from, or make the windows shorter",
                )
            )
    series, length, features = given[:, None] if given.ndim == 1 else given, shape[0] or 1, shape[1]
    if series.ndim == 2 and len(series) >= length and features in (None, series.shape[1]):
        return replace(raw, inputs=series, series=True)
    if len(series) >= length and (advice := as_a_feature(raw, features)):
        help = advice
    elif given.ndim == 2 and given.shape[0] == features and given.shape[1] >= length:
        help = "steps come first: save `x.T`"
    elif series.ndim == 2 and length == series.shape[1]:
        help = f"steps come first: did you mean `shape: [{features}, {length}]`?"
    elif series.ndim == 2 and len(series) >= length:
        help = f"give a series of {features} features, or train a model with `shape: [{length}, {series.shape[1]}]`"
    elif series.ndim == 2 and features in (None, series.shape[1]):
        help = f"give one long series, or make the windows no longer than {counted(len(series), 'step')}"
    else:
        help = "give one long series, or leave `stride` out of the spec's `input` if its samples are windows"
    raise AespecError(
        Diagnostic(
            DataShape,
            f"{name} cannot be cut into windows of {counted(length, 'step')}"
            + (f" and {counted(features, 'feature')}" if features else ""),
            wanted=f"a series of shape (steps, {features or 'features'}), of {counted(length, 'step')} or more",
            got=f"an array of shape {given.shape}",
            help=help,
        )
    )


def cut(
    series: NDArray[Any], length: int, stride: int, labels: NDArray[Any] | None, recordings: Sequence[int] = ()
) -> tuple[NDArray[Any], Windows, str]:
    """Cut a series (steps, features) into windows of a length, one every so many steps, and one that ends it.

    Each of its recordings is cut for itself.

    Args:
        series: The series.
        length: Of a window, in steps.
        stride: How many steps lie between the starts of two.
        labels: What each step is, where that is known.
        recordings: How many steps each has of those that the series is made of, where it is of several.

    Returns:
        The windows (n, steps, features), where they lie, and what was done, for the user to read.
    """
    import numpy as np

    found: list[NDArray[np.int64]] = []
    steps, first = len(series), 0
    for count in recordings or [steps]:
        last = first + count - length
        found.append(np.unique(np.append(np.arange(first, last + 1, stride), last)))
        first += count
    starts = np.concatenate(found)
    windows = np.ascontiguousarray(_windows(series, length)[starts].swapaxes(1, 2))
    note = f"cut {counted(steps, 'step')} into {counted(len(starts), 'window')} of {length}, one every {stride}"
    if len(recordings) > 1:
        note += f", each within one of {len(recordings)} files, in the order of their names"
    return windows, Windows(starts, length, steps, labels), note


def _windows(x: NDArray[Any], length: int) -> NDArray[Any]:
    """Every window of a length, without a copy; its steps are the last axis."""
    import numpy as np

    return np.lib.stride_tricks.sliding_window_view(x, length, axis=0)

"""What is scored: samples or the steps of a series, the scores that set the threshold, the truth."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from aespec.data.streams import batches
from aespec.diagnostics import AespecError, Diagnostic, nearest
from aespec.held import RunData, Shown
from aespec.rules import DataNotFound, DataShape, DataUnreadable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from aespec.backend import Model
    from aespec.data.streams import Samples
    from aespec.uses.anomaly import By
    from aespec.uses.detection import Threshold

    Array = NDArray[np.float64]
    Flags = NDArray[np.bool_]

__all__ = ["Job", "index", "truth"]


class Job:
    """What is scored, and how."""

    def __init__(
        self, data: RunData, model: Model, by: By, kind: str, draws: int, seed: int, stride: int | None = None
    ) -> None:
        """Take a run's data and its model.

        Args:
            data: Of a run.
            model: The run's.
            by: What errors are given for.
            kind: The score that is compared with the threshold.
            draws: Codes that a surprise is a mean over.
            seed: Decides them.
            stride: How many steps lie between the starts of two windows of a series, if not as many as in training.

        Raises:
            AespecError: The data is not there or does not fit, or the model has no such score.
        """
        from aespec.uses.anomaly import need_distribution, probable

        if by == "pixel" and data.run.spec.input.stride is not None:
            raise AespecError(
                Diagnostic(
                    DataShape,
                    "windows of a series have no errors by pixel",
                    wanted="`--by step`, `--by feature` or `--by step,feature`",
                    got="`--by pixel`",
                    help="a place in a window is another step of the series in each of them: "
                    "`--by step,feature` gives the error of each feature at each step of the series",
                )
            )
        self.data, self.model, self.by, self.kind = data, model, by, kind
        self.draws, self.seed, self._stride = draws, seed, stride
        self.has_surprise = probable(model.graph) and not self.in_series and not self.lacks_scale
        if kind == "surprise":
            need_distribution(self.model.graph)

    @cached_property
    def lacks_scale(self) -> bool:
        """Whether the surprise is left out as what its scale is found from is gone."""
        return self.kind == "error" and self.model.graph.unit_loss is None and self.data.gone

    @cached_property
    def in_series(self) -> bool:
        """Whether what is scored are the steps of a series, not the windows that were cut from it."""
        return self.by in ("step", "step,feature") and self.scored.data.windows is not None

    @property
    def parts(self) -> By:
        """What the errors beside a score are of: the parts of a sample, or of a step of a series its features."""
        if not self.in_series:
            return self.by
        return "feature" if self.by == "step,feature" else "sample"

    @property
    def part_shape(self) -> tuple[int, ...]:
        """How these errors are arranged; ``()`` where there are none.

        Raises:
            AespecError: Samples have no such parts.
        """
        from aespec.uses.anomaly import part_shape

        sample = self.scored.inputs.shape[1:]
        return part_shape(self.parts, sample[1:] if self.in_series else sample)

    def part_errors(self) -> Iterator[Array]:
        """The errors of the parts, (rows, ...), for the scores from the first to the last, some at a time."""
        import numpy as np

        from aespec.uses.anomaly import errors_by_batch

        given = self.scored
        if not self.part_shape:
            yield from (np.empty((len(each), 0)) for each in batches(self.index))
        elif self.in_series and (windows := given.windows) is not None:
            found = errors_by_batch(self.model, given.inputs, self.by)
            yield from batches(windows.together(found, self.part_shape)[self.index])
        else:
            yield from errors_by_batch(self.model, given.inputs, self.by)

    @property
    def overlap(self) -> bool:
        """Whether what the model restores are windows that share steps with others."""
        stride = self._stride or self.data.run.spec.input.stride
        return stride is not None and stride < self.scored.inputs.shape[1]

    @cached_property
    def scored(self) -> Shown:
        """All of other data, or what the run has not seen of its own, whichever way that was named."""
        return self._cut(self.data.unseen)

    @cached_property
    def reference(self) -> Shown:
        """The run's own samples whose scores set the threshold: those that were held out, where there are any.

        Raises:
            AespecError: They are not there any more.
        """
        _ = self.scored  # what is wrong with other data is said of that, not of the run's own
        with self.data.needed("the threshold", "state it with `--threshold`, or let `--contamination` find it"):
            return self._cut(self.data.held or self.data.training)

    def _cut(self, given: Shown) -> Shown:
        return given if self._stride is None else self.data.cut(given, self._stride)

    @cached_property
    def index(self) -> NDArray[np.int64]:
        """The place of each score: of its sample in the data, or of its step in the series."""
        import numpy as np

        from aespec.uses.anomaly import by_step

        given = self.scored
        if self.in_series and (windows := given.windows) is not None:
            return np.flatnonzero(np.isfinite(by_step(np.zeros(given.inputs.shape[:2]), windows.starts, windows.steps)))
        return np.arange(len(self.scored.inputs)) + self.scored.first

    @property
    def left_out(self) -> int:
        """How many steps, amid those of a series that are scored, lie in no window."""
        return int(self.index[-1] - self.index[0] + 1 - len(self.index)) if self.in_series else 0

    @property
    def starts(self) -> NDArray[np.int64] | None:
        """The step that each begins with, where what is scored are windows of a series."""
        windows = self.scored.windows
        return None if windows is None or self.in_series else windows.starts

    @cached_property
    def by_kind(self) -> dict[str, Array]:
        """Every score that there is, the higher the more anomalous."""
        found = {"error": self._errors(self.scored)}
        if self.has_surprise:
            found["surprise"] = self._surprises(self.scored.inputs)
        return found

    @property
    def scores(self) -> Array:
        """Those that are compared with the threshold."""
        return self.by_kind[self.kind]

    def threshold(self, quantile: float, contamination: float | None) -> Threshold:
        """A quantile of the reference's scores, or one of the scored samples themselves."""
        from aespec.uses.detection import threshold

        if contamination is not None:
            return threshold(self.scores, 1 - contamination)
        if self.kind == "surprise":
            return threshold(self._surprises(self.reference.inputs), quantile)
        return threshold(self._errors(self.reference), quantile)

    def _errors(self, given: Shown) -> Array:
        import numpy as np

        from aespec.uses.anomaly import errors

        if not self.in_series:
            return errors(self.model, given.inputs)
        series = self._series(given)
        return series[np.isfinite(series)]

    def _series(self, given: Shown) -> Array:
        from aespec.uses.anomaly import by_step, errors

        windows = given.windows
        assert windows is not None  # the spec that has the one cut has the other cut too
        return by_step(errors(self.model, given.inputs, "step"), windows.starts, windows.steps)

    def _surprises(self, x: Samples) -> Array:
        """Minus the means of log p(x|z), in nats."""
        from aespec.uses.anomaly import log_probability

        return -log_probability(self.model, x, self._scale, draws=self.draws, seed=self.seed)

    @cached_property
    def _scale(self) -> float | None:
        from aespec.uses.anomaly import residual_scale

        if self.model.graph.unit_loss:
            return None
        with self.data.needed("the surprise", "score by the reconstruction error"):
            given = self.data.held or self.data.training
        return residual_scale(self.model, given.inputs, seed=self.seed)


def truth(job: Job, source: str | None, normal: str | None, times: NDArray[np.generic] | None = None) -> Flags | None:
    """Which of what is scored are anomalies; None where nothing is told of that. A window is one if a step of it is.

    Args:
        job: What is scored.
        source: ``labels``, a column of the scored table, or a file.
        normal: Labels of normal samples, separated by commas.
        times: When each sample of the data, or step of the series, is: where a file has times of anomalies.

    Raises:
        AespecError: There are no labels, or they do not fit the data.
    """
    from aespec.uses.detection import truth_of

    if source is None and normal is None:
        return None
    scored, windows = job.scored, job.scored.windows
    name = scored.name
    if source in (None, "labels"):
        labels = scored.data.labels if windows is None else windows.labels
        if labels is None:
            raise AespecError(
                Diagnostic(
                    DataUnreadable,
                    f"{name} has no labels",
                    wanted="a label for each sample" if windows is None else "a label for each step",
                    got="samples alone",
                    help="give the labels in a file, as in `--truth labels.npy`",
                )
            )
    else:
        labels = _labels(str(source), name, len(scored.data.inputs) if windows is None else windows.steps, times)
        name = str(source)
    flags = truth_of(labels, [each.strip() for each in normal.split(",")] if normal else (), name)
    if job.in_series:
        return flags[job.index]
    if windows is None:
        return flags[scored.first :][: len(scored.inputs)]
    return windows.highest(flags)


def index(job: Job, column: str) -> NDArray[np.generic]:
    """What a column of the table that is scored says of each of its rows: when a step was, or what a sample is.

    Raises:
        AespecError: There is no such column, or it does not say something of each.
    """
    from aespec.data.tables import read_labels

    name, windows = job.scored.name, job.scored.windows
    table, columns = _table(name)
    if column not in columns:
        near = nearest(column, columns)
        raise AespecError(
            Diagnostic(
                DataUnreadable,
                f"{name} has no column `{column}`",
                wanted=f"one of {', '.join(columns)}"
                if columns
                else "a .csv or .tsv file with names in its first line",
                got=f"`{column}`" if columns else "data of another kind",
                help=f"did you mean `{near}`?" if near else "name a column of the table that is scored",
            )
        )
    found = read_labels(table, column)
    count = len(job.scored.data.inputs) if windows is None else windows.steps
    if len(found) != count:
        what = "samples" if windows is None else "steps"
        raise AespecError(
            Diagnostic(
                DataShape,
                f"`{column}` does not name all that is scored",
                wanted=f"{count:,} rows, one for each of the {what}",
                got=f"{len(found):,}",
                help="score the whole table",
            )
        )
    return found


def _table(name: str) -> tuple[Path, list[str]]:
    """The file that data is called by, and the names of its columns, if it is a table and has any."""
    from aespec.data.tables import is_table, read_head

    path = Path(name).expanduser()
    return path, (read_head(path).names or []) if is_table(path) and path.is_file() else []


def _labels(source: str, name: str, count: int, times: NDArray[np.generic] | None) -> NDArray[np.generic]:
    """Labels from a file, or from a column of the table that is scored, so many.

    Raises:
        AespecError: There is no such thing, or it does not hold a label for each.
    """
    from aespec.data.files import read_array
    from aespec.data.tables import is_table, read_labels, read_spans

    place, (table, columns) = Path(source).expanduser(), _table(name)
    if not place.is_file() and source in columns:
        labels = read_labels(table, source)
    elif not place.is_file():
        near = nearest(source, columns)
        raise AespecError(
            Diagnostic(
                DataNotFound,
                f"there is no file `{source}`" + (f", and no such column in {name}" if columns else ""),
                wanted="a .npy, .csv or .txt file with a label for each, or a column of the table that is scored",
                help=f"did you mean `{near}`?" if near else "check the path, which starts from the current folder",
            )
        )
    elif is_table(place) or place.suffix.lower() == ".txt":
        spans = read_spans(place, count, times)
        labels = read_labels(place) if spans is None else spans
    else:
        labels = read_array(source, "test").inputs
    if labels.shape != (count,):
        raise AespecError(
            Diagnostic(
                DataShape,
                f"{source} does not label {name}",
                wanted=f"{count:,} labels, along one axis",
                got=f"an array of shape {labels.shape}",
                help="give a label for each sample of the data, or for each step of a series, in its order",
            )
        )
    return labels

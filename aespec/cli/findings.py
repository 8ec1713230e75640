"""What ``aespec score`` found, and how it is told: in words, as JSON, as a file of scores, in pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from math import isinf, isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aespec.cli.output import writing
from aespec.diagnostics import AespecError, Diagnostic
from aespec.rules import DataShape
from aespec.shapes import counted

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from aespec.held import Shown
    from aespec.uses.detection import Ranking, Threshold
    from aespec.uses.events import Event
    from aespec.uses.scoring import Job

    Flags = NDArray[np.bool_]

__all__ = ["WORDS", "Findings"]

WORDS = {"error": "reconstruction error", "surprise": "surprise"}
LABELS = ("normal", "anomaly")

WHERE = ("start", "end", "peak")
"""The steps of an event that are told."""

RESERVED = ("step", "sample", "file", "start", "error", "surprise", "anomaly", "truth")
"""What columns of a file of scores are called beside the errors of parts."""

SHOWN = 10
"""Parts of samples that a table on the terminal has."""

Part = dict[str, Any]
"""The name of a part of samples, and its mean error in what is said to be ``normal`` and ``anomaly``."""


class Findings:
    """Scores, the threshold, and what is known of the truth."""

    def __init__(
        self,
        job: Job,
        limit: Threshold,
        *,
        reference: Shown | None,
        known: Flags | None,
        count: int,
        called: tuple[str, NDArray[Any]] | None = None,
        apart: int | None = None,
    ) -> None:
        """Compare scores with a threshold and with the truth.

        Args:
            job: What is scored.
            limit: The threshold.
            reference: The run's own samples that it was found on, if it was found on these.
            known: Which are anomalies in truth, where that is known.
            count: How many to show.
            called: The name of a column, and what it says of each sample of the data, or step of the series.
            apart: Steps between two events, at least; by default the length of a window.

        Raises:
            AespecError: scikit-learn is missing, which the truth needs.
        """
        from aespec.uses.anomaly import worst
        from aespec.uses.detection import detection, ranking
        from aespec.uses.events import events

        self.job, self.limit, self.reference, self.known, self.count = job, limit, reference, known, count
        self.called = called
        self.labelled: Flags = job.scores > limit.value
        self.worst = worst(job.scores, count) if job.in_series else self._worst_samples(job.scores)
        self.events: list[Event] | None = None
        if job.in_series and (windows := job.scored.windows) is not None:
            self.events = events(job.scores, job.index, limit.value, apart or windows.length)
        self.detection = None if known is None else detection(known, self.labelled)
        self.rankings: dict[str, Ranking | None] = (
            {} if known is None else {kind: ranking(known, scores) for kind, scores in job.by_kind.items()}
        )
        self.unit = "step" if job.in_series else job.scored.what
        of = (reference or job.scored).what
        self.of = of.replace("sample", "step") if job.in_series else of

    def _worst_samples(self, scores: NDArray[np.float64]) -> NDArray[np.int64]:
        """The samples of the highest scores; of windows that overlap one alone."""
        from aespec.uses.anomaly import worst

        windows = self.job.scored.windows
        if windows is None:
            return worst(scores, self.count)
        return worst(scores, self.count, windows.starts, windows.length)

    @property
    def _spreads(self) -> list[str]:
        """Which of the numbers that are told say how far others may be off."""
        known = not (isinf(self.limit.low) and isinf(self.limit.high))
        tell = any(found is not None and not isnan(found.error) for found in self.rankings.values())
        return ["the interval"] * known + ["the standard error"] * tell

    def summary(self) -> Iterator[str]:
        """What was scored, and how much of it is anomalous."""
        import numpy as np

        errors, limit, anomalies = self.job.by_kind["error"], self.limit, int(self.labelled.sum())
        scored, units = self.job.scored, self.job.data.run.units
        what = f"{counted(len(errors), self.unit)} of {scored.name}{scored.note}"
        yield f"{what}: mean squared error {np.median(errors):.4g} in the median, {errors.max():.4g} at most{units}"
        of = "as given"
        if limit.quantile is not None:
            of = f"the {limit.quantile:g} quantile of {counted(limit.samples, self.of)}, {_interval(limit)}"
        yield f"threshold of the {self.job.kind}: {limit.value:.4g} ({of})"
        said = f"{anomalies:,} {'anomaly' if anomalies == 1 else 'anomalies'}, {anomalies / len(errors):.2%}"
        yield f"{said}, in {counted(len(self.events), 'event')}" if self.events else said

    def notes(self) -> Iterator[str]:
        """What the numbers do not show."""
        from aespec.held import HELD, TRAINING
        from aespec.uses.anomaly import probable

        scored = self.job.scored
        few, reference, quantile = counted(self.limit.samples, self.of), self.reference, self.limit.quantile
        if reference is not None and reference.what == TRAINING:
            yield (
                "the run held nothing out. It restores what it was trained on better than other normal samples,\n"
                "  of which more than intended lie above the threshold, the more so the more it overfits"
            )
        if reference is not None and reference is not scored and reference.note:
            yield f"the threshold is that of {reference.what}s{reference.note}"
        if reference is not None and reference.held_out and reference.data.fingerprint == scored.data.fingerprint:
            yield "the threshold was found on samples that are scored"
        if quantile is not None and (isinf(self.limit.high) or isinf(self.limit.low)):
            too_few = f"{few} {'is' if self.limit.samples == 1 else 'are'} too few"
            yield f"{too_few} to say well where the {quantile:g} quantile lies"
        if self.events and (share := self._in_events) > 0.5:
            yield (
                f"events are {share:.0%} of the series: alarms that are less than a window apart are one. A higher\n"
                "  threshold (`--quantile`, `--threshold`) or `--apart` tells more of them"
            )
        if self.known is None and self._labelled_by_truth:
            yield "the labels are 0 and 1: with `--truth labels` it is measured how well the scores tell them apart"
        if self.job.left_out:
            yield f"{counted(self.job.left_out, 'step')} in no window, without a score"
        if self.job.lacks_scale and probable(self.job.model.graph):
            yield "there is no surprise: its scale needs the run's own data, which is gone"
        if scored.what == HELD and self.job.data.other is not None:
            yield f"the run was trained on {scored.name}: the {scored.first:,} samples that it saw are left out"
        if (self.job.in_series or self.job.overlap) and (numbers := self._spreads):
            neighbours = "neighbouring steps" if self.job.in_series else "overlapping windows"
            verb = "is" if len(numbers) == 1 else "are"
            yield f"errors of {neighbours} go together: {' and '.join(numbers)} {verb} too small"
        if self.job.overlap and not self.job.in_series:
            yield "of windows that overlap the table has the worst alone"
        if self.known is not None and None in self.rankings.values():
            yield f"in truth all are {'anomalies' if self.known.all() else 'normal'}, so that there is no AUROC"

    def tables(self, parts: Sequence[Part]) -> Iterator[str]:
        """How well anomalies are found, the most anomalous, and what parts of them are."""
        from aespec.tables import table

        rankings = {WORDS[kind]: found for kind, found in self.rankings.items() if found is not None}
        if rankings:
            heads = ["AUROC", "Standard error", "Average precision", "By chance"]
            rows = [
                [
                    name,
                    f"{found.auroc:.4f}",
                    "-"
                    if isnan(found.error)
                    else f"{found.error:.4f}"
                    if found.error >= 1e-4
                    else f"{found.error:.1g}",
                    *(f"{x:.4f}" for x in (found.average_precision, found.prevalence)),
                ]
                for name, found in rankings.items()
            ]
            yield "\n" + table(["Score", *heads], rows, numbers=heads)
        if (found := self.detection) is not None:
            heads = ["Found", "Missed", "False alarms", "Precision", "Recall", "F1"]
            counts = [f"{n:,}" for n in (found.found, found.missed, found.false_alarms)]
            fractions = ["-" if x is None else f"{x:.4f}" for x in (found.precision, found.recall, found.f1)]
            yield "\n" + table(heads, [[*counts, *fractions]], numbers=heads)
            if self.events is not None and (true := self._anomalies()):
                within = sum(
                    any(event.start <= end and start <= event.end for event in self.events) for start, end in true
                )
                yield f"these are steps; anomalies in truth that an event overlaps: {within:,} of {len(true):,}"
        yield "\n" + (self._event_table(self.events) if self.events else self._worst_table())
        if (more := len(self.events or ()) - self.count) > 0:
            yield f"and {counted(more, 'event')} with less"
        if parts:
            heads = ["Said to be anomalies", "Said to be normal"]
            highest = sorted(parts, key=lambda part: -max(part[label] or 0 for label in LABELS))[:SHOWN]
            rows = [[part["name"], _shown(part["anomaly"]), _shown(part["normal"])] for part in highest]
            yield "\n" + table([f"Mean error by {self.job.parts}", *heads], rows, numbers=heads)
            if len(parts) > SHOWN:
                yield f"and {len(parts) - SHOWN:,} with less"

    def _event_table(self, events: Sequence[Event]) -> str:
        """Those with the largest errors, the largest first."""
        from aespec.tables import table

        shown = sorted(events, key=lambda event: -event.error)[: self.count]
        columns = {name.title(): [self._at(getattr(each, name)) for each in shown] for name in WHERE}
        columns["Error"] = [f"{event.error:.4g}" for event in shown]
        numbers = [*columns]
        if self.known is not None:
            columns["In truth"] = [LABELS[int(self._true(event))] for event in shown]
        return table([*columns], [*zip(*columns.values(), strict=True)], numbers=numbers)

    def _at(self, step: int) -> str:
        """What a step is called: by its number, if by nothing else."""
        return f"{step:,}" if self.called is None else str(self.called[1][step])

    def _anomalies(self) -> list[tuple[int, int]]:
        """The first and the last step of each anomaly in truth: of steps that follow one another."""
        import numpy as np

        assert self.known is not None  # who asks has looked
        steps = self.job.index[self.known]
        runs = np.split(steps, np.flatnonzero(np.diff(steps) > 1) + 1) if len(steps) else []
        return [(int(run[0]), int(run[-1])) for run in runs]

    @property
    def _labelled_by_truth(self) -> bool:
        """Whether what is scored has labels that say of each whether it is an anomaly, by the look of them."""
        import numpy as np

        windows = self.job.scored.windows
        labels = self.job.scored.data.labels if windows is None else windows.labels
        return labels is not None and {*np.unique(labels.astype(str)).tolist()} in ({"0", "1"}, {"False", "True"})

    @property
    def _in_events(self) -> float:
        """Which part of the steps lies between the start and the end of an event."""
        return sum(event.end + 1 - event.start for event in self.events or ()) / len(self.job.index)

    def _true(self, event: Event) -> bool:
        """Whether a step of an event is an anomaly in truth."""
        import numpy as np

        assert self.known is not None  # who asks has looked
        first, end = np.searchsorted(self.job.index, [event.start, event.end + 1])
        return bool(self.known[first:end].any())

    def _worst_table(self) -> str:
        from aespec.tables import table

        columns = {"Step" if self.job.in_series else "Sample": [f"{i:,}" for i in self.job.index[self.worst]]}
        if (starts := self.job.starts) is not None:
            columns["Start"] = [self._at(start) for start in starts[self.worst].tolist()]
        elif self.called is not None:
            columns[self.called[0]] = [self._at(i) for i in self.job.index[self.worst].tolist()]
        for kind, scores in self.job.by_kind.items():
            columns[kind.title()] = [f"{x:.4g}" for x in scores[self.worst]]
        numbers = [*columns]
        if (names := self.job.scored.names) is not None:
            columns["File"] = [names[i] for i in self.worst]
        columns["Said to be"] = [LABELS[int(flag)] for flag in self.labelled[self.worst]]
        if self.known is not None:
            columns["In truth"] = [LABELS[int(flag)] for flag in self.known[self.worst]]
        return table([*columns], [*zip(*columns.values(), strict=True)], numbers=numbers)

    def as_json(self, parts: Sequence[Part]) -> dict[str, Any]:
        """What was found, as JSON has it; without what was looked at, and notes."""
        import numpy as np

        job, limit, errors, columns = self.job, self.limit, self.job.by_kind["error"], self._columns
        given = limit.quantile is None
        return {
            "scaled": job.data.run.scaling is not None,
            "scores_of": "step" if job.in_series else "sample",
            "steps": len(errors) if job.in_series else None,
            "anomalies": int(self.labelled.sum()),
            "score": job.kind,
            "threshold": {
                **asdict(limit),
                "given": given,
                "part": None if given else self.of,
                "held_out": self.reference and self.reference.held_out,
            },
            "errors": {
                "mean": float(errors.mean()),
                "median": float(np.median(errors)),
                "highest": float(errors.max()),
            },
            "ranking": {
                kind: found
                and {
                    "auroc": found.auroc,
                    "standard_error": found.error,
                    "average_precision": found.average_precision,
                    "prevalence": found.prevalence,
                }
                for kind, found in self.rankings.items()
            }
            or None,
            "detection": (found := self.detection)
            and {
                **asdict(found),
                "precision": found.precision,
                "recall": found.recall,
                "f1": found.f1,
                "false_alarm_rate": found.false_alarm_rate,
            },
            "events": self.events
            and [
                asdict(event)
                | ({} if self.called is None else {"index": {name: self._at(getattr(event, name)) for name in WHERE}})
                | ({} if self.known is None else {"truth": int(self._true(event))})
                for event in self.events
            ],
            "worst": [{name: values[i].item() for name, values in columns.items()} for i in self.worst],
            "by": {"what": job.parts, "mean_errors": [*parts]} if parts else None,
        }

    @property
    def _columns(self) -> dict[str, NDArray[Any]]:
        """What there is of each sample, or step."""
        import numpy as np

        job = self.job
        found: dict[str, NDArray[Any]] = {"step" if job.in_series else "sample": job.index}
        if job.scored.names is not None:
            found["file"] = np.asarray(job.scored.names)
        if job.starts is not None:
            found["start"] = job.starts
        if self.called is not None:
            name, values = self.called
            found["index" if name in RESERVED else name] = values[job.index if job.starts is None else job.starts]
        found |= {**job.by_kind, "anomaly": self.labelled.astype(np.int8)}
        return found if self.known is None else {**found, "truth": self.known.astype(np.int8)}

    def parts(self, out: Path | None) -> list[Part]:
        """Write the scores, if anywhere, and sum up the errors of the parts of samples, in one pass over them.

        Raises:
            AespecError: Samples have no such parts, a package that the format needs is missing, or nothing can be
                written there.
        """
        import numpy as np

        from aespec.uses.anomaly import part_names
        from aespec.uses.anomaly_file import score_file

        job, columns, shape, at = self.job, self._columns, self.job.part_shape, 0
        names = part_names(job.parts, shape, job.scored.data.columns) if shape else []
        sums = np.zeros((2, len(names)))
        with ExitStack() as stack:
            write = None
            if out is not None:
                stack.enter_context(writing(out.parent))
                write = stack.enter_context(score_file(out, columns, job.parts, names, shape))
            for found in job.part_errors():
                errors = found.reshape(len(found), len(names))
                rows = slice(at, at := at + len(errors))
                flags = self.labelled[rows]
                sums += errors[~flags].sum(axis=0), errors[flags].sum(axis=0)
                if write is not None:
                    write({name: values[rows] for name, values in columns.items()}, errors)
        counts = [int((~self.labelled).sum()), int(self.labelled.sum())]
        means = [total / count if count else [None] * len(names) for total, count in zip(sums, counts, strict=True)]
        return [{"name": name, "normal": means[0][i], "anomaly": means[1][i]} for i, name in enumerate(names)]

    def draw_worst(self, path: Path) -> None:
        """Draw the most anomalous samples, and where their errors are.

        Raises:
            AespecError: matplotlib is missing, or nothing can be written there.
        """
        from aespec.data.streams import take
        from aespec.uses.anomaly import errors
        from aespec.uses.anomaly_picture import worst_samples
        from aespec.uses.course_picture import Course

        job, given = self.job, self.job.scored
        scores = errors(job.model, given.inputs) if job.in_series else job.scores
        chosen = self._worst_samples(scores)
        samples = take(given.inputs, chosen)
        names = [given.names[i] if given.names else f"sample {i + given.first:,}" for i in chosen]
        starts: list[int] | None = None
        course: Course | None = None
        if given.windows is not None:
            starts, names = given.windows.starts[chosen].tolist(), given.windows.spans(chosen)
            if self.called is not None:
                names = [f"{self._at(start)}\nto {self._at(start + given.windows.length - 1)}" for start in starts]
            middles = given.windows.starts + (given.windows.length - 1) / 2
            about = job.scores, self.limit.value, self.known
            if job.in_series:
                course = Course(f"{job.kind} of each step", job.index, *about)
            else:
                name, apart = f"{job.kind} of each window, at its middle", given.windows.length
                course = Course(name, middles, *about, unit="window", apart=apart)
        with writing(path.parent):
            worst_samples(
                samples,
                job.model.reconstruct(samples),
                names,
                path,
                images=job.data.run.images,
                columns=given.data.columns,
                starts=starts,
                units=job.data.run.units,
                course=course,
            )

    def draw_curves(self, path: Path) -> None:
        """Draw how well anomalies are found, at every threshold and at the one that was chosen.

        Raises:
            AespecError: All are of one kind, matplotlib is missing, or nothing can be written there.
        """
        from aespec.uses.anomaly_picture import ranking_curves

        rankings = {WORDS[kind]: found for kind, found in self.rankings.items() if found is not None}
        if not rankings or self.detection is None:
            raise AespecError(
                Diagnostic(
                    DataShape,
                    "there are no curves to draw",
                    wanted="normal samples and anomalies, by the truth",
                    got="samples of one kind",
                    help="give other data, or other labels with `--normal`",
                )
            )
        with writing(path.parent):
            ranking_curves(rankings, path, chosen=(WORDS[self.job.kind], self.detection))


def _interval(limit: Threshold) -> str:
    """Where a threshold may lie, as far as the scores tell."""
    if isinf(limit.low) and isinf(limit.high):
        return "no 95 % interval"
    if isinf(limit.high):
        return f"95 % interval from {limit.low:.4g} up"
    if isinf(limit.low):
        return f"95 % interval up to {limit.high:.4g}"
    return f"95 % interval {limit.low:.4g} to {limit.high:.4g}"


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"

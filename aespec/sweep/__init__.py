"""Sweeps: a spec trained under many values of its fields, to find the best.

`space` is what may vary, `search` how it is gone through, `trials` what is trained and what came of it, `folder` where
all of it is kept, `workers` and `cluster` who does it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from aespec.diagnostics import AespecError
from aespec.sweep.folder import Record, enter, remove
from aespec.sweep.report import ranked
from aespec.sweep.search import Search
from aespec.sweep.space import Point
from aespec.sweep.trials import Failure, Planner, Result, Trial, failed, result
from aespec.sweep.workers import Call, Workers

__all__ = ["Listener", "Sweep"]


class Listener:
    """What is told of a sweep while it runs. This one does nothing about it."""

    def begin(self, trials: Sequence[Trial], finished: int, repeated: int) -> None:
        """These trials are to be trained; some others are finished, and some points repeat others."""

    def end(self, result: Result) -> None:
        """A trial was trained, or failed."""


@dataclass
class Sweep:
    """A sweep under way."""

    folder: Path
    """Entered with `folder.begin`, and locked by the caller."""
    record: Record
    plan: Planner
    metric: str
    results: dict[int, Result] = field(default_factory=dict)
    """By the trial's number."""
    trials: dict[str, Trial] = field(default_factory=dict)
    """By what makes a trial the same as another: the text of its spec."""

    @property
    def ranked(self) -> list[Result]:
        """What trials came to so far, the best first."""
        return ranked(self.results.values())

    def run(self, search: Search, workers: Workers, call: Callable[[Trial], Call], listener: Listener) -> None:
        """Ask a search for points until it has no more, and have those trained that are not yet.

        Args:
            search: What proposes points.
            workers: Who makes the calls.
            call: The call that trains a trial.
            listener: Told what happens.

        Raises:
            AespecError: The folder has trials of another spec.
        """
        proposed = 0
        while points := search.ask():
            trials = [self._enter(point) for point in points]
            self._train(trials, workers, call, listener)
            end = proposed + len(points)
            if len(self.record.told) < end:  # else: a trial that failed and is tried again changes no proposals
                self.record.told[proposed:] = [self.results[trial.number].objective for trial in trials]
                self.record.write(self.folder)
            search.tell(self.record.told[proposed:end])
            proposed = end

    def _enter(self, point: Point) -> Trial:
        """The trial of a point, which may be an earlier one."""
        try:
            plan = self.plan(point)
        except AespecError as error:
            known, number = str(point), len(self.trials) + 1
            trial = self.trials.setdefault(known, Trial(number, point, None, self.folder))
            self.results[trial.number] = Result(trial, failure=Failure.of(*error.diagnostics))
            return trial
        if plan.text not in self.trials:
            self.trials[plan.text] = enter(self.folder, len(self.trials) + 1, plan)
        return self.trials[plan.text]

    def _train(
        self, asked: Sequence[Trial], workers: Workers, call: Callable[[Trial], Call], listener: Listener
    ) -> None:
        """Have trials trained, those that are not yet."""
        left: dict[int, Trial] = {}
        before = len(self.results)
        for number, trial in {trial.number: trial for trial in asked if trial.number not in self.results}.items():
            if trial.finished:
                self.results[number] = result(trial, self.metric)
            elif failure := self.record.failures.get(number):
                self.results[number] = failed(trial, failure)
            else:
                left[number] = trial
        finished = len(self.results) - before
        listener.begin([*left.values()], finished, len(asked) - finished - len(left))
        for number, problem in workers.run({number: call(trial) for number, trial in left.items()}):
            trial = left[number]
            if problem:
                self.record.failures[number] = problem
                self.record.write(self.folder)
            found = self.results[number] = failed(trial, problem) if problem else result(trial, self.metric)
            if problem and not found.epochs and not trial.begun:
                remove(trial.folder)  # there is nothing in it to go on from, or to draw
            listener.end(found)

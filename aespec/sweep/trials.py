"""The trials of a sweep: points with their specs, each of which is trained in a run folder of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import isfinite, nan
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel

from aespec.checkpoint import read as read_checkpoint
from aespec.diagnostics import AespecError, Diagnostic, nearest, to_json
from aespec.graph import Graph
from aespec.history import HELD, History
from aespec.history import read as read_history
from aespec.plan import EarlyStopping
from aespec.rules import RULES, LossNotFinite, TrialFailed, UnknownKind
from aespec.run import UNFINISHED, open_run
from aespec.source.override import NAME as OVERRIDE
from aespec.source.yaml_dump import dump_yaml
from aespec.spec import Spec
from aespec.sweep.space import NAME, Point, assignments
from aespec.training import kept_epoch

__all__ = ["Failure", "Plan", "Planner", "Result", "Trial", "compiled", "failed", "metric", "notes", "result"]


@dataclass(frozen=True)
class Plan:
    """A point with its spec, compiled."""

    point: Point
    spec: Spec
    graph: Graph

    @cached_property
    def text(self) -> str:
        """The spec, resolved."""
        return dump_yaml(self.spec.to_data())

    @property
    def losses(self) -> list[str]:
        """The losses that the history of its run is to have, for the whole model."""
        names, training = self.graph.loss_names, self.spec.training
        held = names if training.validation_split or training.validation_data else []
        return [*names, *(HELD + name for name in held)]

    @property
    def parameters(self) -> int:
        """How many numbers the model stores."""
        return sum(node.count() for node in self.graph)


class Planner:
    """Makes the plan of each point once."""

    def __init__(self, compile: Callable[[Sequence[str]], tuple[Spec, Graph]]) -> None:
        """Take what compiles the spec under some assignments."""
        self._compile, self._plans = compile, dict[tuple[str, ...], Plan]()

    def __call__(self, point: Point) -> Plan:
        """The plan of a point.

        Raises:
            AespecError: Its spec is wrong.
        """
        known = tuple(assignments(point))
        if known not in self._plans:
            self._plans[known] = Plan(point, *self._compile(known))
        return self._plans[known]


@dataclass(frozen=True)
class Trial:
    """A point that is tried."""

    number: int
    """Counted from 1."""
    point: Point
    plan: Plan | None
    """None where the spec is wrong at this point."""
    sweep: Path
    """The sweep's folder."""

    @property
    def name(self) -> str:
        """The number as folders have it."""
        return f"{self.number:04d}"

    @property
    def folder(self) -> Path:
        """The folder of its run."""
        return self.sweep / "trials" / self.name

    @property
    def spec_file(self) -> Path:
        """The file that has its spec."""
        return self.sweep / "specs" / f"{self.name}.yaml"

    @property
    def finished(self) -> bool:
        """Whether its run came to its end."""
        try:
            read_history(self.folder)
            return open_run(self.folder).record["final"] is not None
        except (AespecError, OSError, ValueError):
            return False

    @property
    def begun(self) -> bool:
        """Whether its run was cut off, and has what it takes to go on."""
        try:
            open_run(self.folder, finished=False)
            return (self.folder / UNFINISHED).exists() and bool(read_checkpoint(self.folder).epochs)
        except (AespecError, OSError, ValueError):
            return False


class Failure(BaseModel):
    """Why a trial has no result."""

    problems: list[dict[str, Any]]
    """Diagnostics as JSON has them."""
    diverged: bool = False
    """Whether its loss ran away, as it would again."""

    @classmethod
    def of(cls, *problems: Diagnostic) -> Self:
        """The failure that some problems are."""
        return cls(problems=[*map(to_json, problems)], diverged=any(each.rule is LossNotFinite for each in problems))

    @property
    def diagnostics(self) -> list[Diagnostic]:
        """The problems, without their places."""
        said = ("message", "wanted", "got", "help")
        return [Diagnostic(RULES[each["code"]], **{name: each[name] for name in said}) for each in self.problems]

    def __str__(self) -> str:
        return "; ".join(each["message"] for each in self.problems)


@dataclass(frozen=True)
class Result:
    """What a trial came to."""

    trial: Trial
    value: float = nan
    """Of the metric; NaN where it has none."""
    epochs: int = 0
    seconds: float = 0.0
    failure: Failure | None = None

    @property
    def objective(self) -> float:
        """What a search is told: a loss that ran away is the worst there is, NaN stands for nothing."""
        return float("inf") if self.failure and self.failure.diverged else self.value


def compiled(points: Sequence[Point], plan: Planner, *, numbered: bool) -> list[Plan]:
    """The plan of each point; messages call them trials by their number, where they are to be trained in this order.

    Raises:
        AespecError: Something is wrong with some of them; all of it is told, each problem once with its trials.
    """
    plans: list[Plan] = []
    problems: dict[tuple[Any, ...], tuple[Diagnostic, list[int]]] = {}
    for number, point in enumerate(points, start=1):
        try:
            plans.append(plan(point))
        except AespecError as error:
            for each in error.diagnostics:
                known = (each.rule, each.message, each.wanted, each.got, each.help)
                problems.setdefault(known, (each, []))[1].append(number)
    if problems:
        found = [
            _in_trials(each, numbers if numbered else [], points[numbers[0] - 1]) for each, numbers in problems.values()
        ]
        raise AespecError(*found)
    return plans


def metric(plans: Iterable[Plan], name: str | None) -> str:
    """The column of the histories that decides: the one of that name, or the total loss, of validation if there is any.

    Raises:
        AespecError: Some of the trials will not have it.
    """
    common, *others = (plan.losses for plan in plans)
    known = [column for column in common if all(column in other for other in others)]
    if name is None:
        return HELD + "total" if HELD + "total" in known else "total"
    if name not in known:
        near = nearest(name, known)
        raise AespecError(
            Diagnostic(
                UnknownKind,
                f"not every trial has a loss `{name}`"
                if name in sum(others, common)
                else f"no loss is called `{name}`",
                wanted=", ".join(f"`{column}`" for column in known),
                got=f"`{name}`",
                help=f"did you mean `{near}`?" if near else "leave `--metric` out for the total",
            )
        )
    return name


def notes(plans: Iterable[Plan], metric: str) -> list[str]:
    """What is to be said of a metric that is not the same sum in every trial."""
    if metric.removeprefix(HELD) != "total":
        return []
    terms = ((*plan.graph.losses, *(term.regularizer for term in plan.graph.terms)) for plan in plans)
    added = {tuple(sorted(map(repr, each))) for each in terms}
    different = f"the trials add up different losses in `{metric}`, whose values are not to be compared"
    return [different] if len(added) > 1 else []


def result(trial: Trial, metric: str) -> Result:
    """What a trial that is finished came to: the metric at the epoch whose weights its run has."""
    try:
        history = read_history(trial.folder)
    except AespecError as error:
        return failed(trial, Failure.of(*error.diagnostics))
    value = _kept(history, trial.plan.spec.training.early_stopping if trial.plan else None).get(metric, nan)
    if isfinite(value):
        return Result(trial, value, len(history.rows), history.seconds or 0.0)
    known = ", ".join(f"`{name}`" for name in history.terms)
    help = "hold more samples out, or rank by `--metric total`" if metric.startswith(HELD) else None
    return failed(trial, Failure.of(Diagnostic(TrialFailed, f"its history has no `{metric}`", None, known, None, help)))


def failed(trial: Trial, failure: Failure) -> Result:
    """What a trial that failed came to, as far as it went."""
    try:
        history = read_history(trial.folder)
    except AespecError:
        return Result(trial, failure=failure)
    return Result(trial, nan, len(history.rows), history.seconds or 0.0, failure)


def _kept(history: History, stopping: EarlyStopping | None) -> Mapping[str, float]:
    """The epoch whose weights a run ends with: the last, or the best of the last phase where those come back."""
    rows = [row for row, phase in zip(history.rows, history.phases, strict=True) if phase == history.phases[-1]]
    column = HELD + "total" if HELD + "total" in rows[0] else "total"
    return rows[kept_epoch([row[column] for row in rows], stopping) - 1]


def _in_trials(problem: Diagnostic, numbers: Sequence[int], point: Point) -> Diagnostic:
    """A problem with the trials that have it and what the first of them sets, which was given as `--vary`."""
    others = f", and {len(numbers) - 1:,} more" if len(numbers) > 1 else ""
    trials = f" (trial {numbers[0]}{others})" if numbers else ""
    place, made = problem.place, assignments(point)
    if place and place.name == OVERRIDE and place.text in made:
        place = replace(place, name=NAME)
    return replace(problem, message=f"{problem.message}, with {', '.join(made)}{trials}", place=place)

"""What ``aespec train`` is to do: a new run, or one that goes on."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from aespec.checkpoint import Checkpoint
from aespec.passes import Limits

if TYPE_CHECKING:
    from aespec.data import Scaling
    from aespec.graph import Graph
    from aespec.plan import Phase, TrainingPlan
    from aespec.run import Stretch
    from aespec.spec import Spec

P = TypeVar("P", "TrainingPlan", "Phase")


@dataclass(frozen=True)
class Job:
    """What is to be trained, on what, and where."""

    spec: Spec
    graph: Graph
    data: str
    samples: int | None
    """How many of the data's samples, where not all."""
    backend: str
    folder: Path
    limits: Limits
    begin: Checkpoint | None = None
    earlier: Sequence[Stretch] = ()
    """What trained the run up to there."""
    fingerprint: str | None = None
    """Of the samples that the run began with."""
    held: str | None = None
    """Of those that it measures the loss on, where they are others."""
    columns: tuple[str, ...] | None = None
    """The features of the table that the run began with."""
    scaling: Scaling | None = None
    """How it scaled them."""
    chosen: bool = True
    """Whether the data is not the default."""
    recorded: Collection[str] = ()
    """Where its data lay when the run began."""
    otherwise: str = ""
    """What goes on in another way than it began."""


def with_rate(spec: Spec, rate: float | None, phase: int | None = None) -> Spec:
    """The spec with another learning rate in its optimizer, or in that of a greedy phase which has one of its own."""
    if rate is None:
        return spec
    plan = spec.training
    if phase is None or plan.greedy[phase].optimizer is None:
        plan = rated(plan, rate)
    else:
        greedy = (rated(each, rate) if i == phase else each for i, each in enumerate(plan.greedy))
        plan = plan.model_copy(update={"greedy": tuple(greedy)})
    return spec.model_copy(update={"training": plan})


def rated(part: P, rate: float) -> P:
    """A plan, or a phase, with another learning rate in its optimizer, if it states one."""
    if part.optimizer is None:
        return part
    return part.model_copy(update={"optimizer": part.optimizer.model_copy(update={"learning_rate": rate})})

"""Lints about what the plan of training states and training never does."""

from __future__ import annotations

from collections.abc import Iterator

from aespec.diagnostics import Diagnostic, Loc
from aespec.graph import Graph
from aespec.lints.base import Lint
from aespec.optimizers import Optimizer, Sgd
from aespec.schedules import Cosine
from aespec.shapes import counted
from aespec.spec import Spec

__all__ = ["EndlessWarmup", "NesterovOfNothing"]


class NesterovOfNothing(Lint):
    """Nesterov's momentum without momentum.

    `nesterov: true` looks at the gradient where the momentum is about to take the weights. Without a `momentum` it
    takes them nowhere, and what is left is plain SGD. Keras passes over it, `torch.optim.SGD` refuses it. Usual is 0.9.
    """

    code = "W403"
    bad = """
input: [8]
encoder:
  - dense: 3
decoder: mirror
training:
  optimizer: {sgd: {learning_rate: 0.1, nesterov: true}}
"""
    good = """
input: [8]
encoder:
  - dense: 3
decoder: mirror
training:
  optimizer: {sgd: {learning_rate: 0.1, momentum: 0.9, nesterov: true}}
"""

    @classmethod
    def check(cls, spec: Spec, graph: Graph) -> Iterator[Diagnostic]:
        """Each optimizer of the plan."""
        for loc, optimizer in _optimizers(spec):
            if isinstance(optimizer, Sgd) and optimizer.nesterov and not optimizer.momentum:
                yield Diagnostic(
                    cls,
                    "`nesterov` does nothing without a `momentum`",
                    spec.place((*loc, "nesterov"), key=True),
                    wanted="a `momentum` above 0",
                    got="`momentum: 0`",
                    help="state `momentum: 0.9`, or leave `nesterov` out",
                )


class EndlessWarmup(Lint):
    """A warm-up that training ends in.

    The rate of a `cosine` rises for the epochs of its `warmup`, and then falls for the others. With as many epochs of
    warm-up as there are in all it never falls, and with more it never comes to the rate that the optimizer states.
    A phase of greedy training has a warm-up of its own, in its own epochs.
    """

    code = "W404"
    bad = """
input: [8]
encoder:
  - dense: 3
decoder: mirror
training:
  schedule: {cosine: {warmup: 20}}
  epochs: 10
"""
    good = """
input: [8]
encoder:
  - dense: 3
decoder: mirror
training:
  schedule: {cosine: {warmup: 2}}
  epochs: 10
"""

    @classmethod
    def check(cls, spec: Spec, graph: Graph) -> Iterator[Diagnostic]:
        """The schedule beside the epochs."""
        plan = spec.training
        if not isinstance(plan.schedule, Cosine):
            return
        warmup = plan.schedule.warmup
        shortest = min([plan.epochs, *(phase.epochs or plan.epochs for phase in plan.greedy)])
        if warmup >= shortest:
            what = "training" if shortest == plan.epochs else "a greedy phase"
            yield Diagnostic(
                cls,
                f"{what} ends before its warm-up does"
                if warmup > shortest
                else f"{what} ends as its warm-up does: the learning rate never falls",
                spec.place(("training", "schedule", "cosine", "warmup")),
                wanted=f"fewer than {counted(shortest, 'epoch')}",
                got=f"`warmup: {warmup:g}`",
                help="state a shorter `warmup`, or more `epochs`",
            )


def _optimizers(spec: Spec) -> Iterator[tuple[Loc, Optimizer]]:
    """The optimizers that the plan states, each with the way to it."""
    plan = spec.training
    yield ("training", "optimizer", plan.optimizer.kind), plan.optimizer
    for i, phase in enumerate(plan.greedy):
        if phase.optimizer is not None:
            yield ("training", "greedy", i, "optimizer", phase.optimizer.kind), phase.optimizer

"""``aespec train --resume RUN``: what of a run goes on, by which plan, and what cannot."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aespec.checkpoint import Checkpoint
from aespec.cli.job import Job, rated, with_rate
from aespec.passes import Limits

if TYPE_CHECKING:
    from aespec.diagnostics import AespecError
    from aespec.plan import TrainingPlan
    from aespec.run import Run
    from aespec.spec import Spec
    from aespec.stages import Stage


def resumed(folder: Path, backend: str | None, rate: float | None, given: dict[str, Any], limits: Limits) -> Job:
    """What goes on in a run's folder, as the options of the command that are given change it.

    Raises:
        click.UsageError: An option is given that nothing may change.
        AespecError: There is no run, none that its checkpoint belongs to, or nothing left to do.
    """
    from aespec.run import open_run, stretches
    from aespec.stages import stages

    run = open_run(folder, finished=False)
    plan = _plan(run, given)
    begin, begun = _place(run)
    way = stages(run.graph, plan)
    _has_more(run, plan, begin, way[begin.stage], given["epochs"])
    begin = begin.moved_on(way)
    phase = plan.which(begin.stage) if way[begin.stage].name else None
    record, held = run.record["data"], run.record["validation"] or {}
    return Job(
        with_rate(run.spec.model_copy(update={"training": plan}), rate, phase),
        run.graph,
        (record["path"] or record["name"]) if given["data"] is None else given["data"],
        record["samples"],
        run.record["backend"] if backend is None else backend,
        folder,
        limits,
        begin,
        stretches(run.record, len(begin.epochs), begun.training.optimizer.learning_rate),
        record["fingerprint"],
        held.get("fingerprint"),
        record["columns"] and tuple(record["columns"]),
        run.scaling,
        recorded=[path for path in (record["path"], held.get("path")) if path],
        otherwise=_otherwise(run.spec.training, plan, begin),
    )


def _plan(run: Run, given: dict[str, Any]) -> TrainingPlan:
    """What a run goes on by: its plan, with what the options change in it; others are refused."""
    plan = run.spec.training
    free = ["epochs", "learning_rate", "backend", *["validation_data"] * bool(plan.validation_data), "data"]
    for name, value in given.items():
        if name not in free and value not in (None, (), []):
            *most, last = (f"'{_option(each)}'" for each in free)
            raise click.UsageError(
                f"'{_option(name)}' cannot be changed in a run that goes on; {', '.join(most)} and {last} can."
            )
    held = run.record["validation"] or {}
    if given["validation_data"] == "":
        raise click.BadParameter("names no file.", param_hint="'--validation-data'")
    if where := given["validation_data"] or held.get("path"):  # the spec may have named it from another folder
        plan = plan.model_copy(update={"validation_data": where})
    if given["epochs"] is not None:
        plan = plan.model_copy(update={"epochs": given["epochs"]})
    return plan


def _option(name: str) -> str:
    """As it is given: the spec is no option."""
    return "SPEC" if name == "spec" else f"--{name.replace('_', '-')}"


def _place(run: Run) -> tuple[Checkpoint, Spec]:
    """Where a run is, and the spec that trained it up to there."""
    from aespec import weights
    from aespec.checkpoint import exists, read
    from aespec.run import is_finished, lost
    from aespec.spec import parse
    from aespec.stages import stages

    if not (is_finished(run.folder) or exists(run.folder) or lost(run.folder)):
        return Checkpoint(), run.spec
    begin = read(run.folder)
    begun = parse(begin.spec) if begin.spec else run.spec  # another, if it went on already
    _same_spec(run, begun)
    weights.check(run.graph, begin.weights)
    return begin.moved_on(stages(run.graph, begun.training)), begun


def _has_more(run: Run, plan: TrainingPlan, begin: Checkpoint, stage: Stage, asked: int | None) -> None:
    """Refuse a plan that nothing is left of, or, where epochs are asked for, less than the stage under way had."""
    from aespec.run import is_finished
    from aespec.shapes import counted
    from aespec.training import stops

    folder, finished, stopping = run.folder, is_finished(run.folder), plan.early_stopping
    whole, reached = [epoch for epoch in begin.epochs if not epoch.phase], len(begin.state.epochs)
    done = len(whole)
    if finished and stopping is not None and stops(whole, stopping):
        raise _not_this_run(
            f"{folder} is finished: it stopped early",
            wanted="a run that its `early_stopping` lets go on",
            got=f"{counted(stopping.patience, 'epoch')} without a better loss, the last of {done:,}",
            help="begin a new run with another `early_stopping`",
        )
    got = f"a plan of {counted(plan.epochs, 'epoch')}" if asked is None else f"`--epochs {asked}`"
    if finished and done >= plan.epochs:
        wanted, help = f"more than {counted(done, 'epoch')} to go on with", f"`--epochs {2 * done}` trains on"
        raise _not_this_run(f"{folder} is finished", wanted=wanted, got=got, help=help)
    if asked is not None and reached > stage.plan.epochs:
        wanted, help = f"at least {counted(reached, 'epoch')}", "without `--epochs` it goes on to the end of its plan"
        raise _not_this_run(f"{folder} is further than that", wanted=wanted, got=got, help=help)


def _same_spec(run: Run, begun: Spec) -> None:
    """Refuse to go on by another spec than the run began with: its file is open to all."""
    from aespec.difference.change import leaves
    from aespec.run import SPEC

    if changed := list(leaves(_settled(begun), _settled(run.spec))):
        raise _not_this_run(
            f"{run.folder / SPEC} has changed since the run began",
            wanted=", ".join(f"`{path}: {before}`" for path, before, _ in changed),
            got=", ".join(f"`{path}: {after}`" for path, _, after in changed),
            help="undo that, or begin a new run with it: `aespec train SPEC -o RUN` with another folder",
        )


def _settled(spec: Spec) -> Spec:
    """A spec without what may be another when its run goes on: what options change, and what no number depends on."""
    plan = rated(spec.training, 1.0)
    greedy = tuple(rated(phase, 1.0) for phase in plan.greedy)
    same = {"epochs": 1, "greedy": greedy, "validation_data": plan.validation_data and "a file"}
    plan = plan.model_copy(update=same)
    return spec.model_copy(update={"name": "", "description": None, "vars": {}, "training": plan})


def _otherwise(before: TrainingPlan, plan: TrainingPlan, begin: Checkpoint) -> str:
    """What is said of a schedule that another number of epochs makes another in the stage under way."""
    import numpy as np

    epochs = begin.state.epochs
    if not epochs:
        return ""
    if epochs[-1].phase:
        phase = plan.greedy[plan.which(begin.stage)]
        old, new = (phase.epochs or each.epochs for each in (before, plan))
    else:
        old, new = before.epochs, plan.epochs
    now = np.array([len(epochs), len(epochs) + 0.5])
    was, will_be = (plan.schedule.factors(now, many, []) for many in (old, new))
    if np.allclose(was, will_be, rtol=1e-9, atol=0):
        return ""
    return f", with the `{plan.schedule.kind}` of {new:,} epochs, no longer that of {old:,}"


def not_overtaken(job: Job) -> None:
    """Refuse to go on from a checkpoint that another process went on from since it was read."""
    from aespec.checkpoint import exists, read
    from aespec.diagnostics import AespecError, Diagnostic
    from aespec.rules import RunBusy
    from aespec.shapes import counted

    if job.begin is None:
        return
    now = read(job.folder).epochs if exists(job.folder) else ()
    if now != job.begin.epochs:
        raise AespecError(
            Diagnostic(
                RunBusy,
                f"another process has trained in {job.folder} meanwhile",
                wanted=f"the checkpoint that was read, after {counted(len(job.begin.epochs), 'epoch')}",
                got=f"one after {counted(len(now), 'epoch')}",
                help="give the same command again: it goes on from there, if anything is left to do",
            )
        )


def _not_this_run(what: str, *, wanted: str, got: str, help: str) -> AespecError:
    from aespec.diagnostics import AespecError, Diagnostic
    from aespec.rules import NotThisRun

    return AespecError(Diagnostic(NotThisRun, what, wanted=wanted, got=got, help=help))

"""``aespec train``: a run, from a spec and data, or from where it was cut off."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from aespec.cli.inputs import Specs, takes_specs
from aespec.cli.job import Job, with_rate
from aespec.cli.options import backend_option, force_option, format_option, rate_option
from aespec.cli.output import announce, json_line, made, warn, writing
from aespec.cli.plan import assignments, plan_options
from aespec.cli.resume import not_overtaken, resumed
from aespec.cli.stdout import Unprinted
from aespec.cli.stopping import ended_softly
from aespec.cli.together import agreed, say_that_it_waits, silent, together
from aespec.files import quoted
from aespec.source.override import Option

if TYPE_CHECKING:
    from aespec.course import Built
    from aespec.data import Dataset
    from aespec.diagnostics import Diagnostic
    from aespec.loggers import Logger, Loggers
    from aespec.spec import Spec


DEFAULT_DATA = "digits"


@click.command()
@takes_specs(several=False, required=False)
@backend_option(help="What to train with: see `aespec backends`.")
@click.option(
    "--data",
    metavar="NAME|FILE",
    help="What to train on: digits, plane, fashion_mnist, mnist, a .npy, .npz, .parquet, .csv or .tsv file, or a "
    "folder of arrays or pictures.  [default: digits]",
)
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Take only the first N samples.")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="The run's folder.  [default: runs/NAME-BACKEND]")
@click.option(
    "--resume",
    type=click.Path(path_type=Path),
    metavar="RUN",
    help="Go on with a run that was cut off, or, with more --epochs, with one that is over.",
)
@click.option("--loss", metavar="KIND", help="The distance between input and reconstruction.")
@rate_option
@plan_options
@click.option("--log", "logs", metavar="NAME", multiple=True, help="Log to tensorboard or mlflow too. Can be repeated.")
@force_option
@click.option("--report/--no-report", default=True, help="End with report.html in the run's folder.  [default: on]")
@click.option("--quiet", is_flag=True, help="Print nothing but what goes wrong.")
@format_option("text", "json", lines=True)
def train(
    specs: Specs,
    backend: str | None,
    data: str | None,
    limit: int | None,
    out: Path | None,
    resume: Path | None,
    loss: str | None,
    learning_rate: float | None,
    logs: tuple[str, ...],
    force: bool,
    report: bool,
    quiet: bool,
    form: str,
    **plan: Any,
) -> None:
    """Train the model of a spec on data.

    Options of the plan are what `training` in a spec may state, in its words, and stand for it.

    The run's folder gets spec.yaml (with every default stated), weights.safetensors, history.csv, run.json and a
    checkpoint after each epoch (of short ones twice a second): `--resume RUN` goes on from it, with another backend
    too. In the end it gets report.html, which shows what the model learnt. The same seed gives the same first weights
    and the same batches on every backend.
    """
    from aespec.loggers import find_logger

    if resume is None:
        job = _new(specs, backend, data, limit, out, loss, learning_rate, plan)
    else:
        if force:
            raise click.UsageError("'--force' begins again, and '--resume' goes on: give one of the two.")
        given = {"loss": loss, "data": data, "limit": limit, "out": out, "spec": specs.paths, "set": specs.overrides}
        job = resumed(resume, backend, learning_rate, {**plan, **given}, specs.limits)
    _run(
        job,
        loggers={name: find_logger(name) for name in logs},
        force=force or resume is not None,
        source=Path(*specs.paths) if specs.paths else None,
        report=report,
        quiet=quiet,
        form=form,
    )


def _new(
    specs: Specs,
    backend: str | None,
    data: str | None,
    limit: int | None,
    out: Path | None,
    loss: str | None,
    rate: float | None,
    plan: dict[str, Any],
) -> Job:
    if not specs.paths:
        raise click.UsageError("Missing argument 'SPEC', or the option '--resume RUN'.")
    if backend is None:
        context = click.get_current_context()
        option = next(each for each in context.command.params if each.name == "backend")
        raise click.MissingParameter(ctx=context, param=option)
    given = [] if loss is None else [Option("--loss", "loss", loss)]
    compiled = specs.setting(*given, *assignments(plan)).only()
    spec = with_rate(compiled.spec, rate)
    folder = out or Path("runs") / f"{spec.name}-{backend}"
    return Job(
        spec,
        compiled.graph,
        DEFAULT_DATA if data is None else data,
        limit,
        backend,
        folder,
        specs.limits,
        chosen=data is not None,
    )


def _going_on(job: Job, loggers: Mapping[str, Logger]) -> dict[str, Logger]:
    """The loggers, and those that a run was logged with before whose logs are in its folder; others are told of."""
    from aespec.diagnostics import AespecError
    from aespec.loggers import LOGGERS, find_logger, logged

    found = dict(loggers)
    for name in logged(job.folder) if job.begin is not None else ():
        why = f"`--log {name}` logs on"
        try:
            if name in found or LOGGERS[name].local:
                found.setdefault(name, find_logger(name))
                continue
        except AespecError as error:
            (problem,) = error.diagnostics
            why = f"{problem.message}: {problem.help}"
        click.echo(f"warning: the run was logged to {name}, and goes on without that ({why})", err=True)
    return found


@contextmanager
def _logged(job: Job, loggers: Mapping[str, Logger], samples: int, built: Built) -> Iterator[Loggers]:
    """Loggers that are told of a run, also where it is stopped."""
    from aespec.loggers import Loggers, forget

    told = Loggers(loggers, warn=lambda text: click.echo(text, err=True))
    if job.begin is None:
        forget(job.folder)
    facts = {
        "backend": job.backend,
        "dtype": built.dtype,
        "data": job.data,
        "samples": samples,
        "parameters": sum(param.size for param in job.graph.params.values()),
        "versions": built.versions,
    }
    told.begin(job.folder, job.spec, facts, job.begin.epochs if job.begin else ())
    try:
        yield told
    except BaseException:
        told.end(None)
        raise


def _run(
    job: Job,
    *,
    loggers: Mapping[str, Logger],
    force: bool,
    source: Path | None,
    report: bool,
    quiet: bool,
    form: str,
) -> None:
    from aespec.backend import team_of
    from aespec.checkpoint import FILE, locked
    from aespec.cli.progress import Progress
    from aespec.course import build
    from aespec.course import train as run_training
    from aespec.held import HELD, TRAINING, VALIDATION
    from aespec.process import own
    from aespec.registry import find_backend
    from aespec.report.report import report_training
    from aespec.run import HISTORY, RECORD, SPEC, WEIGHTS, prepare
    from aespec.shapes import counted
    from aespec.training import split

    plan = job.spec.training
    if not quiet:
        say_that_it_waits()
    own(job.backend, job.graph, plan)
    built = build(job.spec, backend=job.backend, limits=job.limits)
    dataset = _dataset(job)
    _same_data(job.data, dataset, job.fingerprint)
    window = plan.window
    plan = plan.model_copy(update={"window": dataset.window and max(dataset.window, plan.batch_size)})
    job = replace(job, spec=job.spec.model_copy(update={"training": plan}))
    held = _held(job, plan.validation_data, dataset) if plan.validation_data else None
    with ExitStack() as stack:
        stack.enter_context(together(job.folder, job.backend))
        first = team_of(find_backend(job.backend)).rank == 0  # which writes the run, and tells of it
        if not first:
            job = replace(job, folder=Path(stack.enter_context(TemporaryDirectory())))
            loggers, quiet = {}, True
        else:
            loggers = _going_on(job, loggers)
        stack.enter_context(writing(job.folder, None if job.begin is None else "the same command goes on then"))
        stack.enter_context(locked(job.folder))
        agreed(job.backend, _given(job, dataset, held))
        if first:
            not_overtaken(job)
        prepare(job.folder, force=force, source=source)
        samples = len(dataset.inputs)
        trained_on = samples if held is not None else len(split(dataset.inputs, plan.validation_split)[0])
        given = counted(samples)
        if trained_on < samples:
            given = f"{trained_on:,} training and {counted(samples - trained_on, HELD)}"
        measured = "" if held is None else f" and {counted(len(held.inputs), VALIDATION)} of {plan.validation_data}"
        stack.enter_context(_interruptible(job.folder) if first else silent())
        progress = stack.enter_context(Progress(trained_on, plan.batch_size, form=form, quiet=quiet))
        logged = stack.enter_context(_logged(job, loggers, samples, built))
        progress.say(f"{job.spec.name} on {job.backend}, {given} of {job.data}{measured}")
        for note in (*dataset.notes, *_notes(dataset, job.spec, window)):
            progress.note(note)
        if job.begin is not None:
            progress.note(f"goes on after {counted(len(job.begin.epochs), 'epoch')}{job.otherwise}")
        run = run_training(
            job.spec,
            dataset,
            job.folder,
            built,
            validation=held,
            begin=job.begin,
            earlier=job.earlier,
            listeners=[progress, logged],
        )
        logged.end(run.record["final"])
        with _reporting(job.folder):
            page, notes = report_training(run, built.model, dataset, held) if report and first else (None, [])
        for note in notes:
            progress.note(note)
    if form == "json" and not quiet:
        about = {"run": str(job.folder), "backend": job.backend, "data": run.record["data"]["name"]}
        files = [*(job.folder / name for name in (SPEC, WEIGHTS, HISTORY, RECORD, FILE)), page]
        seen = {"part": TRAINING, "samples": trained_on, **made(files, progress.notes)}
        announce(json_line({**about, **seen, "record": run.record}))
    shows = f"{page} shows" if page else f"`aespec reconstruct {quoted(job.folder)}` draws"
    progress.say(f"wrote {job.folder}; {shows} what it learnt")


def _given(job: Job, dataset: Dataset, held: Dataset | None) -> dict[str, Any]:
    """What a job trains, and on what: all processes that train together must have the same."""
    spec = job.spec.to_data()
    spec["training"].pop("validation_data")  # where it lies is its own affair
    return {
        "spec": spec,
        "data": (len(dataset.inputs), dataset.fingerprint),
        "validation data": held and (len(held.inputs), held.fingerprint),
        "checkpoint": job.begin and job.begin.epochs,
    }


def _dataset(job: Job) -> Dataset:
    """What a job trains on; scaled as its run was, or as is found on what its plan trains on."""
    from aespec.data import Scaling, load_for
    from aespec.diagnostics import AespecError
    from aespec.rules import DataShape
    from aespec.training import split

    plan, way = job.spec.training, job.spec.input.scaling
    try:
        whole = load_for(job.spec, job.graph, job.data, "train", plan.dtype, job.columns, job.scaling)
    except AespecError as error:
        if job.begin is not None:
            raise AespecError(*(_moved(each, job, job.data, "--data") for each in error.diagnostics)) from None
        if job.chosen or any(problem.rule is not DataShape for problem in error.diagnostics):
            raise
        help = f"no `--data` is given, and {job.data} is the default: name the data with `--data FILE`"
        raise AespecError(*(replace(problem, help=help) for problem in error.diagnostics)) from None
    data = _limited(whole, job.samples)
    if way is None or data.scaling is not None:
        return data
    fraction = 0.0 if plan.validation_data else plan.validation_split
    seen = split(data.inputs, fraction, data.name)[0]
    return Scaling.fit(seen, way, job.spec.input.range or (0.0, 1.0), data.name).scaled(data, plan.dtype)


def _held(job: Job, name: str, dataset: Dataset) -> Dataset:
    """What a job measures the loss on; what is wrong with it is told of the option of its own, where it is stated."""
    from aespec.data import load_for
    from aespec.diagnostics import AespecError

    given = dataset.columns, dataset.scaling
    try:
        held = load_for(job.spec, job.graph, name, "train", job.spec.training.dtype, *given)
    except AespecError as error:
        place = job.spec.place(("training", "validation_data"))

        def its(problem: Diagnostic) -> Diagnostic:
            help = problem.help and problem.help.replace("--data", "--validation-data")
            return _moved(replace(problem, place=place, help=help), job, name, "--validation-data")

        raise AespecError(*map(its, error.diagnostics)) from None
    _same_data(name, held, job.held)
    return held


def _moved(problem: Diagnostic, job: Job, data: str, option: str) -> Diagnostic:
    """A problem of data, with what to do where a run goes on and there is nothing any more where its data lay."""
    from aespec.rules import DataNotFound

    if problem.rule is not DataNotFound or data not in job.recorded or Path(data).exists():
        return problem
    return replace(problem, help=f"if it has moved, `{option} FILE` says where it is now")


def _same_data(name: str, data: Dataset, fingerprint: str | None) -> None:
    """Refuse to go on with other samples than the run began with."""
    from aespec.diagnostics import AespecError, Diagnostic
    from aespec.rules import NotThisRun

    if fingerprint is not None and data.fingerprint != fingerprint:
        raise AespecError(
            Diagnostic(
                NotThisRun,
                f"{name} has changed since the run began",
                wanted="the samples that the run began with",
                got=f"others, of fingerprint {data.fingerprint[:12]} instead of {fingerprint[:12]}",
                help="bring the data back, or begin a new run",
            )
        )


def _limited(whole: Dataset, limit: int | None) -> Dataset:
    """The first samples only."""
    if limit is None or limit >= len(whole.inputs):
        return whole
    note = f"the first {limit:,} of {len(whole.inputs):,} samples"
    labels = None if whole.labels is None else whole.labels[:limit]
    names = whole.names and whole.names[:limit]
    return replace(
        whole, inputs=whole.inputs[:limit], labels=labels, names=names, limited=True, notes=(*whole.notes, note)
    )


def _notes(dataset: Dataset, spec: Spec, window: int | None) -> Iterator[str]:
    """What the plan asks for and does not get: samples that are held out, where there are too few; a window."""
    from aespec.shapes import counted
    from aespec.training import split

    fraction = spec.training.validation_split
    if fraction and not spec.training.validation_data and not len(split(dataset.inputs, fraction, dataset.name)[1]):
        yield f"no validation: `validation_split: {fraction:g}` of {counted(len(dataset.inputs))} is none"
    if not spec.training.validation_data and _sorted(dataset, fraction):
        yield "the samples that are held out, the last ones, are not of all labels: shuffle the data"
    if window is not None and dataset.window is None:
        yield f"no `window`: {dataset.name} is no file that could stream"


def _sorted(dataset: Dataset, fraction: float) -> bool:
    """Whether the last samples, that fraction of all, lack a label of which there are many; a series has an order."""
    if dataset.labels is None or dataset.windows is not None or not fraction:
        return False
    labels = dataset.labels.astype(str)
    held = labels[len(labels) - round(len(labels) * fraction) :]
    kinds = set(labels)
    return len(held) > 5 * len(kinds) and set(held) != kinds


@contextmanager
def _interruptible(folder: Path) -> Iterator[None]:
    """Let an interruption, a full disk, data or a reader that is gone say what training leaves and how it goes on."""
    from aespec.checkpoint import exists
    from aespec.diagnostics import AespecError
    from aespec.rules import DataNotFound, DataUnreadable
    from aespec.run import UNFINISHED, unwritable

    try:
        with ended_softly():
            yield
    except KeyboardInterrupt:
        if not (folder / UNFINISHED).exists():  # before anything was done, or it is said already
            raise
        raise KeyboardInterrupt(_left(folder)) from None
    except BrokenPipeError:
        warn(f"stopped, for nobody reads what is printed: {_left(folder)}")
        raise
    except Unprinted:
        raise
    except AespecError as error:
        if not exists(folder) or error.diagnostics[0].rule not in (DataNotFound, DataUnreadable):
            raise
        then = _left(folder)
        raise AespecError(
            *(
                replace(problem, help=f"{problem.help}; {then}" if problem.help else then)
                for problem in error.diagnostics
            )
        ) from None
    except OSError as error:
        raise unwritable(folder, error, _left(folder)) from error


@contextmanager
def _reporting(folder: Path) -> Iterator[None]:
    """Let an interruption say that the run is whole, and how it gets its report."""
    try:
        yield
    except KeyboardInterrupt:
        what = f"{folder} is finished; `aespec report {quoted(folder)}` writes its report"
        raise KeyboardInterrupt(what) from None


def _left(folder: Path) -> str:
    """What a training that was stopped has left in its folder, and how it goes on."""
    from aespec.checkpoint import exists, read
    from aespec.run import UNFINISHED
    from aespec.shapes import counted

    if not (folder / UNFINISHED).exists():
        return "the same command tries it again"
    if not exists(folder):
        return f"{folder} has no checkpoint yet; the same command begins again"
    done = counted(len(read(folder).epochs), "epoch")
    return f"{folder} has a checkpoint after {done}; `aespec train --resume {quoted(folder)}` goes on from it"

"""``aespec sweep``: a spec trained under many values of its fields."""

from __future__ import annotations

import hashlib
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aespec.cli.inputs import Specs, takes_specs
from aespec.cli.options import Seed, backend_option, force_option, format_option
from aespec.cli.output import announce, made, pretty, warn, writing
from aespec.cli.stopping import ended_softly, stop_if_asked
from aespec.diagnostics import AespecError, Diagnostic
from aespec.passes import Limits
from aespec.shapes import counted
from aespec.source.override import plain_path
from aespec.sweep import Listener, Sweep, report

if TYPE_CHECKING:
    from aespec.spec import Spec
    from aespec.sweep.cluster import Cluster
    from aespec.sweep.search import Search
    from aespec.sweep.space import Dimension
    from aespec.sweep.trials import Failure, Plan, Result, Trial
    from aespec.sweep.workers import Call, Processes

COUNT = click.IntRange(1)
READ = 2**30
"""Bytes of data that are read to see whether they are what they were: a second's worth."""


@click.command()
@takes_specs(several=False)
@click.option(
    "--vary",
    multiple=True,
    required=True,
    metavar="PATH=VALUES",
    help="What to vary, as in encoder.1.dense.units=16,32,64 or training.batch_size=8..128:log. Can be repeated.",
)
@click.option("--random", "draws", type=COUNT, metavar="N", help="Draw N trials, instead of the whole grid.")
@click.option("--optuna", "proposals", type=COUNT, metavar="N", help="Let Optuna's TPE propose N trials.")
@click.option(
    "--seed",
    type=Seed(),
    metavar="N",
    help="Decides what is drawn or proposed; the seed of training is the spec's.  [default: 0]",
)
@backend_option(required=True, help="What to train with: see `aespec backends`.")
@click.option("--data", default="digits", show_default=True, metavar="NAME|FILE", help="As in `aespec train`.")
@click.option("--limit", type=COUNT, metavar="N", help="Take only the first N samples.")
@click.option(
    "--metric",
    metavar="LOSS",
    help="What decides, less being better: a loss in history.csv.  [default: val_total, without validation total]",
)
@click.option("-o", "--out", type=click.Path(path_type=Path), help="The sweep's folder.  [default: sweeps/NAME]")
@click.option(
    "--jobs", type=COUNT, metavar="N", help="Trials at a time, which share the cores.  [default: one for two cores]"
)
@click.option("--ray", is_flag=True, help="Train on a Ray cluster, which shares the file system.")
@click.option("--ray-address", metavar="ADDRESS", help="The cluster's.  [default: this machine's, or a new one on it]")
@force_option
@click.option("--quiet", is_flag=True, help="Print nothing but what goes wrong.")
@format_option("text", "json")
def sweep(
    specs: Specs,
    vary: tuple[str, ...],
    draws: int | None,
    proposals: int | None,
    seed: int | None,
    backend: str,
    data: str,
    limit: int | None,
    metric: str | None,
    out: Path | None,
    jobs: int | None,
    ray: bool,
    ray_address: str | None,
    force: bool,
    quiet: bool,
    form: str,
) -> None:
    """Train a spec under many values of its fields, and rank them.

    A path is as in `--set`. Its values are a list (16,32,64), or a range (0.1..0.5, or 1e-4..1e-1:log) for --random
    and --optuna. Without those two, each value is tried with each of the others. Everything else is `--set`, as in
    `--set training.epochs=5`. Every spec is checked before the first is trained.

    The folder gets a run for each trial in trials, sweep.csv, and best.yaml, the best trial's spec. The same command
    goes on with a sweep that was cut off.
    """
    from aespec.checkpoint import locked
    from aespec.launchers import need_alone
    from aespec.sweep.folder import BEST, TABLE, begin
    from aespec.sweep.search import TPE, Fixed, corners, grid, random
    from aespec.sweep.trials import Planner, compiled, notes
    from aespec.sweep.trials import metric as decide

    need_alone("sweep")
    if draws and proposals:
        raise click.UsageError("'--random' and '--optuna' are two searches; give one.")
    if seed is not None and not draws and not proposals:
        raise click.UsageError(
            "A grid draws nothing that '--seed' decides; '--set training.seed=N' is that of training."
        )
    if ray_address and not ray:
        raise click.UsageError("'--ray-address' goes with '--ray'.")
    space = _space(vary)
    paths = [dimension.path for dimension in space]
    planner = Planner(lambda values: specs.setting(*values).only().pair)
    points = corners(space) if proposals else random(space, draws, seed or 0) if draws else grid(space)
    plans = compiled(points, planner, numbered=not proposals)
    metric = decide(plans, metric)
    _varied_in_vain(paths, specs, [plan.spec for plan in plans])
    _known(backend, data, plans[0])
    name = "optuna" if proposals else "random" if draws else "grid"
    command: dict[str, Any] = {"search": name, "vary": [*map(str, space)], "backend": backend, "data": data}
    command |= {"digest": _digest(data), "limit": limit, "seed": seed or 0}
    if held := _held(plans):
        command["validation"] = {file: _digest(file) for file in held}
    folder = out or Path("sweeps") / plans[0].spec.name
    workers = _workers(jobs, None if proposals else len(plans), ray, ray_address)
    search: Search = Fixed(points)
    if proposals:
        search = TPE(space, proposals, seed or 0, workers.at_once)
        command |= {"metric": metric, "jobs": workers.at_once}
    with ExitStack() as stack:
        stack.enter_context(writing(folder))
        stack.enter_context(locked(folder))
        course = Sweep(folder, begin(folder, command, force=force), planner, metric)
        stack.enter_context(workers)
        progress = stack.enter_context(_Progress(course, proposals or len(points), talk=form == "text" and not quiet))
        progress.say(f"{plans[0].spec.name} on {backend} with {data}: {name}, {workers.at_once} at a time")
        on = GOES_ON.format("the same command without `--force`" if force else "the same command")
        with writing(folder, f"it {on}"), _interruptible(f"{folder} {on}"):
            try:
                course.run(search, workers, _caller(specs, backend, data, limit), progress)
                progress.note()
            except (KeyboardInterrupt, BrokenPipeError):
                report.write(folder, course.ranked, paths, metric)
                raise
        report.write(folder, course.ranked, paths, metric)
    said = notes(plans, metric)
    if form == "json" and not quiet:
        files = [path for path in (folder / TABLE, folder / BEST) if path.is_file()]
        about = {"sweep": str(folder), "backend": backend, "data": data, **made(files), "notes": said}
        announce(pretty({**about, **report.as_json(folder, course.ranked, metric)}))
    progress.say("\n".join([report.as_table(course.ranked, paths, metric), *(f"  {note}" for note in said)]))
    best = course.ranked[0]
    if not best.failure:
        again = shlex.join(["aespec", "train", str(folder / BEST), *_given(backend, data, limit)])
        progress.say(f"wrote {folder}; `{again}` trains the best, trial {best.trial.name}")
    elif form == "json":
        raise click.exceptions.Exit(1)
    else:
        raise AespecError(*_problems(course.ranked))


def train_trial(call: Call) -> Failure | None:
    """Call ``aespec train``, in a process that may have more to do; what goes wrong in it is given back."""
    from aespec.cli.train import train
    from aespec.rules import TrialFailed
    from aespec.sweep.trials import Failure

    try:
        with train.make_context("train", ["--quiet", *call]) as context:
            train.invoke(context)
    except AespecError as error:
        return Failure.of(*error.diagnostics)
    except Exception as error:  # whatever a framework raises, the other trials go on
        got = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        help = f"`aespec train {shlex.join(call)}` trains it alone"
        return Failure.of(Diagnostic(TrialFailed, "the backend could not train it", None, "a trained model", got, help))
    return None


def _space(vary: Sequence[str]) -> list[Dimension]:
    """What is varied.

    Raises:
        AespecError: Some of it cannot be read, or varies what another does; all of that is told.
    """
    from aespec.rules import BadSweep
    from aespec.sweep.space import read

    space: list[Dimension] = []
    problems: list[Diagnostic] = []
    for text in vary:
        try:
            dimension = read(text)
        except AespecError as error:
            problems += error.diagnostics
            continue
        if plain_path(dimension.path) in (plain_path(other.path) for other in space):
            help = f"give all its values at once, as in `--vary {dimension.path}=1,2,3`"
            problems.append(Diagnostic(BadSweep, f"`{dimension.path}` is varied twice", help=help))
        space.append(dimension)
    if problems:
        raise AespecError(*problems)
    return space


def _varied_in_vain(paths: Sequence[str], specs: Specs, trials: Sequence[Spec]) -> None:
    """Refuse to vary what `--set` sets as well, and a variable that nothing uses.

    Raises:
        AespecError: Something is varied so.
    """
    from aespec.rules import BadSweep

    problems = []
    set_already = {plain_path(each.partition("=")[0]) for each in specs.overrides if isinstance(each, str)}
    for path in paths:
        if plain_path(path) in set_already:
            help = f"take `{path}=...` away, or do not vary it"
            problems.append(Diagnostic(BadSweep, f"`{path}` is varied, and set as well", help=help))
        name, sources = path.removeprefix("vars."), [spec.source for spec in trials if spec.source]
        if name != path and not any(source.values.get(("vars", name)) in source.used for source in sources):
            what = f"`{path}` is varied, but nothing in the spec uses that variable"
            problems.append(Diagnostic(BadSweep, what, help=f"write `${{{name}}}` where it is to stand"))
    if problems:
        raise AespecError(*problems)


def _known(backend: str, data: str, plan: Plan) -> None:
    """Refuse a backend or data that are nowhere, without importing or reading those that are.

    Raises:
        AespecError: There is none of that name.
    """
    from aespec.data import load_for
    from aespec.registry import backend_names, find_backend

    if backend not in backend_names():
        find_backend(backend)
    if not _is_there(data):
        load_for(plan.spec, plan.graph, data, "train", plan.spec.training.dtype)


def _held(plans: Sequence[Plan]) -> list[str]:
    """What the loss of some trials is measured on, where those are samples of their own.

    Raises:
        AespecError: It is nowhere.
    """
    from aespec.data import load_for

    named = {plan.spec.training.validation_data: plan for plan in plans}
    problems: list[Diagnostic] = []
    for name, plan in named.items():
        if name is None or _is_there(name):
            continue
        try:
            load_for(plan.spec, plan.graph, name, "train", plan.spec.training.dtype)
        except AespecError as error:
            place, option = plan.spec.place(("training", "validation_data")), "`--set training.validation_data=FILE`"
            problems += [
                replace(each, place=place, help=each.help and each.help.replace("`--data`", option))
                for each in error.diagnostics
            ]
    if problems:
        raise AespecError(*problems)
    return sorted(name for name in named if name is not None)


def _is_there(data: str) -> bool:
    """Whether there is data of that name."""
    from aespec.data import DATASETS

    return data in DATASETS or Path(data).expanduser().exists()


def _digest(data: str) -> str | None:
    """A digest of data that is in files: of their names and sizes, and of what is in them unless that is very much."""
    from aespec.data import DATASETS

    path = Path(data).expanduser()
    if data in DATASETS:
        return None
    files = sorted(file for file in (path.rglob("*") if path.is_dir() else [path]) if file.is_file())
    much = sum(file.stat().st_size for file in files) > READ
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.relative_to(path)} {file.stat().st_size} ".encode())
        if not much:
            with file.open("rb") as opened:
                digest.update(hashlib.file_digest(opened, "sha256").digest())
    return digest.hexdigest()


def _workers(jobs: int | None, trials: int | None, ray: bool, address: str | None) -> Processes | Cluster:
    """Who trains: processes, as many as there is work and room for, or a cluster."""
    from aespec.process import cores
    from aespec.sweep.workers import Processes

    if ray:
        from aespec.sweep.cluster import Cluster

        return Cluster(train_trial, jobs, address)
    at_once = jobs or max(cores() // 2, 1)
    return Processes(train_trial, min(at_once, trials or at_once))


def _caller(specs: Specs, backend: str, data: str, limit: int | None) -> Callable[[Trial], Call]:
    """The call of ``aespec train`` for a trial: it begins, or goes on with what was cut off."""
    sizes = []
    if specs.limits != Limits():
        sizes = [f"--max-parameters={specs.limits.parameters}", f"--max-activations={specs.limits.activations}"]

    def call(trial: Trial) -> Call:
        if trial.begun:
            return "--resume", str(trial.folder), *sizes
        here = ("--out", str(trial.folder), "--force")
        return str(trial.spec_file), *_given(backend, data, limit), *here, *sizes

    return call


def _given(backend: str, data: str, limit: int | None) -> list[str]:
    """How all trials are trained, as `aespec train` has it."""
    return ["--backend", backend, "--data", data, *(["--limit", str(limit)] if limit else [])]


GOES_ON = "keeps what it has; {} goes on with it"
"""What can be done with the folder of a sweep that was stopped."""


@contextmanager
def _interruptible(on: str) -> Iterator[None]:
    """Let an interruption, or a request to end, say how to go on."""
    try:
        with ended_softly():
            yield
    except KeyboardInterrupt:
        click.echo("\nwaiting for checkpoints to be written; Ctrl-C again does not wait", err=True)
        raise KeyboardInterrupt(on) from None
    except BrokenPipeError:
        warn(f"stopped, for nobody reads what is printed: {on}")
        raise


class _Progress(Listener):
    """Tells of a sweep: a line for each trial that ends, and on a terminal a bar below them."""

    def __init__(self, course: Sweep, expected: int, *, talk: bool) -> None:
        self.course, self.expected, self.talk = course, expected, talk
        self.finished = self.repeated = 0
        self.bar: Any = None

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.close()

    def say(self, text: str) -> None:
        """Print a line, where lines are wanted."""
        if self.talk:
            if self.bar is not None:
                self.bar.clear()
            announce(text)

    def note(self) -> None:
        """Say what was not trained since this was last said."""
        if self.finished:
            self.say(f"  {counted(self.finished, 'trial')} ended before")
        if self.repeated:
            self.say(f"  {counted(self.repeated, 'trial')} repeated another")
        self.finished = self.repeated = 0

    def begin(self, trials: Sequence[Trial], finished: int, repeated: int) -> None:
        """See `Listener.begin`."""
        stop_if_asked()
        self.finished += finished
        self.repeated += repeated
        if not trials:
            return
        self.note()
        if self.talk and sys.stderr.isatty() and self.bar is None:
            from tqdm import tqdm

            form = "{desc} {bar:20} {n_fmt}/{total_fmt} [{elapsed}, {remaining} left]"
            self.bar = tqdm(total=self.expected, desc="trials", leave=False, dynamic_ncols=True, bar_format=form)
        self._draw()

    def end(self, result: Result) -> None:
        """See `Listener.end`."""
        values = ", ".join(f"{name}={value}" for name, value in zip(*report.shown(result.trial.point), strict=True))
        came = f"failed: {result.failure}" if result.failure else f"{self.course.metric} {result.value:.6f}"
        self.say(f"trial {result.trial.name}  {came}  {result.seconds:.1f} s  {values}")
        self._draw()

    def _draw(self) -> None:
        if self.bar is not None:
            self.bar.n = len(self.course.results)
            self.bar.refresh()


def _problems(found: Sequence[Result]) -> list[Diagnostic]:
    """What went wrong in trials, each problem once."""
    problems = [problem for result in found for problem in (result.failure.diagnostics if result.failure else [])]
    return [*{(problem.rule, problem.message, problem.got): problem for problem in problems}.values()]

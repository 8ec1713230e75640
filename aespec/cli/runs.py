"""``aespec train`` and ``aespec reconstruct``: runs, from a spec and data to a picture."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aespec.cli.inputs import Specs, takes_specs
from aespec.cli.options import backend_option, dtype_option, force_option, format_option, seed_option
from aespec.cli.output import echo_json, writing

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from aespec.data import Dataset
    from aespec.graph import Graph
    from aespec.run import Run
    from aespec.spec import Spec
    from aespec.training import Epoch

    Array = NDArray[np.floating[Any]]

POSITIVE = click.IntRange(1)


def _png(_: click.Context, __: click.Parameter, path: Path | None) -> Path | None:
    if path is not None and path.suffix.lower() != ".png":
        raise click.BadParameter(f"the picture is a PNG: '{path}' does not end in .png.")
    return path


@click.command()
@takes_specs(several=False)
@backend_option(required=True, help="What to train with: see `aespec backends`.")
@click.option(
    "--data",
    default="digits",
    show_default=True,
    metavar="NAME|FILE",
    help="What to train on: digits, fashion_mnist, mnist, or a .npy or .npz file.",
)
@click.option("--limit", type=POSITIVE, metavar="N", help="Take only the first N samples.")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="The run's folder.  [default: runs/NAME-BACKEND]")
@click.option("--epochs", type=POSITIVE, metavar="N", help="Instead of the spec's.")
@click.option("--batch-size", type=POSITIVE, metavar="N", help="Instead of the spec's.")
@click.option("--learning-rate", type=click.FloatRange(0, min_open=True), metavar="X", help="Instead of the spec's.")
@click.option(
    "--validation-split", type=click.FloatRange(0, 1, max_open=True), metavar="X", help="Instead of the spec's."
)
@seed_option
@dtype_option
@force_option
@click.option("--quiet", is_flag=True, help="Print nothing but what goes wrong.")
@format_option("text", "json")
def train(
    specs: Specs,
    backend: str,
    data: str,
    limit: int | None,
    out: Path | None,
    learning_rate: float | None,
    dtype: str,
    force: bool,
    quiet: bool,
    form: str,
    **plan: float | None,
) -> None:
    """Train the model of a spec on data.

    The run's folder gets spec.yaml (with every default stated), weights.safetensors, history.csv and run.json. The
    same seed gives the same first weights and the same batches on every backend.
    """
    from aespec.run import build, prepare
    from aespec.run import train as run_training
    from aespec.training import counted

    compiled = specs.setting(**plan).only()
    spec = _with_rate(compiled.spec, learning_rate)
    built = build(spec, backend=backend, dtype=dtype, limits=specs.limits)
    dataset = _limited(_load(data, compiled.graph, spec, "train", dtype), limit)
    folder = out or Path("runs") / f"{spec.name}-{backend}"
    prepare(folder, force=force, source=Path(compiled.path))
    talk = not quiet and form == "text"
    progress = _Progress(spec.training.epochs, len(dataset.inputs), talk=talk)
    progress.say(f"{spec.name} on {backend}, {counted(len(dataset.inputs))} of {data}")
    for note in (*dataset.notes, *_split_notes(dataset, spec.training.validation_split)):
        progress.say(f"  {note}")
    epochs: list[Epoch] = []

    def on_epoch(epoch: Epoch) -> None:
        epochs.append(epoch)
        progress.epoch(epoch)

    with writing(folder), _interruptible(folder, epochs), progress:
        run = run_training(spec, dataset, folder, built, on_epoch=on_epoch, tick=progress.tick)
    if form == "json":
        echo_json({"folder": str(folder), **run.record, "epochs": [asdict(epoch) for epoch in epochs]})
    progress.say(f"wrote {folder}; `aespec reconstruct {folder}` draws what it learnt")


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "-n",
    "count",
    type=click.IntRange(1, 100),
    default=10,
    show_default=True,
    metavar="N",
    help="How many samples to draw.",
)
@click.option("--data", metavar="NAME|FILE", help="Other data than that of the run.")
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    callback=_png,
    help="The picture, a .png.  [default: RUN/reconstructions.png]",
)
@backend_option(help="Compute with another backend than that of the run.")
def reconstruct(run: Path, count: int, data: str | None, out: Path | None, backend: str | None) -> None:
    """Draw what a trained model makes of some samples.

    RUN is the folder of a run. The picture, a PNG, has samples that the model was not trained on in its upper row, and
    their reconstructions below: the test set, where the data has one, else what was held out for validation. Where
    nothing was held out, that is said.
    """
    from aespec.picture import reconstructions
    from aespec.run import open_run
    from aespec.training import counted, fits

    found = open_run(run)
    name = data or found.record["data"]["name"]
    drawn, what, note = _drawn(found, data)
    samples = drawn[:count]
    fits(found.graph, samples, name)
    restored = found.model(backend).reconstruct(samples)
    path = out or run / "reconstructions.png"
    with writing(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        reconstructions(samples, restored, path, title=f"{found.spec.name}, trained with {found.record['backend']}")
    error = float(((restored - samples) ** 2).mean())
    click.echo(f"{path}: {counted(len(samples), what)} of {name}{note}, mean squared error {error:.4g}")


def _drawn(run: Run, other: str | None) -> tuple[Array, str, str]:
    """Samples that a run was not trained on, where there are any; what each is, and what is to be said of all."""
    given = run.record["data"]

    def part(split: Any) -> Dataset:
        return _load(other or given["path"] or given["name"], run.graph, run.spec, split, run.record["dtype"])

    test = part("test")
    if other is None and test.path and not run.trained_on(test if test.whole else part("train")):
        click.echo(f"warning: {given['name']} has changed since the run was trained on it", err=True)
        other = given["name"]
    if not test.whole:
        return test.inputs, "test sample", ""
    if other is not None and not run.trained_on(test):
        return test.inputs, "sample", ""
    unseen = run.unseen(test.inputs)
    if len(unseen):
        return unseen, "held-out sample", ""
    return test.inputs, "training sample", " (nothing was held out)"


def _with_rate(spec: Spec, rate: float | None) -> Spec:
    """The spec with another learning rate in its optimizer, whichever that is."""
    if rate is None:
        return spec
    if not isfinite(rate):
        raise click.BadParameter(f"{rate} is no learning rate.", param_hint="--learning-rate")
    optimizer = spec.training.optimizer.model_copy(update={"learning_rate": rate})
    return spec.model_copy(update={"training": spec.training.model_copy(update={"optimizer": optimizer})})


def _load(name: str, graph: Graph, spec: Spec, split: Any, dtype: str) -> Dataset:
    from aespec import data

    unit = graph.loss.within_unit
    return data.load(name, shape=graph.sample_shape, range=spec.input.range, split=split, dtype=dtype, within_unit=unit)


def _limited(whole: Dataset, limit: int | None) -> Dataset:
    """The first samples only."""
    if limit is None or limit >= len(whole.inputs):
        return whole
    note = f"the first {limit:,} of {len(whole.inputs):,} samples"
    labels = None if whole.labels is None else whole.labels[:limit]
    return replace(whole, inputs=whole.inputs[:limit], labels=labels, notes=(*whole.notes, note))


def _split_notes(dataset: Dataset, fraction: float) -> Iterator[str]:
    """That nothing is held out, where the spec asks for it and there are too few samples."""
    from aespec.training import counted, split

    if fraction and not len(split(dataset.inputs, fraction, dataset.name)[1]):
        yield f"no validation: `validation_split: {fraction:g}` of {counted(len(dataset.inputs))} is none"


@contextmanager
def _interruptible(folder: Path, epochs: Sequence[Epoch]) -> Iterator[None]:
    """Let an interruption say what it leaves and how to go on."""
    from aespec.run import UNFINISHED
    from aespec.training import counted

    try:
        yield
    except KeyboardInterrupt:
        if not (folder / UNFINISHED).exists():
            raise
        raise KeyboardInterrupt(
            f"{folder} has the history of {counted(len(epochs), 'epoch')} and no weights; "
            "the same command starts again from the beginning"
        ) from None


class _Progress:
    """A line for each epoch, and on a terminal a bar below them that grows."""

    WIDTH = 30

    def __init__(self, epochs: int, samples: int, *, talk: bool) -> None:
        self.epochs, self.samples, self.talk = epochs, samples, talk
        self.bar = talk and self.on_terminal()
        self.shown = ""

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self._draw("")

    @staticmethod
    def on_terminal() -> bool:
        """Whether there is a terminal to draw a bar on."""
        return sys.stderr.isatty()

    def say(self, text: str) -> None:
        """Print a line, unless nothing is to be printed."""
        if self.talk:
            click.echo(text)

    def tick(self, epoch: int, done: int) -> None:
        """Show how far an epoch is."""
        filled = min(done * self.WIDTH // self.samples, self.WIDTH)
        self._draw(f"epoch {epoch}/{self.epochs} [{'#' * filled}{'-' * (self.WIDTH - filled)}]")

    def epoch(self, epoch: Epoch) -> None:
        """Say what an epoch came to."""
        self._draw("")
        held = f"  validation {epoch.validation['total']:.6f}" if epoch.validation else ""
        number = f"{epoch.number:>{len(str(self.epochs))}}/{self.epochs}"
        self.say(f"epoch {number}  loss {epoch.losses['total']:.6f}{held}  {epoch.seconds:.1f} s")

    def _draw(self, text: str) -> None:
        if self.bar and text != self.shown:
            click.echo(f"\r\x1b[K{text}", nl=False, err=True, color=True)
            self.shown = text

"""``aespec train`` and ``aespec reconstruct``: runs, from a spec and data to a picture."""

from __future__ import annotations

import sys
from dataclasses import asdict, replace
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aespec.cli.inputs import Specs, takes_specs
from aespec.cli.options import backend_option, dtype_option, force_option, format_option, seed_option
from aespec.cli.output import echo_json, writing

if TYPE_CHECKING:
    from aespec.data import Dataset
    from aespec.graph import Graph
    from aespec.spec import Spec
    from aespec.training import Epoch

POSITIVE = click.IntRange(1)


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
    from aespec.registry import find_backend
    from aespec.run import prepare
    from aespec.run import train as run_training

    compiled = specs.setting(**plan).compiled()[0]
    spec = _with_rate(compiled.spec, learning_rate)
    find_backend(backend)
    dataset = _load(data, compiled.graph, spec, "train", limit, dtype)
    folder = out or Path("runs") / f"{spec.name}-{backend}"
    prepare(folder, force=force)
    talk = not quiet and form == "text"
    progress = _Progress(spec.training.epochs, len(dataset.inputs), talk=talk)
    progress.say(f"{spec.name} on {backend}, {len(dataset.inputs):,} samples of {data}")
    for note in dataset.notes:
        progress.say(f"  {note}")
    epochs: list[Epoch] = []

    def on_epoch(epoch: Epoch) -> None:
        epochs.append(epoch)
        progress.epoch(epoch)

    with writing(folder), progress:
        run = run_training(
            spec,
            dataset,
            folder,
            backend=backend,
            dtype=dtype,
            limits=specs.limits,
            on_epoch=on_epoch,
            tick=progress.tick,
        )
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
@click.option("-o", "--out", type=click.Path(path_type=Path), help="The picture.  [default: RUN/reconstructions.png]")
@backend_option(help="Compute with another backend than that of the run.")
def reconstruct(run: Path, count: int, data: str | None, out: Path | None, backend: str | None) -> None:
    """Draw what a trained model makes of some samples.

    RUN is the folder of a run. The picture, a PNG, has samples that the model was not trained on (the test set, where
    the data has one) in its upper row, and their reconstructions below.
    """
    from aespec.picture import reconstructions
    from aespec.run import open_run
    from aespec.training import fits

    found = open_run(run)
    name = data or found.record["data"]["name"]
    samples = _load(name, found.graph, found.spec, "test", count, found.record["dtype"]).inputs
    fits(found.graph, samples)
    restored = found.model(backend).reconstruct(samples)
    path = out or run / "reconstructions.png"
    with writing(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        reconstructions(samples, restored, path, title=f"{found.spec.name}, trained with {found.record['backend']}")
    error = float(((restored - samples) ** 2).mean())
    click.echo(f"{path}: {len(samples)} samples of {name}, mean squared error {error:.4g}")


def _with_rate(spec: Spec, rate: float | None) -> Spec:
    """The spec with another learning rate in its optimizer, whichever that is."""
    if rate is None:
        return spec
    if not isfinite(rate):
        raise click.BadParameter(f"{rate} is no learning rate.", param_hint="--learning-rate")
    optimizer = spec.training.optimizer.model_copy(update={"learning_rate": rate})
    return spec.model_copy(update={"training": spec.training.model_copy(update={"optimizer": optimizer})})


def _load(name: str, graph: Graph, spec: Spec, split: Any, limit: int | None, dtype: str) -> Dataset:
    from aespec import data

    whole = data.load(name, shape=graph.sample_shape, range=spec.input.range, split=split, dtype=dtype)
    if limit is None or limit >= len(whole.inputs):
        return whole
    note = f"the first {limit:,} of {len(whole.inputs):,} samples"
    labels = None if whole.labels is None else whole.labels[:limit]
    return replace(whole, inputs=whole.inputs[:limit], labels=labels, notes=(*whole.notes, note))


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

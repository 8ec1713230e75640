"""``aespec reconstruct``: what a run learnt, as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aespec.cli.options import backend_option
from aespec.cli.output import writing

if TYPE_CHECKING:
    from aespec.data import Dataset
    from aespec.data.streams import Samples
    from aespec.graph import Graph
    from aespec.run import Run
    from aespec.spec import Spec


POSITIVE = click.IntRange(1)


def _png(_: click.Context, __: click.Parameter, path: Path | None) -> Path | None:
    if path is not None and path.suffix.lower() != ".png":
        raise click.BadParameter(f"the picture is a PNG: '{path}' does not end in .png.")
    return path


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
    import numpy as np

    from aespec.picture import reconstructions
    from aespec.run import open_run
    from aespec.shapes import counted
    from aespec.training import fits

    found = open_run(run)
    name = data or found.record["data"]["name"]
    drawn, what, note = _drawn(found, data)
    samples = np.asarray(drawn[:count])
    fits(found.graph, samples, name)
    restored = found.model(backend).reconstruct(samples)
    path = out or run / "reconstructions.png"
    with writing(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        reconstructions(samples, restored, path, title=f"{found.spec.name}, trained with {found.record['backend']}")
    error = float(((restored - samples) ** 2).mean())
    click.echo(f"{path}: {counted(len(samples), what)} of {name}{note}, mean squared error {error:.4g}")


def _drawn(run: Run, other: str | None) -> tuple[Samples, str, str]:
    """Samples that a run was not trained on, where there are any; what each is, and what is to be said of all."""
    given = run.record["data"]

    def part(split: Any) -> Dataset:
        return load_data(other or given["path"] or given["name"], run.graph, run.spec, split, run.record["dtype"])

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


def load_data(name: str, graph: Graph, spec: Spec, split: Any, dtype: str) -> Dataset:
    """A part of some data, fitted to a spec's input."""
    from aespec import data

    return data.load(
        name,
        shape=graph.sample_shape,
        range=spec.input.range,
        split=split,
        dtype=dtype,
        within_unit=graph.loss.within_unit,
        window=spec.training.window,
    )

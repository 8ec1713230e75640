"""``aespec reconstruct``: what a run learnt, as a picture."""

from __future__ import annotations

from pathlib import Path

import click

from aespec.cli.options import picture_option
from aespec.cli.output import writing
from aespec.cli.trained import Trained, takes_run


@click.command()
@takes_run
@click.option(
    "-n",
    "count",
    type=click.IntRange(1, 100),
    default=10,
    show_default=True,
    metavar="N",
    help="How many samples to draw.",
)
@picture_option("reconstructions.png")
def reconstruct(trained: Trained, count: int, out: Path | None) -> None:
    """Draw what a trained model makes of some samples.

    RUN is the folder of a run. The picture, a PNG, has samples that the model was not trained on in its upper row, and
    their reconstructions below: the test set, where the data has one, else what was held out for validation. Where
    nothing was held out, that is said.
    """
    import numpy as np

    from aespec.picture import reconstructions
    from aespec.shapes import counted

    run, shown = trained.run, trained.unseen
    samples = np.asarray(shown.inputs[:count])
    restored = trained.model.reconstruct(samples)
    path = out or trained.folder / "reconstructions.png"
    with writing(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        reconstructions(samples, restored, path, title=f"{run.spec.name}, trained with {run.record['backend']}")
    error = float(((restored - samples) ** 2).mean())
    what = counted(len(samples), shown.what)
    click.echo(f"{path}: {what} of {trained.name}{shown.note}, mean squared error {error:.4g}")

"""``aespec report``: what a run was and what it learnt, as a page."""

from __future__ import annotations

from pathlib import Path

import click

from aespec.cli.options import file_option, format_option
from aespec.cli.output import echo_json, ready
from aespec.cli.trained import Trained, takes_run


@click.command()
@takes_run
@file_option("-o", "--out", suffixes=(".html", ".htm"), help="The page, an .html.  [default: RUN/report.html]")
@format_option("text", "json")
def report(trained: Trained, out: Path | None, form: str) -> None:
    """Write a page that shows what a run was and what it learnt.

    RUN is the folder of a run. The page is one file that opens without a network: the model, its loss curves,
    reconstructions, a map of its codes that shows the sample under the pointer, the errors, samples of a variational
    model, the spec, and how to train it again. `aespec train` ends with it; this makes it anew, with other data or
    under another name. It looks at 500 samples that the model was not trained on, where there are any, and at 500 that
    it was trained on.
    """
    from numpy.random import default_rng

    from aespec.data.streams import chosen
    from aespec.report.parts import SAMPLES
    from aespec.report.report import write
    from aespec.run import REPORT

    path = ready(out or trained.run.folder / REPORT)
    for shown in (trained.data.training, trained.data.unseen):
        trained.tell_of(shown)
    missing = write(trained.run, path, data=trained.data, model=trained.model)
    notes = [f"left out: {why}" for why in missing]
    if form == "json":
        shown = trained.unseen
        seen = chosen(shown.inputs, SAMPLES, default_rng(0))
        echo_json(trained.about(shown, len(seen), files=[path], notes=notes))
        return
    for note in notes:
        click.echo(note)
    click.echo(f"wrote {path}")

"""``aespec encode``: the codes of data, as a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aespec.cli.options import TABLES, file_option, format_option
from aespec.cli.output import echo_json, writing
from aespec.cli.trained import Trained, takes_run

if TYPE_CHECKING:
    from aespec.data import Dataset
    from aespec.data.files import Split


@click.command()
@takes_run
@file_option("-o", "--out", suffixes=TABLES, required=True, help="Where to write the codes: a .csv, .parquet or .npy.")
@click.option(
    "--split",
    type=click.Choice(["train", "test"]),
    default="train",
    show_default=True,
    help="Which part of the data, where it has parts.",
)
@format_option("text", "json")
def encode(trained: Trained, out: Path, split: Split, form: str) -> None:
    """Write the codes of data, to be used as features.

    RUN is the folder of a run. A .csv or .parquet has a row for each sample and a column for each number of its code,
    behind the file of a picture, the label, and the step that a window of a series begins with, where those are
    known. A window's label is the highest of its steps', 1 if a step is an anomaly; where labels are names it is the
    one that all steps have, else none. A .npy has the codes in their own shape. Data of any size streams through the
    encoder. A file that is there already is written over.
    """
    import numpy as np

    from aespec.held import Shown
    from aespec.shapes import counted, show_shape
    from aespec.uses.encoding import write_codes

    data = trained.data.part(split)
    beside: dict[str, Any] = {}
    if data.names is not None:
        beside["file"] = np.asarray(data.names)
    if data.labels is not None:
        beside["label"] = data.labels
    if data.windows is not None:
        beside["start"] = data.windows.starts
    with writing(out.parent):
        shape = write_codes(trained.model, data.inputs, out, beside)
    if form == "json":
        shown = Shown(data, _what(trained, data, split))
        echo_json({**trained.about(shown, len(data.inputs), files=[out], notes=data.notes), "shape": list(shape)})
        return
    part = "" if data.whole else f" ({split})"
    click.echo(f"{out}: the codes of {counted(len(data.inputs))} of {trained.name}{part}, {show_shape(shape)}")


def _what(trained: Trained, data: Dataset, split: Split) -> str:
    """What each sample of a part of the data is to the run; where it saw some and held out others, just a sample."""
    from aespec.held import SAMPLE, TEST, TRAINING

    if split == "test" and not data.whole:
        return TEST
    saw_all = trained.run.trained_on(data) and len(trained.run.seen(data.inputs)) == len(data.inputs)
    return TRAINING if saw_all else SAMPLE

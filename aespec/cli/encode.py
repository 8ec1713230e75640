"""``aespec encode``: the codes of data, as a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from aespec.cli.options import TABLES, file_option, format_option, split_option
from aespec.cli.output import echo_json, writing
from aespec.cli.trained import Trained, takes_run

if TYPE_CHECKING:
    from aespec.data.files import Split


@click.command()
@takes_run
@file_option("-o", "--out", suffixes=TABLES, required=True, help="Where to write the codes: a .csv, .parquet or .npy.")
@split_option
@format_option("text", "json")
def encode(trained: Trained, out: Path, split: Split | None, form: str) -> None:
    """Write the codes of data, to be used as features.

    RUN is the folder of a run. A .csv or .parquet has a row for each sample and a column for each number of its code,
    behind the file of a picture, the label, and the step that a window of a series begins with, where those are
    known. A window's label is the highest of its steps', 1 if a step is an anomaly; where labels are names it is the
    one that all steps have, else none. A .npy has the codes in their own shape. Data of any size streams through the
    encoder. A file that is there already is written over.
    """
    from aespec.shapes import counted, show_shape
    from aespec.uses.encoding import known_of, write_codes

    shown = trained.part(split or "train")
    data = shown.data
    with writing(out.parent):
        shape = write_codes(trained.model, data.inputs, out, known_of(data))
    if form == "json":
        echo_json({**trained.about(shown, len(data.inputs), files=[out], notes=data.notes), "shape": list(shape)})
        return
    part = "" if data.whole else f" ({split or 'train'})"
    click.echo(f"{out}: the codes of {counted(len(data.inputs))} of {trained.name}{part}, {show_shape(shape)}")

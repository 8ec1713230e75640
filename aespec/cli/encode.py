"""``aespec encode``: the codes of data, as a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from aespec.cli.options import format_option
from aespec.cli.output import echo_json, writing
from aespec.cli.trained import Trained, takes_run


def _table(_: click.Context, __: click.Parameter, path: Path) -> Path:
    from aespec.data.export import SUFFIXES

    if path.suffix not in SUFFIXES:
        raise click.BadParameter(f"'{path}' does not end in {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}.")
    return path


@click.command()
@takes_run
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    callback=_table,
    required=True,
    help="Where to write the codes: a .csv, .parquet or .npy.",
)
@click.option(
    "--split",
    type=click.Choice(["train", "test"]),
    default="train",
    show_default=True,
    help="Which part of the data, where it has parts.",
)
@format_option("text", "json")
def encode(trained: Trained, out: Path, split: str, form: str) -> None:
    """Write the codes of data, to be used as features.

    RUN is the folder of a run. A .csv or .parquet has a row for each sample and a column for each number of its code,
    behind its label, where that is known, and, for windows of a series, the step that it begins with. A .npy has the
    codes in their own shape. Data of any size streams through the encoder.
    """
    from aespec.shapes import counted, show_shape
    from aespec.uses.encoding import write_codes

    data = trained.part(split)
    beside: dict[str, Any] = {} if data.labels is None else {"label": data.labels}
    if data.windows is not None:
        beside["start"] = data.windows.starts
    with writing(out.parent):
        out.parent.mkdir(parents=True, exist_ok=True)
        shape = write_codes(trained.model, data.inputs, out, beside)
    if form == "json":
        echo_json({"file": str(out), "samples": len(data.inputs), "shape": list(shape), "notes": list(data.notes)})
        return
    part = "" if data.path else f" ({split})"
    click.echo(f"{out}: the codes of {counted(len(data.inputs))} of {trained.name}{part}, {show_shape(shape)}")

"""``aespec graph``: the graph of a spec, as text, as data or as a picture."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from aespec.cli.inputs import Compiled, Specs, takes_specs
from aespec.cli.options import file_option, format_option

DRAWN = ("svg", "png", "pdf")
"""The forms of a drawing."""

ENDINGS = {"text": ".txt", "json": ".json", "mermaid": ".mmd", **{form: f".{form}" for form in DRAWN}}
"""Each form with how a file of it ends."""


@click.command()
@takes_specs(several=False)
@format_option(
    *ENDINGS,
    default=None,
    show_default=False,
    help="text, JSON, a flowchart for Mermaid, or a drawing.  [default: what the ending of FILE says, or text]",
)
@file_option("-o", "--out", suffixes=(*ENDINGS.values(),), help="Write it to a file instead of printing it.")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
def graph(specs: Specs, form: str | None, out: Path | None, force: bool) -> None:
    """Show the graph that a spec compiles to: as text, as JSON, as a flowchart, or as a drawing.

    As text each node is a line: its name, the type of its value (n is the batch, t a length that the input leaves
    open), its layer with the fields that are not at their default, its inputs, the parameters that it stores or has
    from elsewhere, and remarks. JSON has all of it, each layer with every field; shapes are those of a sample, null
    where a length is open. A flowchart for Mermaid is drawn by GitHub where it stands in Markdown, in a block of the
    language mermaid.
    """
    ending = None if out is None else out.suffix.lower()
    form = form or next((form for form in ENDINGS if ENDINGS[form] == ending), "text")
    if ending not in (None, ENDINGS[form]):
        raise click.UsageError(f"'{out}' does not end in {ENDINGS[form]}, as a file of {form} does.")
    if out is None and form in DRAWN[1:] and sys.stdout.isatty():
        raise click.UsageError(f"A {form} is no text for a terminal: give -o FILE{ENDINGS[form]}, or pipe it on.")
    from aespec.cli.output import vacant, writing
    from aespec.files import whole

    if out is not None:
        vacant(out, force=force)
    written = _written(specs.only(), form)
    if out is None:
        click.echo(written, nl=isinstance(written, str))
        return
    with writing(out.parent), whole(out) as temporary:
        temporary.write_bytes(written if isinstance(written, bytes) else f"{written}\n".encode())
    click.echo(f"wrote {out}")


def _written(read: Compiled, form: str) -> str | bytes:
    if form in DRAWN:
        from aespec.report.drawing import drawing

        return drawing(read.graph, form)
    if form == "mermaid":
        from aespec.flowchart import flowchart

        return flowchart(read.graph)
    if form == "json":
        from aespec.cli.output import pretty
        from aespec.listing import as_data

        return pretty(as_data(read.graph))
    from aespec.listing import listing

    return listing(read.graph, read.spec.training.dtype)

"""``aespec new``: a spec to begin with."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from shlex import join, quote

import click

from aespec.cli.options import file_option
from aespec.cli.output import pretty, vacant, writing
from aespec.diagnostics import AespecError
from aespec.proposal import SCHEMA, USES, Use, named, propose, template
from aespec.zoo import zoo


def _name(_: click.Context, __: click.Parameter, name: str | None) -> str | None:
    if name is not None and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{,99}", name):
        raise click.BadParameter(
            f"'{name}' is no name: letters, digits, '_', '.' and '-' are, a letter or digit first."
        )
    return name


def _no_argument(_: click.Context, __: click.Parameter, other: str | None) -> None:
    if other is not None:
        written = other.endswith((".yaml", ".yml", ".json")) and not Path(other).exists()
        option = "--template" if other in zoo() else "--out" if written else "--from"
        what = "Where to write" if written else "What to begin with"
        raise click.UsageError(f"{what} is said by an option: {option} {quote(other)}.")


@click.command()
@click.argument("other", required=False, expose_value=False, callback=_no_argument, metavar="")
@click.option(
    "--from", "data", metavar="NAME|FILE", help="Propose a spec for this data: a named set, a file or a folder."
)
@click.option(
    "--template", "model", type=click.Choice([*zoo()]), metavar="NAME", help="Copy one of the zoo: see --list."
)
@click.option("--list", "listed", is_flag=True, help="List the templates.")
@click.option("--use", type=click.Choice(USES), help="What a proposed model is for.")
@click.option(
    "--window",
    type=click.IntRange(2),
    metavar="N",
    help="The data is a series, to be cut into windows of N steps, which are the samples.  [default: 64, where rows "
    "follow each other alike, or have times]",
)
@click.option("--name", callback=_name, help="What the spec is called.  [default: as the data or the template]")
@file_option("-o", "--out", suffixes=(".yaml", ".yml"), help="The file.  [default: NAME.yaml]")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
def new(
    data: str | None,
    model: str | None,
    listed: bool,
    use: Use | None,
    window: int | None,
    name: str | None,
    out: Path | None,
    force: bool,
) -> None:
    """Write a spec to begin with: one for data of yours, or a copy of one of the zoo.

    With --from the data is looked at: whether it is images, a series or a table, how its values lie, how many numbers
    PCA needs for it. What is chosen stands in the spec with its reason. With --template a spec of the zoo is copied,
    its comments included.
    """
    if [data is not None, model is not None, listed].count(True) != 1:
        raise click.UsageError("Give one of --from DATA, --template NAME and --list.")
    if use and data is None:
        raise click.UsageError("--use goes with --from.")
    if window and data is None:
        raise click.UsageError("--window goes with --from.")
    if listed:
        _list()
        return
    notes: list[str] = []
    name = name or model or named(data or "")
    path = out or Path(f"{name}.yaml")
    if data is not None:
        text = _proposed(data, use, name, window, notes.append)
        after = ["train", str(path), "--backend", "torch", "--data", data]
    else:
        text, after = template(model or "", name), ["summary", str(path)]
    _write(vacant(path, force=force), text)
    for note in notes:
        click.echo(note)
    click.echo(f"next: {join(['aespec', *after])}")


def _proposed(data: str, use: Use | None, name: str, window: int | None, tell: Callable[[str], None]) -> str:
    """A spec for data; what is wrong with that is told in the words of this command.

    Raises:
        AespecError: The data is not found, cannot be read, or holds nothing to learn.
    """
    try:
        return propose(data, use, name, window, tell)
    except AespecError as error:
        told = (replace(each, help=each.help and each.help.replace("--data", "--from")) for each in error.diagnostics)
        raise AespecError(*told) from None


def _list() -> None:
    from aespec.spec import load
    from aespec.tables import table

    click.echo(table(["Name", "What it is"], [[name, load(path).description] for name, path in zoo().items()]))


def _write(path: Path, text: str) -> None:
    """Write a spec, and beside it the schema that its first line names, where there is none."""
    from aespec.files import write_text
    from aespec.passes import compile
    from aespec.spec import parse

    compile(parse(text))
    schema = path.with_name(SCHEMA)
    with writing(path.parent):
        write_text(path, text)
        if schema.exists():
            click.echo(f"wrote {path}")
            return
        from aespec.schema import spec_schema

        write_text(schema, pretty(spec_schema()) + "\n")
    click.echo(f"wrote {path}, and {schema}, by which editors complete and check it")

"""``aespec diff``: what differs between two specs or runs."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING

import click

from aespec.cli.inputs import STDIN, Specs
from aespec.cli.options import format_option
from aespec.cli.output import colored, echo_json
from aespec.diagnostics import AespecError
from aespec.passes import Limits
from aespec.tables import WIDTH

if TYPE_CHECKING:
    from aespec.difference import Change, Side

MOST = 12
"""Parameters whose weights differ, at most, that are told of one by one."""


@click.command()
@click.argument("a")
@click.argument("b")
@format_option("text", "json")
def diff(a: str, b: str, form: str) -> None:
    """Say what differs between two specs or runs, by its effect.

    A and B are specs, or folders of runs or of built models, and `-` is what is piped in. Layers are compared in pairs,
    with their shapes, their parameters and what they are tied to; then the sizes of the models, the losses, the plans
    with all their defaults, and the weights that training starts from. Of two runs also the data, the versions, and the
    losses and weights that they ended with.

    The exit code is 0 where nothing differs, 1 where something does, and 2 where one of them is wrong.
    """
    from aespec.difference import compare

    a, b = (STDIN if path == "-" else path for path in (a, b))
    specs = Specs((a, b), (), Limits(parameters=10**15, activations=10**15))
    try:
        sides = _opened(a, specs), _opened(b, specs)
        changes = list(compare(*sides))
    except AespecError as error:
        error.exit_code = 2  # as of `diff`
        raise
    if form == "json":
        echo_json({"a": a, "b": b, "same": not changes, "changes": [asdict(change) for change in changes]})
    elif changes:
        color = colored(sys.stdout)
        for text in [f"--- {a}", f"+++ {b}", *_told(changes)]:
            click.echo(click.style(text, fg=COLORS.get(text.lstrip()[:1]), bold=text[0] != " "), color=color)
    else:
        both = all(side.run for side in sides)
        click.echo(f"the same model, the same training{' and the same result' if both else ''}")
    raise click.exceptions.Exit(1 if changes else 0)


COLORS = {"-": "red", "+": "green", "~": "yellow"}


def _opened(path: str, specs: Specs) -> Side:
    from aespec.difference import Side

    if Path(path).is_dir():
        from aespec.run import RECORD, SPEC, open_run

        if (Path(path) / RECORD).is_file() or not (Path(path) / SPEC).is_file():
            run = open_run(path)
            return Side(run.spec, run.graph, run)
        path = str(Path(path) / SPEC)
    return Side(*specs.compile(path).pair)


def _told(changes: Sequence[Change]) -> Iterator[str]:
    """Each section, and what differs in it: a line for each layer, or each field."""
    for section, group in groupby(changes, key=lambda change: change.section):
        yield section
        found = list(group)
        apart = sorted((change.apart for change in found if change.apart is not None), reverse=True)
        for of, parts in groupby(found, key=lambda change: change.of):
            told = list(parts)
            if (most := told[0].apart) is not None and most < apart[:MOST][-1]:
                continue
            said = ", ".join(filter(None, map(_said, told)))
            yield _wrapped(f"{_sign(told)} {of}{': ' if said else ''}{said}")
        if len(apart) > MOST:
            yield f"  ~ and {len(apart) - MOST} more, which are nearer to each other: `--format json` lists all"


def _wrapped(line: str) -> str:
    return fill(line, WIDTH, initial_indent="  ", subsequent_indent=" " * 6, break_on_hyphens=False)


def _sign(changes: Sequence[Change]) -> str:
    first = changes[0]
    if first.what or first.before == first.after:
        return "~"
    return "+" if first.before is None else "-" if first.after is None else "~"


def _said(change: Change) -> str:
    if change.apart is not None:
        return f"up to {change.apart:.3g} apart"
    values = " -> ".join(value for value in (change.before, change.after) if value is not None)
    return f"{change.what} {values}".strip()

"""``aespec history``: the loss curves of runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aespec.cli.options import DRAWINGS, file_option, format_option
from aespec.cli.output import echo_json, made, writing
from aespec.diagnostics import AespecError, Diagnostic, nearest
from aespec.files import LOSSES
from aespec.rules import UnknownKind

if TYPE_CHECKING:
    from aespec.history import History

PARTS = ("training", "validation")


@click.command()
@click.argument("runs", type=click.Path(path_type=Path), nargs=-1, required=True, metavar="RUN...")
@file_option(
    "-o",
    "--out",
    suffixes=DRAWINGS,
    help="The picture, a .png or .svg.  [default: RUN/history.png of one run, history.png here of several]",
)
@click.option("--term", default="total", show_default=True, metavar="NAME", help="The term of the loss to draw.")
@click.option("--log-scale", is_flag=True, help="Draw the loss on a logarithmic axis.")
@format_option("text", "json", "csv")
def history(runs: tuple[Path, ...], out: Path | None, term: str, log_scale: bool, form: str) -> None:
    """Draw the loss curves of runs.

    RUN is the folder of a run; it may be unfinished, or still training. In the picture each run has a color, its
    training loss is solid and its validation loss dashed. A table says where each began, ended and was lowest; of a
    run in several phases, in the last. Values of different losses are not to be compared.
    """
    from aespec.curves import curves, labels
    from aespec.history import read_all

    found = read_all(runs)
    _check_term(found, term)
    names = labels([each.folder for each in found])
    path = out or (found[0].folder / LOSSES if len(found) == 1 else Path(LOSSES))
    records = [_record(each, name, term) for each, name in zip(found, names, strict=True)]
    notes = list(_notes(found, names, term, log_scale))
    if form == "text":
        click.echo(_as_table(records, term))
        for note in notes:
            click.echo(note)
    elif form == "csv":
        click.echo(_as_csv(records), nl=False)
    with writing(path.parent):
        curves(found, names, path, term=term, log_scale=log_scale)
    if form == "text":
        click.echo(f"wrote {path}")
    elif form == "json":
        echo_json({**made([path], notes), "term": term, "runs": records})


def _check_term(histories: Sequence[History], name: str) -> None:
    """Refuse a name that is a term of none of the runs.

    Raises:
        AespecError: It is not.
    """
    from aespec.history import HELD

    known = list(dict.fromkeys(term for history in histories for term in history.terms))
    if name in known:
        return
    near = nearest(name.removeprefix(HELD), known)
    raise AespecError(
        Diagnostic(
            UnknownKind,
            f"no run has a term `{name}`",
            wanted=", ".join(f"`{term}`" for term in known),
            got=f"`{name}`",
            help=f"did you mean `{near}`?" if near else "leave `--term` out for the total",
        )
    )


def _record(history: History, name: str, term: str) -> dict[str, Any]:
    from aespec.history import HELD

    def curve(column: str) -> dict[str, Any] | None:
        found = history.curve(column)
        return asdict(found) if found else None

    seconds = history.seconds
    return {
        "run": str(history.folder),
        "name": name,
        "epochs": len(history.rows),
        "seconds": None if seconds is None else round(seconds, 3),
        "training": curve(term),
        "validation": curve(HELD + term),
    }


def _as_table(records: Sequence[dict[str, Any]], term: str) -> str:
    """A line for what each run came to in training, and one for what it came to on the samples held out."""
    from aespec.tables import table

    rows = []
    for record in records:
        seconds = "-" if record["seconds"] is None else f"{record['seconds']:,.1f}"
        head = [record["name"], f"{record['epochs']:,}", seconds]
        for part in PARTS:
            if record[part] or part == "training":
                rows.append([*head, part, *_shown(record[part])])
                head = [""] * len(head)
    heads = ["Run", "Epochs", "Seconds", "Loss" if term == "total" else term, "First", "Last", "Best", "Best epoch"]
    return table(heads, rows, numbers=("Epochs", "Seconds", "First", "Last", "Best", "Best epoch"))


def _shown(curve: dict[str, Any] | None) -> list[str]:
    if curve is None:
        return ["-"] * 4
    best = curve["best_epoch"]
    return [*(f"{curve[name]:#.6g}" for name in ("first", "last", "best")), "-" if best is None else str(best)]


def _as_csv(records: Sequence[dict[str, Any]]) -> str:
    """A line for each run; the columns of validation are named as in a history."""
    from aespec.history import HELD, Curve
    from aespec.tables import as_csv

    names = [field.name for field in fields(Curve)]
    about = ["run", "name", "epochs", "seconds"]
    rows: list[list[Any]] = []
    for record in records:
        rows.append([record[name] for name in about])
        for part in PARTS:
            rows[-1] += [(record[part] or {}).get(name) for name in names]
    return as_csv([*about, *names, *(HELD + name for name in names)], rows)


def _notes(histories: Sequence[History], names: Sequence[str], term: str, log_scale: bool) -> Iterator[str]:
    """What the numbers and the picture do not show."""
    from aespec.history import HELD

    for history, name in zip(histories, names, strict=True):
        if history.phases[0] != history.phases[-1]:
            last = history.phases[-1] or "the whole model"
            yield f"{name} was trained in phases; the numbers are those of the last, which trained {last}"
        values = history.known(term) + history.known(HELD + term)
        if not values:
            yield f"{name} has no `{term}`"
        elif log_scale and min(values) <= 0:
            yield f"{name} has values of zero or below, which a logarithmic axis has no room for"
    if term == "total" and len({frozenset(history.summed) for history in histories}) > 1:
        yield "the runs add up different losses in `total`, whose values are not to be compared"

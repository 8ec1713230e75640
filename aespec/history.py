"""The history of a run, read back: of a finished run, of one that was stopped, or of one that is being written."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite, nan
from pathlib import Path

from aespec.checkpoint import busy
from aespec.diagnostics import AespecError, Diagnostic
from aespec.files import StrPath, quoted
from aespec.rules import RunUnreadable

__all__ = ["ABOUT", "HELD", "RATE", "Curve", "History", "read", "read_all"]

HISTORY = "history.csv"

HELD = "val_"
"""What a term is called on the validation samples: its name behind this."""

RATE = "learning_rate"

ABOUT = ("epoch", "phase", "seconds", RATE)
"""The columns that are about an epoch and are no terms of the loss."""


@dataclass(frozen=True)
class Curve:
    """Where a curve begins, ends, and is lowest."""

    first: float
    last: float
    best: float
    """NaN where no value is finite."""
    best_epoch: int | None
    """As its phase counts, and `train` with it."""


@dataclass(frozen=True)
class History:
    """What the epochs of a run came to."""

    folder: Path
    rows: list[dict[str, float]]
    """A row for each epoch: the columns that hold numbers. A cell that is empty is left out."""
    phases: list[str]
    """The phase of greedy training that each row belongs to; empty where the whole model is trained."""

    @property
    def terms(self) -> list[str]:
        """The terms of the loss, ``total`` among them."""
        columns = dict.fromkeys(name for row in self.rows for name in row)
        return [
            name for name in columns if name not in ABOUT and name.removeprefix(HELD) not in columns.keys() - {name}
        ]

    @property
    def summed(self) -> set[str]:
        """The terms that the total of the last phase adds up."""
        rows = zip(self.rows, self.phases, strict=True)
        last = {name for row, phase in rows if phase == self.phases[-1] for name in row}
        return last.intersection(self.terms) - {"total"}

    @property
    def seconds(self) -> float | None:
        """The time of all epochs, where it is known."""
        known = self.known("seconds")
        return sum(known) if known else None

    @property
    def epochs(self) -> list[float]:
        """Where each row lies in the course of the run: its epoch, or its place where each phase counts anew."""
        numbers = self.column("epoch")
        rising = all(a < b for a, b in pairwise(numbers))
        return numbers if rising else [float(place) for place in range(1, len(numbers) + 1)]

    def column(self, name: str) -> list[float]:
        """A value for each row, NaN where there is none."""
        return [row.get(name, nan) for row in self.rows]

    def known(self, name: str) -> list[float]:
        """The values of a column that are there."""
        return [row[name] for row in self.rows if name in row]

    def curve(self, name: str) -> Curve | None:
        """How a column went in the last phase; None where it is not there."""
        last = self.phases[-1]
        found = [
            (row[name], epoch)
            for row, epoch, phase in zip(self.rows, self.column("epoch"), self.phases, strict=True)
            if phase == last and name in row
        ]
        if not found:
            return None
        best, epoch = min((pair for pair in found if isfinite(pair[0])), default=(nan, None))
        return Curve(found[0][0], found[-1][0], best, None if epoch is None else int(epoch))


def read_all(folders: Sequence[StrPath]) -> list[History]:
    """Read the histories of several runs, each folder once.

    Raises:
        AespecError: Some have none, or a damaged one; all of those are told.
    """
    found: list[History] = []
    problems: list[Diagnostic] = []
    for folder in {Path(folder).resolve(): folder for folder in folders}.values():
        try:
            found.append(read(folder))
        except AespecError as error:
            problems += error.diagnostics
    if problems:
        raise AespecError(*problems)
    return found


def read(folder: StrPath) -> History:
    """Read the history of a run. A last line without its end is still being written, and is left out.

    Of an epoch that is there twice, as a run that went on from an earlier state leaves it, the later row counts.

    Raises:
        AespecError: There is none, no epoch is in it, or it is damaged.
    """
    folder = Path(folder)
    if not (folder / HISTORY).is_file():
        raise _nothing(folder)
    try:
        whole = (folder / HISTORY).read_bytes().rpartition(b"\n")[0].decode("utf-8-sig")
        lines = [line for line in csv.reader(whole.split("\n"), strict=True) if line]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise _damaged(folder, str(error)) from None
    columns, cells = (lines[0], lines[1:]) if lines else (["epoch", "total"], [])
    missing = [f"no column `{name}`" for name in ("epoch", "total") if name not in columns]
    if missing:
        raise _damaged(folder, f"{' and '.join(missing)}, but {', '.join(f'`{name}`' for name in columns[:6])}")
    if not cells:
        raise AespecError(
            Diagnostic(
                RunUnreadable,
                f"{folder} has no history yet",
                wanted=f"a run whose first epoch has ended, in {folder / HISTORY}",
                got="no epoch",
                help="wait for the end of its first epoch"
                if busy(folder)
                else "no process trains it: it ended in its first epoch; train it again",
            )
        )
    for place, line in enumerate(cells, start=1):
        if len(line) != len(columns):
            raise _damaged(folder, f"{len(line)} of {len(columns)} values in row {place}")
    numbers = {name: _numbers(values) for name, *values in zip(columns, *cells, strict=True)}
    for name in ("epoch", "total", HELD + "total", "seconds"):
        if name in columns and numbers[name] is None:
            raise _damaged(folder, f"a value of `{name}` that is not a number")
    rows = [
        {name: value for name, column in numbers.items() if column and (value := column[i]) is not None}
        for i in range(len(cells))
    ]
    if not all(isfinite(row.get("epoch", nan)) for row in rows):
        raise _damaged(folder, "a row without the number of its epoch")
    phases = [line[columns.index("phase")] if "phase" in columns else "" for line in cells]
    return _without_repeats(folder, rows, phases)


def _numbers(cells: Sequence[str]) -> list[float | None] | None:
    """The numbers of a column, None for an empty cell; None for a column that holds something else."""
    try:
        return [float(cell) if cell.strip() else None for cell in cells]
    except ValueError:
        return None


def _without_repeats(folder: Path, rows: list[dict[str, float]], phases: list[str]) -> History:
    kept: dict[tuple[str, float], dict[str, float]] = {}
    for row, phase in zip(rows, phases, strict=True):
        key = phase, row["epoch"]
        if key in kept:  # the run went on from before this epoch: what came after it is no longer so
            kept = dict(list(kept.items())[: list(kept).index(key)])
        kept[key] = row
    return History(folder, list(kept.values()), [phase for phase, _ in kept])


def _nothing(folder: Path) -> AespecError:
    """Say that there is no history, and where there may be one."""
    help = "`aespec train SPEC --backend torch --data digits` makes a run and prints its folder"
    if not folder.exists():
        got = "no such folder"
    elif not folder.is_dir():
        got = "a file"
        help = f"give the run's folder: `aespec history {quoted(folder.parent)}`" if folder.name == HISTORY else help
    else:
        got = f"no {HISTORY}"
        if any(folder.glob(f"*/{HISTORY}")):
            help = f"`aespec history {quoted(folder)}/*/` draws the runs that are in it"
    return AespecError(
        Diagnostic(
            RunUnreadable,
            f"{folder} is not the folder of a run",
            wanted=f"a folder with {HISTORY}",
            got=got,
            help=help,
        )
    )


def _damaged(folder: Path, got: str) -> AespecError:
    return AespecError(
        Diagnostic(
            RunUnreadable,
            f"{folder / HISTORY} cannot be read",
            wanted="the history of a run: a line of columns, then one for each epoch",
            got=got,
            help="restore the file, or train the run again",
        )
    )

"""The folder of a sweep: ``sweep.json`` says what it is, ``specs`` and ``trials`` have a spec and a run for each trial.

``sweep.csv`` and ``best.yaml`` are written at its end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from aespec import __version__
from aespec.checkpoint import FILE as CHECKPOINT
from aespec.checkpoint import LOCK
from aespec.diagnostics import AespecError, Diagnostic, show
from aespec.files import write_text
from aespec.rules import OtherSweep, RunExists, RunUnreadable
from aespec.run import SPEC, UNFINISHED, clear, prepare
from aespec.spec import Spec, load
from aespec.sweep.trials import Failure, Plan, Trial

__all__ = ["BEST", "TABLE", "Record", "begin", "enter", "remove"]

RECORD, TABLE, BEST = "sweep.json", "sweep.csv", "best.yaml"

NUMBER = re.compile("(?!0000)[0-9]{4}|10000")
"""What the run and the spec of a trial are called."""


class Record(BaseModel):
    """What ``sweep.json`` holds."""

    model_config = ConfigDict(ser_json_inf_nan="strings")

    aespec: str = __version__
    command: dict[str, Any]
    """What makes the sweep what it is: `begin` goes on only where it is the same."""
    failures: dict[int, Failure] = Field(default_factory=dict)
    """By the trial's number."""
    told: list[float] = Field(default_factory=list)
    """What a search was told, in its order, so that it proposes the same when the sweep goes on."""

    def write(self, folder: Path) -> None:
        """Write it into the folder of the sweep."""
        write_text(folder / RECORD, self.model_dump_json(indent=2) + "\n")


def begin(folder: Path, command: Mapping[str, Any], *, force: bool) -> Record:
    """Begin a sweep in a folder, or go on with the one that is in it.

    Raises:
        AespecError: The folder holds another sweep or something else, and ``force`` is not set; or it is of no sweep,
            and has what would be taken for trials.
    """
    there = (folder / RECORD).is_file()
    if force and there and _is_ours(folder):
        _clear(folder)
    elif force or not there:
        _nothing_numbered(folder)
    if not there or force:
        prepare(folder, force=force)
        record = Record(command=dict(command))
    else:
        record = _read(folder)
        _same(folder, record.command, command)
        record.failures = {number: failure for number, failure in record.failures.items() if failure.diverged}
    record.write(folder)
    return record


def enter(folder: Path, number: int, plan: Plan) -> Trial:
    """Give a plan its place in the folder, where it may have been already.

    Raises:
        AespecError: The place is another's.
    """
    trial = Trial(number, plan.point, plan, folder)
    if not trial.spec_file.is_file():
        trial.spec_file.parent.mkdir(exist_ok=True)
        write_text(trial.spec_file, plan.text)
    elif trial.spec_file.read_bytes() != plan.text.encode() and (
        found := _first(load(trial.spec_file).to_data(), plan.spec.to_data())
    ):
        raise _other(folder, f"holds a sweep of another spec: trial {number} differs", *found)
    trained: tuple[str, str] | None = None
    with suppress(AespecError, OSError, ValueError):  # of a run that cannot be read nothing is kept
        trained = _first(_planned(load(trial.folder / SPEC)), _planned(plan.spec))
    if trained:
        what, (got, wanted) = f"{trial.folder} was trained by another plan than that of the sweep", trained
        help = "move it elsewhere: the same command goes on with the sweep then"
        raise AespecError(Diagnostic(OtherSweep, what, None, wanted, got, help))
    return trial


def _planned(spec: Spec) -> dict[str, Any]:
    """A spec as data, but for what training settles itself: the window, and from where the validation file is named."""
    data = spec.to_data()
    return {**data, "training": {**data["training"], "window": None, "validation_data": None}}


def remove(run: Path) -> None:
    """Take away the folder of a run, and nothing in it that aespec did not write."""
    clear(run)
    for name in (UNFINISHED, LOCK):
        (run / name).unlink(missing_ok=True)
    for emptied in (run / CHECKPOINT.parent, run):
        with suppress(OSError):  # something else is in it
            emptied.rmdir()


def _read(folder: Path) -> Record:
    try:
        return Record.model_validate_json((folder / RECORD).read_bytes())
    except (OSError, ValidationError) as error:
        got = str(error) if isinstance(error, OSError) else show(error.errors(include_url=False)[0]["msg"])
        raise AespecError(
            Diagnostic(
                RunUnreadable,
                f"{folder / RECORD} cannot be read",
                wanted="the record of a sweep",
                got=got,
                help="restore the file, or give another folder with `-o`",
            )
        ) from None


def _same(folder: Path, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Refuse another command than the one that the sweep began with.

    Raises:
        AespecError: It is another.
    """
    other = [key for key in {**before, **now} if before.get(key) != now.get(key)]
    if other:
        said = [", ".join(f"{key} {show(given.get(key))}" for key in other) for given in (before, now)]
        raise _other(folder, "holds another sweep", *said)


def _other(folder: Path, what: str, wanted: str, got: str) -> AespecError:
    help = "give another folder with `-o`, or `--force` to take away what is there and begin again"
    return AespecError(Diagnostic(OtherSweep, f"{folder} {what}", wanted=wanted, got=got, help=help))


def _first(before: Any, now: Any) -> tuple[str, str] | None:
    """The first difference of two pieces of data, as both have it; None where there is none."""
    return next(((f"{at}: {show(old)}", f"{at}: {show(new)}") for at, old, new in _differences(before, now)), None)


def _differences(before: Any, now: Any, place: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Where two pieces of data differ, innermost."""
    if isinstance(before, dict) and isinstance(now, dict) and before.keys() == now.keys():
        pairs = [(key, before[key], now[key]) for key in before]
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        pairs = [(i, *both) for i, both in enumerate(zip(before, now, strict=True))]
    else:
        pairs = []
        if before != now:
            yield place, before, now
    for key, one, other in pairs:
        yield from _differences(one, other, f"{place}.{key}".lstrip("."))


def _numbered(folder: Path) -> list[Path]:
    """The runs and the specs in a folder that are called as those of trials are."""
    runs = [path for path in (folder / "trials").glob("*") if path.is_dir() and NUMBER.fullmatch(path.name)]
    return sorted([*runs, *(path for path in (folder / "specs").glob("*.yaml") if NUMBER.fullmatch(path.stem))])


def _is_ours(folder: Path) -> bool:
    """Whether the record in a folder is one of a sweep, and no other file of that name."""
    try:
        _read(folder)
    except AespecError:
        return False
    return True


def _nothing_numbered(folder: Path) -> None:
    """Refuse a folder that no sweep began in, and which has what would be taken for the trials of one.

    Raises:
        AespecError: It has.
    """
    if found := _numbered(folder):
        raise AespecError(
            Diagnostic(
                RunExists,
                f"{folder} has what may be trials of a sweep, and no {RECORD} of one",
                wanted="the folder of a sweep, or one without runs and specs that are called as trials are",
                got=", ".join(str(path.relative_to(folder)) for path in found[:4]),
                help="move those elsewhere, or give another folder with `-o`",
            )
        )


def _clear(folder: Path) -> None:
    """Take away what a sweep left in its folder but its record, and nothing that aespec did not write."""
    for name in (TABLE, BEST):
        (folder / name).unlink(missing_ok=True)
    for path in _numbered(folder):
        if path.is_dir() and not path.is_symlink():
            remove(path)
        else:
            path.unlink()

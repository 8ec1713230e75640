"""What processes that train one model together say and need, beside what one alone does."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from aespec.cli.stopping import ended_softly

__all__ = ["agreed", "say_that_it_waits", "silent", "together"]


def say_that_it_waits() -> None:
    """Say that this process waits for others, if it is one of several."""
    from aespec.launchers import trained_together

    if trained_together():
        click.echo("one of several processes that train together: it waits until all of them are there", err=True)


def agreed(backend: str, given: Mapping[str, Any]) -> None:
    """Refuse processes that were given different things to train, which would train none of them.

    Args:
        backend: The backend that trains.
        given: What this process was given, by what it is; a text of it decides whether it is the same.

    Raises:
        AespecError: Another process was given something else.
    """
    from aespec.backend import team_of
    from aespec.diagnostics import AespecError, Diagnostic
    from aespec.registry import find_backend
    from aespec.rules import BadLaunch

    found = find_backend(backend)
    team = team_of(found)
    exchange = getattr(found, "exchange", None)
    if team.size == 1 or exchange is None:
        return
    digests = [hashlib.sha256(repr(value).encode()).digest()[:6] for value in given.values()]
    rows = exchange([float(int.from_bytes(digest, "big")) for digest in digests])  # 48 bits, which a float64 holds
    others = {what: [rank for rank in range(team.size) if rows[rank, i] != rows[0, i]] for i, what in enumerate(given)}
    if differing := {what: ranks for what, ranks in others.items() if ranks}:
        what = " and ".join(f"the same {each}" for each in differing)
        ranks = sorted({rank for ranks in differing.values() for rank in ranks})
        raise AespecError(
            Diagnostic(
                BadLaunch,
                "the processes that are to train together were not given the same",
                wanted=f"{what} in each of the {team.size}",
                got=f"another in process {', '.join(map(str, ranks))} than in process 0",
                help="start all of them with one command, on the same files and the same folder",
            )
        )


@contextmanager
def silent() -> Iterator[None]:
    """Leave it to the first process to say what all of them meet."""
    from aespec.diagnostics import AespecError
    from aespec.rules import LossNotFinite

    try:
        with ended_softly():
            yield
    except KeyboardInterrupt:
        raise click.exceptions.Exit(130) from None
    except AespecError as error:
        if error.diagnostics[0].rule is not LossNotFinite:
            raise
        raise click.exceptions.Exit(1) from None


@contextmanager
def together(folder: Path, backend: str) -> Iterator[None]:
    """Say that another process is gone, where a framework's own error means that, and how to go on."""
    from aespec.checkpoint import exists, read
    from aespec.diagnostics import AespecError, Diagnostic, show
    from aespec.files import quoted
    from aespec.launchers import trained_together
    from aespec.registry import find_backend
    from aespec.rules import TeamLost
    from aespec.shapes import counted

    try:
        yield
        return
    except Exception as error:
        lost = getattr(find_backend(backend), "lost", None)
        if not trained_together() or lost is None or not lost(error):
            raise
        text = str(error)
    again = "where another of them says why, mend that; then start all of them again"
    if exists(folder):
        after = counted(len(read(folder).epochs), "epoch")
        again += (
            f" with `--resume {quoted(folder)}`, or one alone: the run goes on from the last checkpoint, after {after}"
        )
    what = "the processes that train together lost one of them"
    [cause, *_] = re.split(r"^\s+File .*$", text, flags=re.MULTILINE)[-1].strip().splitlines() or ["nothing"]
    raise AespecError(Diagnostic(TeamLost, what, wanted="all of them, until the end", got=show(cause, 200), help=again))

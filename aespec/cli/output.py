"""How commands print and write."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from math import isfinite
from pathlib import Path
from typing import Any, TextIO

import click

from aespec.cli.stdout import Unprinted
from aespec.diagnostics import AespecError, Diagnostic, to_json

__all__ = [
    "announce",
    "as_json",
    "colored",
    "echo_json",
    "json_line",
    "made",
    "pretty",
    "ready",
    "show_versions",
    "vacant",
    "warn",
    "writing",
]


def announce(line: str) -> None:
    """Print a line of what is not to end because it cannot be printed; where it cannot, stderr is told, and once."""
    try:
        click.echo(line)
    except Unprinted as error:
        warn(f"warning: stdout cannot be written ({error.strerror}); this goes on without it")


def warn(line: str) -> None:
    """Print a line on stderr, if that can be written."""
    with suppress(OSError):
        click.echo(line, err=True)


def echo_json(data: Any) -> None:
    """Print data as JSON; what JSON cannot say, NaN and infinity, becomes null."""
    click.echo(pretty(data))


def pretty(data: Any) -> str:
    """Data as JSON of several lines."""
    return json.dumps(_strict(data), indent=2, ensure_ascii=False)


def json_line(data: Any) -> str:
    """Data as a line of JSON."""
    return json.dumps(_strict(data), ensure_ascii=False)


def as_json(problems: Iterable[Diagnostic]) -> list[dict[str, Any]]:
    """Each problem as a record."""
    return [{**to_json(problem), "fixable": problem.fix is not None} for problem in problems]


def colored(stream: TextIO) -> bool:
    """Whether what is written there is to be in color: as it was asked for, else on a terminal."""
    asked = click.get_current_context().color
    return stream.isatty() and not os.environ.get("NO_COLOR") if asked is None else asked


def show_versions(versions: Mapping[str, str]) -> str:
    """Packages with their versions, in a line."""
    return ", ".join(f"{package} {version}" for package, version in versions.items())


def made(files: Iterable[Path | None], notes: Iterable[str] = ()) -> dict[str, list[str]]:
    """What the JSON of every use of a run says of what it wrote, and remarks, each in one line."""
    return {"files": [str(path) for path in files if path], "notes": [" ".join(note.split()) for note in notes]}


@contextmanager
def writing(folder: Path, then: str | None = None) -> Iterator[None]:
    """Make a folder, where it is not there, and say in words what keeps files from being written into it.

    Args:
        folder: The folder.
        then: How to go on when that is mended, where no other folder can be taken.

    Raises:
        AespecError: Something did: no space is left, the folder is gone, or it may not be written.
    """
    from safetensors import SafetensorError

    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except (BrokenPipeError, Unprinted):
        raise  # of what is printed meanwhile, not of the folder
    except (OSError, SafetensorError) as error:
        from aespec.run import unwritable

        raise unwritable(folder, error, then) from error


def ready(path: Path) -> Path:
    """The path of a file to be written when all is computed; its folder is made now, or it is said why it cannot be.

    Raises:
        AespecError: There can be no such folder.
    """
    with writing(path.parent):
        return path


def vacant(path: Path, *more: Path, force: bool, keep: Iterable[Path] = ()) -> Path:
    """The first path of files that a command is to write, and may; those to keep it may not, forced or not.

    Raises:
        AespecError: Something is there, and it may not be written over.
    """
    kept = {file.resolve() for file in keep}
    there = [file for file in (path, *more) if file.exists()]
    lasting = [file for file in there if file.is_dir() or file.resolve() in kept]
    if lasting or (there and not force):
        from aespec.rules import RunExists

        found = lasting or there
        got = ("a folder" if lasting[0].is_dir() else "a file of the model itself") if lasting else "a file"
        raise AespecError(
            Diagnostic(
                RunExists,
                f"{' and '.join(map(str, found))} {'is' if len(found) == 1 else 'are'} there already",
                wanted="the name of a new file",
                got=got,
                help="give another with `-o`" + ("" if lasting else ", or `--force` to write over it"),
            )
        )
    return path


def _strict(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _strict(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_strict(value) for value in data]
    return None if isinstance(data, float) and not isfinite(data) else data

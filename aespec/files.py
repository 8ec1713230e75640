"""What commands write beside a run, and how: whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike, fspath
from pathlib import Path
from shlex import quote
from typing import TypeAlias

__all__ = ["RESULTS", "StrPath", "quoted", "whole", "write_text"]

StrPath: TypeAlias = str | PathLike[str]
"""What a function takes that a user calls with the name of a file or a folder."""

RECONSTRUCTIONS, LOSSES = "reconstructions.png", "history.png"
FEATURES, ACTIVATIONS = "features.png", "activations.png"
GENERATED, INTERPOLATION, TRAVERSAL = "generated.png", "interpolation.png", "traversal.png"
MAP, MAP_PAGE = "map.png", "map.html"
PRETRAINING, LEARNING = "pretraining.csv", "pretraining.png"

RESULTS = (
    *(RECONSTRUCTIONS, LOSSES),
    *(FEATURES, ACTIVATIONS),
    *(GENERATED, INTERPOLATION, TRAVERSAL),
    *(MAP, MAP_PAGE),
    *(PRETRAINING, LEARNING),
)
"""All that commands put into a run's folder, unless told otherwise."""


def quoted(path: StrPath) -> str:
    """The name of a file or a folder as a word of a command that is advised."""
    return quote(fspath(path))


@contextmanager
def whole(path: StrPath) -> Iterator[Path]:
    """A temporary name beside a file's: what is written there takes the file's place, or is gone if anything fails.

    The file's folder is made where it is not there.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".part")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: StrPath, text: str) -> None:
    """Write a file of text, whole or not at all."""
    with whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")

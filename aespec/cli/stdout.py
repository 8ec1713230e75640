"""Where commands print: a stdout whose failures can be told from those of files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

__all__ = ["Stdout", "Unprinted"]


class Unprinted(OSError):
    """What keeps stdout from being written, such as a full disk. That nobody reads any more is no such error."""


class Stdout:
    """A stream that raises `Unprinted` where it cannot be written, and is in everything else the one it is made of."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write a text."""
        with _named():
            return self._stream.write(text)

    def flush(self) -> None:
        """Let what was written be there."""
        with _named():
            self._stream.flush()


@contextmanager
def _named() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise Unprinted(error.errno, error.strerror) from error

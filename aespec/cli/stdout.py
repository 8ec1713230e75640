"""Where commands print: a stdout whose failures can be told from those of files."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

__all__ = ["Unprinted", "distinct_stdout"]


class Unprinted(OSError):
    """What keeps stdout from being written, such as a full disk. That nobody reads any more is no such error."""


class _Once(io.FileIO):
    """A file that fails once: what is written after that, or was left in a buffer, goes nowhere."""

    failed = False

    def write(self, data: ReadableBuffer, /) -> int:
        if self.failed:
            return memoryview(data).nbytes
        try:
            return super().write(data)
        except OSError as error:
            self.failed = True
            if isinstance(error, BrokenPipeError):
                raise
            raise Unprinted(error.errno, error.strerror) from error


@contextmanager
def distinct_stdout() -> Iterator[None]:
    """Have stdout, where it is a file, fail with `Unprinted`, or with `BrokenPipeError`, in here, and once alone."""
    before = sys.stdout
    raw = getattr(getattr(before, "buffer", None), "raw", getattr(before, "buffer", None))
    if type(raw) is not io.FileIO or not isinstance(before, io.TextIOWrapper):
        yield
        return
    buffer = io.BufferedWriter(_Once(raw.fileno(), "w", closefd=False))
    stdout = io.TextIOWrapper(buffer, before.encoding, before.errors, line_buffering=before.line_buffering)
    try:
        with redirect_stdout(stdout):
            yield
    finally:
        with suppress(OSError):
            stdout.flush()

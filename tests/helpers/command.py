"""The command, in this process or in one of its own."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from click.testing import CliRunner, Result

from aespec.cli import main

__all__ = ["EPOCH", "aespec_", "done", "lost", "started", "until"]

EPOCH = r"\bepoch +\d+/\d+ "
"""In the line of an epoch."""


def aespec_(*args: object, **settings: Any) -> Result:
    """What the command with these arguments comes to in this process."""
    return CliRunner().invoke(main, [str(arg) for arg in args], **settings)


def done(result: Result, code: int = 0) -> Result:
    """The same result, which has ended with that code."""
    assert result.exit_code == code, result.output
    return result


def lost(number: int = signal.SIGINT) -> None:
    """Ctrl-C in code that Python calls, which drops the exception, as imports of frameworks do now and then."""
    with suppress(KeyboardInterrupt):
        signal.raise_signal(number)


@contextmanager
def started(
    *args: object, pause: float | None = None, stdout: int = subprocess.PIPE, stderr: int = subprocess.PIPE
) -> Iterator[subprocess.Popen[str]]:
    """The command in a process of its own; with another pause between checkpoints, or other streams than pipes."""
    command = ["-m", "aespec"]
    if pause is not None:
        command = ["-c", f"from aespec import checkpoint, cli; checkpoint.PAUSE = {pause}; cli.main()"]
    # What a shell starts in the background ignores SIGINT, and so does all that it starts.
    heard = signal.signal(signal.SIGINT, signal.default_int_handler)
    everything = [sys.executable, *command, *map(str, args)]
    with subprocess.Popen(everything, stdout=stdout, stderr=stderr, text=True) as process:
        signal.signal(signal.SIGINT, heard)
        try:
            yield process
        finally:
            process.kill()


def until(process: subprocess.Popen[str], text: str, times: int = 1) -> None:
    """Wait for a line with a text, so many times."""
    assert process.stdout is not None
    assert process.stderr is not None
    for line in process.stdout:
        times -= bool(re.search(text, line))
        if not times:
            return
    pytest.fail(f"it ended before: {process.stderr.read()}")

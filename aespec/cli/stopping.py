"""Requests to stop, Ctrl-C and SIGTERM, which are heard even where what runs then loses the exception.

C code that Python calls, such as the imports of frameworks, may drop a `KeyboardInterrupt` or make another error of it.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from typing import Any

import click

__all__ = ["ended_softly", "heard", "stop_if_asked"]

_asked = False


def stop_if_asked() -> None:
    """Called now and then by what takes long: stop now, if the exception that was to do it is lost."""
    if _asked:
        raise KeyboardInterrupt


@contextmanager
def heard() -> Iterator[None]:
    """A command: that Ctrl-C was pressed is not forgotten until it ends, or comes to `stop_if_asked`."""
    global _asked
    try:
        with _told_by(signal.SIGINT, signal.default_int_handler):
            yield
    finally:
        _asked = False


@contextmanager
def ended_softly() -> Iterator[None]:
    """A request to end this process, SIGTERM, is an interruption as Ctrl-C is."""
    with _told_by(signal.SIGTERM, signal.SIG_DFL):
        yield


@contextmanager
def _told_by(number: signal.Signals, usual: Any) -> Iterator[None]:
    """Have a signal of which nothing else is made than usual interrupt, and another error that comes of that be one."""
    ours = signal.getsignal(number) == usual and current_thread() is main_thread()
    if ours:
        signal.signal(number, _stop)
    try:
        yield
    except Exception as error:
        if not _asked or _is_of_its_own(error):
            raise
        raise KeyboardInterrupt from error
    finally:
        if ours:
            signal.signal(number, usual)


def _stop(*_: object) -> None:
    global _asked
    _asked = True
    raise KeyboardInterrupt


def _is_of_its_own(error: Exception) -> bool:
    """Whether it says what an interruption does not: that a disk is full, or how the command ends."""
    from aespec.diagnostics import AespecError
    from aespec.rules import FolderUnwritable

    if isinstance(error, AespecError):
        return error.diagnostics[0].rule is FolderUnwritable
    return isinstance(error, OSError | click.ClickException | click.exceptions.Exit | click.Abort)

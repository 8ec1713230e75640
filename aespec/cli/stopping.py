"""Requests to stop, Ctrl-C and SIGTERM, which are heard even where what runs then loses the exception.

C code that Python calls, such as the imports of frameworks, may drop a `KeyboardInterrupt` or make another error of it.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread

__all__ = ["asked_to_stop", "ended_softly", "heard"]

_asked = False


def asked_to_stop() -> bool:
    """Whether the command under way was asked to, whatever became of the exception."""
    return _asked


def _stop(*_: object) -> None:
    global _asked
    _asked = True
    raise KeyboardInterrupt


@contextmanager
def heard() -> Iterator[None]:
    """A command; Ctrl-C, unless something else is done with it, is not forgotten until it ends."""
    global _asked
    _asked = False
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler or current_thread() is not main_thread():
        yield
        return
    signal.signal(signal.SIGINT, _stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def ended_softly() -> Iterator[None]:
    """A request to end this process, SIGTERM, is an interruption as Ctrl-C is."""
    before = signal.signal(signal.SIGTERM, _stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)

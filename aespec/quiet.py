"""TensorFlow without its log, for whoever imports it: a backend, or a package that has it among its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["quiet_tensorflow"]

LEVEL = "TF_CPP_MIN_LOG_LEVEL"
"""The variable that says what TensorFlow logs."""


@contextmanager
def quiet_tensorflow() -> Iterator[bool]:
    """Import TensorFlow in here, and it keeps its log to itself; unless the user has set a level of their own.

    What is written to stderr below Python is dropped meanwhile: TensorFlow's greeting comes before its level counts.

    Yields:
        Whether it is quiet.
    """
    quiet = os.environ.setdefault(LEVEL, "3") == "3"
    try:
        kept = os.dup(2) if quiet else None
    except OSError:  # a process without stderr has nothing to keep quiet
        kept = None
    if kept is None:
        yield quiet
        return
    sink = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(sink, 2)
        yield quiet
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(sink)

"""What a command's process does without, so that it starts sooner. A library leaves its user's process as it is."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["spare", "without"]

_spare: list[bool] = []


def spare() -> None:
    """Say that this process is a command's: nothing else in it wants what `without` keeps away."""
    _spare.append(True)


@contextmanager
def without(*packages: str) -> Iterator[None]:
    """Have imports in here take packages for missing that they can do without, where the process is a command's.

    Later imports find them. None in the module cache stands for one that is missing: see
    https://docs.python.org/3/reference/import.html#the-module-cache.
    """
    kept = [name for name in packages if _spare and name not in sys.modules]
    for name in kept:
        sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        for name in kept:
            del sys.modules[name]

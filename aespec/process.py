"""What holds for a whole process: what commands that train set for theirs, and a library leaves as it is."""

from __future__ import annotations

import ctypes
import os
from platform import libc_ver
from typing import TYPE_CHECKING

from aespec.registry import find_backend

if TYPE_CHECKING:
    from aespec.graph import Graph
    from aespec.plan import TrainingPlan

__all__ = ["THREADS", "cores", "keep_freed", "own", "train_several"]

THREADS = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
"""Variables of the environment that tell frameworks how many threads to use."""

_several: list[bool] = []


def own(backend: str, graph: Graph, plan: TrainingPlan) -> None:
    """Set what a process that trains such models gains by, before it builds the first.

    Raises:
        AespecError: The backend is missing.
    """
    keep_freed()
    claim = getattr(find_backend(backend), "claim", None)
    if claim is not None and not _several:
        claim(graph, plan)


def train_several() -> None:
    """Say that this process trains models of several specs, none of which may decide how the next is computed."""
    _several.append(True)


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def keep_freed() -> None:
    """Have glibc keep what is freed: it would give large blocks back, and fault them in again at each step.

    That is half of the time of an LSTM in PyTorch with batches of 256. With another C library nothing is done. See
    ``man mallopt``.
    """
    if libc_ver()[0] == "glibc":
        trim_threshold, mmap_threshold = -1, -3
        libc = ctypes.CDLL(None)
        libc.mallopt(mmap_threshold, 2**30)
        libc.mallopt(trim_threshold, 2**31 - 1)

"""The machines of a Ray cluster, making calls side by side. All have aespec, and the sweep's folder under one path."""

from __future__ import annotations

import logging
import os
import socket
from collections import deque
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aespec.diagnostics import AespecError, Diagnostic, missing
from aespec.rules import BackendUnavailable
from aespec.sweep.trials import Failure
from aespec.sweep.workers import Call, Calls, Function, died, threads

__all__ = ["Cluster"]

CPUS = 2
"""Of each call, where the number of calls at a time is not stated."""


class Cluster:
    """A connection to a Ray cluster. A call takes two processors, and a GPU where the cluster has any.

    An exception that leaves the context cancels the calls, which may take their time.
    """

    def __init__(self, function: Function, at_once: int | None, address: str | None) -> None:
        """Connect.

        Args:
            function: What is called.
            at_once: How many calls at a time, by default as many as there is room for.
            address: Of the cluster; by default the one that this machine belongs to, or one made for this sweep.

        Raises:
            AespecError: Ray is not installed, or there is no cluster at the address.
        """
        if find_spec("ray") is None:
            raise missing("ray", "ray", "to train on a cluster")
        import ray

        try:
            _reach(address)
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
        except (OSError, ValueError, RuntimeError) as error:
            raise _no_cluster(address, error) from None
        resources = ray.cluster_resources()
        total = max(int(resources.get("CPU", 1)), 1)
        cpus = min(CPUS, total) if at_once is None else max(total // at_once, 1)
        self.at_once = at_once or total // cpus
        self._ray = ray
        self._task = ray.remote(num_cpus=cpus, num_gpus=min(resources.get("GPU", 0), 1), max_retries=0)(_call)
        self._fixed = (function, str(Path.cwd()), threads(cpus))
        self._busy: dict[Any, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: BaseException | TracebackType | None) -> None:
        try:
            for task in self._busy:
                self._ray.cancel(task)
            if self._busy:
                self._ray.wait([*self._busy], num_returns=len(self._busy), timeout=60)
        finally:
            self._ray.shutdown()

    def run(self, calls: Calls) -> Iterator[tuple[int, Failure | None]]:
        """See `Workers.run`. A call whose process or machine dies has failed."""
        waiting = deque(calls.items())
        while waiting or self._busy:
            room = self.at_once - len(self._busy)
            for number, call in islice(waiting.copy(), room):
                waiting.popleft()
                self._busy[self._task.remote(*self._fixed, call)] = number
            for task in self._ray.wait([*self._busy])[0]:
                number = self._busy.pop(task)
                try:
                    failure = self._ray.get(task)
                except self._ray.exceptions.RayError as error:
                    failure = died(calls[number], " ".join(str(error).split())[:300])
                yield number, failure


def _call(function: Function, folder: str, environment: dict[str, str], call: Call) -> Failure | None:
    os.chdir(folder)
    os.environ.update(environment)
    return function(call)


def _reach(address: str | None) -> None:
    """Find out at once that nothing answers at an address; Ray would try for minutes.

    Raises:
        OSError: Nothing does.
    """
    host, _, port = (address or "").removeprefix("ray://").rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host, int(port)), timeout=10).close()


def _no_cluster(address: str | None, error: Exception) -> AespecError:
    return AespecError(
        Diagnostic(
            BackendUnavailable,
            "there is no Ray cluster to train on",
            wanted="a cluster that can be reached" if address is None else f"one that can be reached at {address}",
            got=" ".join(str(error).split()),
            help="start one with `ray start --head`, or leave `--ray-address` out for one on this machine alone",
        )
    )

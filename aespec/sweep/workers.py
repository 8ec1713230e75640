"""Processes of this machine that make calls side by side, so that one that dies takes nothing else with it."""

from __future__ import annotations

import os
import shlex
import signal
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from multiprocessing import connection, get_context, parent_process
from multiprocessing.connection import Connection
from threading import Thread
from types import TracebackType
from typing import Protocol, Self

from aespec.diagnostics import Diagnostic
from aespec.lean import spare
from aespec.process import THREADS, cores, train_several
from aespec.rules import TrialFailed
from aespec.sweep.trials import Failure

__all__ = ["Call", "Calls", "Function", "Processes", "Workers", "died", "threads"]

Call = tuple[str, ...]
Calls = Mapping[int, Call]
"""The arguments of each call, by its number."""

Function = Callable[[Call], Failure | None]
"""What is called; a function of a module, which a worker imports by its name."""

ENDED = 128 + signal.SIGTERM
"""The exit code of a process that was asked to end, as shells have it."""

PATIENCE = 60
"""Seconds that a process which was asked to end may take to write its checkpoint."""


class Workers(Protocol):
    """Makes calls side by side."""

    at_once: int
    """How many."""

    def run(self, calls: Calls) -> Iterator[tuple[int, Failure | None]]:
        """Make the calls; gives the number of each that has ended, and its failure, as they end."""


def died(call: Call, got: str) -> Failure:
    """The failure of a call that never came back."""
    return Failure.of(
        Diagnostic(
            TrialFailed,
            "its process ended before the trial did",
            wanted="a process that trains to the end",
            got=got,
            help=f"where memory ran out, use fewer `--jobs`; `aespec train {shlex.join(call)}` trains it alone",
        )
    )


def threads(count: int) -> dict[str, str]:
    """The environment that keeps a framework to so many threads, unless this process's says otherwise."""
    return {name: os.environ.get(name, str(count)) for name in THREADS}


class Processes:
    """Worker processes, started when they are needed; each keeps what it imported for its next call.

    An exception that leaves the context ends them: they are asked to, may take their time, and a second interruption
    kills them.
    """

    def __init__(self, function: Function, at_once: int) -> None:
        self.at_once, self._function = at_once, function
        self._idle: list[_Process] = []
        self._busy: dict[Connection, tuple[_Process, int]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: BaseException | TracebackType | None) -> None:
        everyone = [*self._idle, *(process for process, _ in self._busy.values())]
        for process in everyone:
            process.end(at_once=kind is not None)
        try:
            for process in everyone:
                process.wait()
        except KeyboardInterrupt:
            for process in everyone:
                process.kill()
            if kind is None:  # else it was not the first, which says how to go on
                raise

    def run(self, calls: Calls) -> Iterator[tuple[int, Failure | None]]:
        """See `Workers.run`. A call whose process dies has failed; the next has a new process."""
        waiting = deque(calls.items())
        while waiting or self._busy:
            while waiting and len(self._busy) < self.at_once:
                number, call = waiting.popleft()
                self._idle = [process for process in self._idle if process.alive]
                process = self._idle.pop() if self._idle else self._start()
                process.call(call)
                self._busy[process.line] = process, number
            ended = connection.wait([*self._busy])
            for line in [line for line in self._busy if line in ended]:
                process, number = self._busy.pop(line)
                try:
                    failure = process.result()
                    self._idle.append(process)
                except (EOFError, ConnectionError):
                    failure = died(calls[number], process.death())
                yield number, failure

    def _start(self) -> _Process:
        return _Process(self._function, threads(max(cores() // self.at_once, 1)) if self.at_once > 1 else {})


class _Process:
    """One worker process, and the line to it."""

    def __init__(self, function: Function, environment: Mapping[str, str]) -> None:
        context = get_context("spawn")  # a fork of a process with threads may hang
        self.line, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(function, theirs, dict(environment)), daemon=True)
        with _no_interruptions():
            self._process.start()
        theirs.close()

    @property
    def alive(self) -> bool:
        return self._process.is_alive()

    def call(self, call: Call) -> None:
        with suppress(ConnectionError):  # one that is dead is found to be when it is asked for the result
            self.line.send(call)

    def result(self) -> Failure | None:
        found: Failure | None = self.line.recv()
        return found

    def death(self) -> str:
        """How the process came to its end."""
        self._process.join()
        code = self._process.exitcode or 0
        if code >= 0:
            return f"exit code {code}"
        return f"killed by {signal.Signals(-code).name}"

    def end(self, *, at_once: bool) -> None:
        if at_once:
            self._process.terminate()
        self.line.close()

    def wait(self) -> None:
        self._process.join(PATIENCE)
        if self.alive:
            self.kill()

    def kill(self) -> None:
        self._process.kill()
        self._process.join()


@contextmanager
def _no_interruptions() -> Iterator[None]:
    """What is started meanwhile ignores Ctrl-C, which a terminal sends to all processes: who waits for it decides."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _work(function: Function, line: Connection, environment: Mapping[str, str]) -> None:
    """What a worker process does: calls until there are no more, and ends when it is asked to."""
    os.environ.update(environment)  # before any framework is imported
    spare()
    train_several()
    Thread(target=_end_with_parent, daemon=True).start()
    try:
        while True:
            line.send(function(line.recv()))
    except (EOFError, ConnectionError):
        return
    except KeyboardInterrupt:
        raise SystemExit(ENDED) from None


def _end_with_parent() -> None:
    """End this process, as if it was asked to, when the one that started it is gone."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)

"""Loggers: what a training run tells TensorBoard or MLflow while it goes, beside the files of its folder.

    loggers = Loggers({name: find_logger(name) for name in names}, warn=print)
    loggers.begin(folder, spec, {"backend": "torch", "dtype": "float32", "data": "digits", "samples": 1797}, epochs)
    loggers.epoch(epoch)  # after each
    loggers.end(final)  # when all files are written; None, in the handler of what stopped it, where it was stopped

A run that goes on in its folder goes on in its logs, which get what they lack of its epochs up to there. Metrics are
called ``loss/total``, ``validation/total`` and so on for each term, ``learning_rate``, ``seconds`` and
``images_per_second``; a step is an epoch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from textwrap import shorten
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from aespec.course import Listener
from aespec.diagnostics import AespecError, Diagnostic, missing, nearest
from aespec.loggers.mlflow import MLflow
from aespec.loggers.tensorboard import TensorBoard
from aespec.rules import UnknownKind

if TYPE_CHECKING:
    from aespec.spec import Spec
    from aespec.training import Epoch

__all__ = ["LOGGERS", "Logger", "Loggers", "MLflow", "TensorBoard", "find_logger", "forget", "logged"]


class Logger(Protocol):
    """Hears of a run."""

    local: ClassVar[bool]
    """Whether its log is in the run's folder, so that it goes on unasked where the run does."""

    def begin(self, folder: Path, spec: Spec, facts: Mapping[str, Any], epochs: Sequence[Epoch] = ()) -> None:
        """A run begins, or goes on, in a folder.

        Args:
            folder: The folder.
            spec: The spec, resolved.
            facts: Its backend, dtype, data, samples, parameters, versions.
            epochs: Those that are over. Training may have been killed before one was logged, or logging have failed.
        """

    def epoch(self, epoch: Epoch) -> None:
        """An epoch has ended."""

    def end(self, final: Mapping[str, Any] | None) -> None:
        """The run has ended, with these losses; None where it was stopped before its end."""

    @staticmethod
    def left(folder: Path) -> bool:
        """Whether a run's folder has what this logger leaves there."""

    @staticmethod
    def forget(folder: Path) -> None:
        """Take that away."""


class Loggers(Listener):
    """Several loggers as one. One that fails is left out from then on, which is said once; training goes on."""

    def __init__(self, loggers: Mapping[str, Logger], warn: Callable[[str], None]) -> None:
        self._loggers, self._warn = dict(loggers), warn

    def begin(self, folder: Path, spec: Spec, facts: Mapping[str, Any], epochs: Sequence[Epoch] = ()) -> None:
        """Tell all that a run begins, or goes on after some epochs."""
        self._tell(lambda logger: logger.begin(folder, spec, facts, epochs))

    def epoch(self, epoch: Epoch) -> None:
        """Tell all of an epoch."""
        self._tell(lambda logger: logger.epoch(epoch))

    def end(self, final: Mapping[str, Any] | None) -> None:
        """Tell all that the run has ended."""
        self._tell(lambda logger: logger.end(final))

    def _tell(self, what: Callable[[Logger], None]) -> None:
        for name, logger in list(self._loggers.items()):
            try:
                what(logger)
            except Exception as error:
                del self._loggers[name]
                why = shorten(f"{type(error).__name__}: {error}", 250, placeholder=" ...")
                self._warn(f"warning: {name} logs no more of this run, which goes on without it ({why})")


LOGGERS: Mapping[str, type[Logger]] = MappingProxyType({"mlflow": MLflow, "tensorboard": TensorBoard})
"""Each logger by its name, which is also that of the package that it needs, and of aespec's extra with it."""


def find_logger(name: str) -> Logger:
    """A logger by its name. Its package is looked for, and not imported yet.

    Raises:
        AespecError: There is none of that name, or its package is not installed.
    """
    if name not in LOGGERS:
        near = nearest(name, LOGGERS)
        raise AespecError(
            Diagnostic(
                UnknownKind,
                f"unknown logger `{name}`",
                wanted=", ".join(f"`{known}`" for known in LOGGERS),
                got=f"`{name}`",
                help=f"did you mean `{near}`?"
                if near
                else "every run has its history in `history.csv`, without a logger",
            )
        )
    if find_spec(name) is None:
        raise missing(name, name, "to log to it")
    return LOGGERS[name]()


def logged(folder: Path) -> list[str]:
    """The loggers that a run was logged with, by what they left in its folder."""
    return [name for name, logger in LOGGERS.items() if logger.left(folder)]


def forget(folder: Path) -> None:
    """Let a run that begins anew in a folder begin anew in its logs: take away what loggers left in the folder."""
    for logger in LOGGERS.values():
        logger.forget(folder)

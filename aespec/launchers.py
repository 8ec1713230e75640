"""Launchers: what starts processes that train one model together, and how many they are by their environment."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aespec.diagnostics import AespecError, Diagnostic, show
from aespec.rules import BadLaunch

__all__ = ["TF_CONFIG", "TORCHRUN", "Launcher", "need_alone", "started_by", "trained_together"]


@dataclass(frozen=True)
class Launcher:
    """A way to start processes."""

    name: str
    variable: str
    """The variable of the environment that says how many they are."""
    example: str
    """How two are started, or one of two."""
    count: Callable[[str], int]
    """How many there are by the text of the variable. It raises an `AespecError` where that cannot be told."""

    @property
    def processes(self) -> int:
        """How many processes were started so, this one among them; 1 where none was.

        Raises:
            AespecError: The variable is wrong.
        """
        text = os.environ.get(self.variable)
        return self.count(text) if text else 1


def trained_together() -> bool:
    """Whether this process is one of several that train a model together."""
    return any(launcher.processes > 1 for launcher in LAUNCHERS)


def need_alone(command: str) -> None:
    """Refuse several processes, for a command that does not share its work.

    Raises:
        AespecError: This is one of several.
    """
    for launcher in LAUNCHERS:
        if (count := launcher.processes) > 1:
            raise AespecError(
                Diagnostic(
                    BadLaunch,
                    f"each process of `{launcher.name}` would do all that `aespec {command}` does",
                    wanted="one process",
                    got=f"{count} processes by `{launcher.variable}`",
                    help=f"start it alone, without `{launcher.variable}`; `aespec train` is what several share",
                )
            )


def started_by(launcher: Launcher, backend: str) -> int:
    """How many processes train with a backend that takes those of a launcher, this one among them.

    Raises:
        AespecError: The launcher's variable is wrong, or another one was used.
    """
    count = launcher.processes
    for other in LAUNCHERS if count == 1 else ():
        if (found := other.processes) > 1:
            raise AespecError(
                Diagnostic(
                    BadLaunch,
                    f"each process of `{other.name}` would train a model of its own: "
                    f"`{backend}` takes those of `{launcher.name}`",
                    wanted=f"processes that are started as in `{launcher.example}`",
                    got=f"{found} processes by `{other.variable}`",
                    help=f"start them as is wanted, or one alone without `{other.variable}`: see docs/training.md",
                )
            )
    return count


def _by_torchrun(text: str) -> int:
    if not text.isdecimal():
        raise _wrong(TORCHRUN, "`WORLD_SIZE` is no number of processes", show(text))
    lacking = [name for name in ("RANK", "MASTER_ADDR", "MASTER_PORT") if name not in os.environ]
    if int(text) > 1 and lacking:
        message = f"`WORLD_SIZE` speaks of {text} processes, which lack what else `torchrun` sets"
        raise _wrong(TORCHRUN, message, f"no {' and no '.join(f'`{name}`' for name in lacking)}")
    return int(text)


def _by_cluster(text: str) -> int:
    """The tasks of a cluster, all of which have to be workers where there are several."""
    try:
        config = json.loads(text)
    except ValueError as error:
        raise _wrong(TF_CONFIG, "`TF_CONFIG` is not JSON", f"{show(text)}: {error}") from None
    cluster = config.get("cluster", {}) if isinstance(config, dict) else None
    if not isinstance(cluster, dict) or not all(isinstance(each, list) for each in cluster.values()):
        raise _wrong(TF_CONFIG, "`TF_CONFIG` names no cluster", show(config))
    count = sum(map(len, cluster.values()))
    if count > 1 and [*cluster] != ["worker"]:
        raise _wrong(TF_CONFIG, "the cluster in `TF_CONFIG` is not one of workers alone", show(cluster))
    if (count > 1 or (count and config.get("task"))) and not _is_one_of(cluster, config.get("task")):
        message = "`TF_CONFIG` does not say which task this is"
        raise _wrong(TF_CONFIG, message, f"task: {show(config['task'])}" if "task" in config else "no `task`")
    return count or 1


def _is_one_of(cluster: Mapping[str, Sequence[Any]], task: Any) -> bool:
    try:
        index = int(task["index"])  # as TensorFlow reads it
    except (TypeError, KeyError, ValueError, OverflowError):
        return False
    return 0 <= index < len(cluster.get(str(task.get("type")), ()))


def _wrong(launcher: Launcher, message: str, got: str) -> AespecError:
    help = f"correct it, or unset `{launcher.variable}` to train in one process: see docs/training.md"
    return AespecError(Diagnostic(BadLaunch, message, wanted=f"as in `{launcher.example}`", got=got, help=help))


TORCHRUN = Launcher(
    "torchrun", "WORLD_SIZE", "torchrun --nproc-per-node 2 -m aespec train SPEC --backend torch", _by_torchrun
)
TF_CONFIG = Launcher(
    "TF_CONFIG",
    "TF_CONFIG",
    """TF_CONFIG='{"cluster": {"worker": ["a:4000", "b:4000"]}, "task": {"type": "worker", "index": 0}}' """
    "aespec train SPEC --backend keras",
    _by_cluster,
)
LAUNCHERS = (TORCHRUN, TF_CONFIG)

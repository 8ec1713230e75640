"""Checkpoints: one file that training can go on from, on any backend, whole or not there.

``checkpoint/last.safetensors`` has the weights, what the optimizer keeps and, where they are wanted, the best weights,
all under canonical names; the spec, what epochs came to, and the stage under way are JSON in its header. Random numbers
depend on the seed and the epoch, so they need no state.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aespec.diagnostics import AespecError, Diagnostic
from aespec.files import whole
from aespec.rules import RunBusy, RunUnreadable
from aespec.training import Epoch, State

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from aespec.stages import Stage

    Array = NDArray[np.floating[Any]]

__all__ = ["Checkpoint", "Keeper", "busy", "exists", "locked", "read"]

FILE = Path("checkpoint") / "last.safetensors"
LOCK = ".lock"
PAUSE = 0.5
"""Seconds between two checkpoints, so that epochs of milliseconds are not spent on writing."""


@dataclass(frozen=True)
class Checkpoint:
    """Where a run is."""

    stage: int = 0
    """The stage under way, counted from 0."""
    past: tuple[Epoch, ...] = ()
    """The epochs of the stages before."""
    weights: Mapping[str, Array] = field(default_factory=dict)
    """The whole model's."""
    state: State = field(default_factory=State)
    """Of the stage under way, its weights among those of the model."""
    spec: Mapping[str, Any] = field(default_factory=dict)
    """The resolved spec of the run, where it was read from a folder; empty where it was written without one."""

    @property
    def epochs(self) -> tuple[Epoch, ...]:
        """All that are over."""
        return (*self.past, *self.state.epochs)

    def moved_on(self, stages: Sequence[Stage]) -> Checkpoint:
        """The same place by these stages of a plan: where a phase of greedy training is over, the next's beginning."""
        stage = stages[self.stage]
        if not stage.name or not self.state.is_last(stage.plan):
            return self
        weights = {**self.weights, **self.state.kept}
        return replace(self, stage=self.stage + 1, past=self.epochs, weights=weights, state=State())


class Keeper:
    """Writes checkpoints into a run's folder: the first, then at most one each half second, and the last."""

    def __init__(self, folder: Path, spec: Mapping[str, Any]) -> None:
        self._path, self._spec, self._last = folder / FILE, spec, 0.0
        self._waiting: Checkpoint | None = None

    def keep(self, checkpoint: Checkpoint) -> None:
        """Write a checkpoint, now or, where one was just written, when the next comes or at the end."""
        self._waiting = checkpoint
        if time.monotonic() - self._last > PAUSE:
            self.flush()

    def flush(self) -> None:
        """Write what waits to be written."""
        if self._waiting is None:
            return
        try:
            _write(self._path, replace(self._waiting, spec=self._spec))
        except OSError:  # a second attempt, when training ends by this, would fail like the first
            self._waiting = None
            raise
        self._last, self._waiting = time.monotonic(), None


def _write(path: Path, checkpoint: Checkpoint) -> None:
    import numpy as np
    from safetensors.numpy import save

    state = checkpoint.state
    parts = {"weights": {**checkpoint.weights, **state.weights}, "optimizer": state.optimizer, "best": state.best}
    tensors = {f"{part}/{name}": np.array(v, order="C") for part, found in parts.items() for name, v in found.items()}
    position = {
        "spec": checkpoint.spec,
        "stage": checkpoint.stage,
        "past": len(checkpoint.past),
        "epochs": list(map(asdict, checkpoint.epochs)),
    }
    path.parent.mkdir(exist_ok=True)
    with whole(path) as temporary, temporary.open("wb") as file:
        file.write(save(tensors, {"aespec": json.dumps(position)}))
        file.flush()
        os.fsync(file.fileno())  # or a power failure could leave the name without the contents


def read(folder: Path) -> Checkpoint:
    """The last checkpoint of a run.

    Raises:
        AespecError: There is none, or it is damaged.
    """
    from safetensors import SafetensorError, safe_open

    path = folder / FILE
    try:
        with safe_open(path, "numpy") as file:
            position = json.loads(file.metadata()["aespec"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it is no mapping)
        epochs = tuple(Epoch(**epoch) for epoch in position["epochs"])
        past, stage, spec = int(position["past"]), int(position["stage"]), dict(position.get("spec", {}))
    except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
        gone = isinstance(error, FileNotFoundError)
        raise AespecError(
            Diagnostic(
                RunUnreadable,
                f"{folder} has no checkpoint to go on from" if gone else f"the checkpoint of {folder} is damaged",
                wanted=f"the checkpoint {path}",
                got="no such file" if gone else f"{type(error).__name__}: {error}",
                help="begin again: `aespec train SPEC -o RUN --force`, or with another `-o` to keep what this one has",
            )
        ) from None
    parts = {part: _part(tensors, part) for part in ("weights", "optimizer", "best")}
    return Checkpoint(stage, epochs[:past], parts["weights"], State(epochs[past:], **parts), spec)


def exists(folder: Path) -> bool:
    """Whether a run has a checkpoint."""
    return (folder / FILE).is_file()


def _part(tensors: Mapping[str, Array], part: str) -> dict[str, Array]:
    return {name.removeprefix(f"{part}/"): value for name, value in tensors.items() if name.startswith(f"{part}/")}


def busy(folder: Path) -> bool:
    """Whether a process has a run's folder for itself now."""
    if not (folder / LOCK).is_file():
        return False
    try:
        with locked(folder):
            return False
    except AespecError:
        return True
    except OSError:  # a lock that this user may not take
        return False


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """A run's folder for this process alone. The lock ends with the process, however that ends.

    Raises:
        AespecError: Another process has it.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise AespecError(
            Diagnostic(
                RunBusy,
                f"another process is training in {folder}",
                wanted="a folder that no other process trains in",
                got=f"the lock {folder / LOCK} is held",
                help="wait for it to end; a new run can have another folder, with `-o`",
            )
        ) from None
    try:
        yield
    finally:
        lock.release()

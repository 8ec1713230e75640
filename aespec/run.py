"""The run folder: everything that a training run was, readable by any backend.

``spec.yaml`` (resolved), ``weights.safetensors``, ``history.csv``, ``run.json`` (versions, seed, data,
timings), and the pictures made of it.
"""

from __future__ import annotations

import csv
import json
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ValidationError

from aespec import __version__, weights
from aespec.backend import Model
from aespec.diagnostics import AespecError, Diagnostic, show
from aespec.graph import Graph
from aespec.passes import Limits, compile
from aespec.registry import find_backend
from aespec.rules import FolderUnwritable, RunExists, RunUnreadable
from aespec.source.yaml_dump import dump_yaml
from aespec.spec import Spec, load
from aespec.training import Epoch, check, fit, split, trainable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from aespec.data import Dataset

    Array = NDArray[np.floating[Any]]

__all__ = ["Built", "Run", "build", "clear", "open_run", "prepare", "train", "unwritable"]

SPEC, WEIGHTS, HISTORY, RECORD = "spec.yaml", "weights.safetensors", "history.csv", "run.json"

SAVED = ".saved"
"""Names the files that a backend saved beside the weights, a line each, so that no others are taken away."""

UNFINISHED = ".unfinished"
"""The file that a run has in its folder while it lasts: what it leaves when it fails may be written over."""


class DataRecord(BaseModel):
    """What a run was trained on."""

    name: str
    path: str | None = None
    samples: int
    fingerprint: str
    notes: list[str]


class Record(BaseModel):
    """What ``run.json`` holds."""

    aespec: str
    backend: str
    dtype: Literal["float32", "float64"]
    seed: int
    versions: dict[str, str]
    data: DataRecord
    seconds: dict[str, float]
    final: dict[str, dict[str, float]]


@dataclass(frozen=True)
class Run:
    """A finished run, read from its folder."""

    folder: Path
    spec: Spec
    graph: Graph
    record: Mapping[str, Any]
    """What ``run.json`` holds: backend, dtype, seed, data, versions, seconds."""

    def model(self, backend: str | None = None) -> Model:
        """The trained model, on the backend that trained it or on another."""
        built = find_backend(backend or self.record["backend"]).build(self.graph, dtype=self.record["dtype"])
        found = weights.read(self.folder / WEIGHTS)
        weights.check(self.graph, found)
        built.load_weights(found)
        return built

    def trained_on(self, data: Dataset) -> bool:
        """Whether these are the samples that the run was given, or begin with them."""
        given = self.record["data"]
        same: bool = replace(data, inputs=data.inputs[: given["samples"]]).fingerprint == given["fingerprint"]
        return same

    def unseen(self, x: Array) -> Array:
        """Those of the run's samples, and of what comes behind them in its data, that it was not trained on."""
        training, _ = split(x[: self.record["data"]["samples"]], self.spec.training.validation_split)
        return x[len(training) :]


@dataclass(frozen=True)
class Built:
    """A model that can be trained, and what built it."""

    model: Model
    backend: str
    dtype: str
    versions: Mapping[str, str]
    seconds: float


def prepare(folder: Path, *, force: bool = False, source: Path | None = None) -> None:
    """Make a run folder, before any work is done for it. What an unfinished run left in it is no obstacle.

    Args:
        folder: Where the run is to be.
        force: Let it take the place of what is there.
        source: The file that the spec was read from, which no run may write over.

    Raises:
        AespecError: It holds something else, and ``force`` is not set, or the source, or it cannot be written.
    """
    try:
        if source is not None and source.resolve() == (folder / SPEC).resolve():
            raise AespecError(
                Diagnostic(
                    RunExists,
                    f"{source} would be written over by the resolved spec",
                    wanted="a folder other than the one that has the spec",
                    got=f"the folder {folder}",
                    help="give another with `-o`",
                )
            )
        folder.mkdir(parents=True, exist_ok=True)
        kept = [path.name for path in folder.iterdir()]
        if kept and not force and UNFINISHED not in kept:
            raise AespecError(
                Diagnostic(
                    RunExists,
                    f"{folder} is not empty",
                    wanted="a new or empty folder",
                    got=f"a folder with {', '.join(sorted(kept)[:4])}",
                    help="give another with `-o`, or `--force` to write over it",
                )
            )
        (folder / ".part").touch()
        (folder / ".part").unlink()
    except OSError as error:
        raise unwritable(folder, error) from None


def unwritable(folder: Path, error: Exception) -> AespecError:
    """What keeps files from being written into a folder, in plain words."""
    got = str(error.strerror or error) if isinstance(error, OSError) else str(error)
    if isinstance(error, FileExistsError | NotADirectoryError):
        got = "a file that stands in its way"
    return AespecError(
        Diagnostic(
            FolderUnwritable,
            f"{folder} cannot be written",
            wanted="a folder with room that may be written",
            got=got,
            help="look at the free space and the permissions there, or choose another folder with `-o`",
        )
    )


def clear(folder: Path) -> None:
    """Take away what an earlier run or build left in a folder, the record first: nothing half gone looks finished."""
    for name in (RECORD, WEIGHTS, HISTORY, SPEC, "reconstructions.png"):
        (folder / name).unlink(missing_ok=True)
    with suppress(FileNotFoundError):
        for name in (folder / SAVED).read_text(encoding="utf-8").splitlines():
            (folder / Path(name).name).unlink(missing_ok=True)
        (folder / SAVED).unlink()


def build(spec: Spec, *, backend: str, dtype: str = "float32", limits: Limits | None = None) -> Built:
    """Build a spec's model to be trained.

    Raises:
        AespecError: The spec or the backend are wrong, or the model cannot be trained.
    """
    graph = compile(spec, limits)
    engine = find_backend(backend)
    start = time.perf_counter()
    model = trainable(engine.build(graph, seed=spec.training.seed, dtype=dtype))
    return Built(model, backend, dtype, engine.versions(), time.perf_counter() - start)


def train(
    spec: Spec,
    data: Dataset,
    folder: Path,
    built: Built,
    *,
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
    tick: Callable[[int, int], None] = lambda epoch, done: None,
) -> Run:
    """Train the model that `build` made of a spec and write the run into a folder that `prepare` made.

    The resolved spec is written first and the weights last, each whole or not at all. Where training fails
    the history so far stays.

    Raises:
        AespecError: The data does not fit, or the loss stopped being finite.
    """
    model = built.model
    check(model, data.inputs, spec.training, data.name)
    (folder / UNFINISHED).touch()
    clear(folder)
    _write(folder / SPEC, dump_yaml(spec.to_data()))
    epochs: list[Epoch] = []

    def note(epoch: Epoch) -> None:
        epochs.append(epoch)
        _write(folder / HISTORY, _history(epochs))
        on_epoch(epoch)

    fit(model, data.inputs, spec.training, on_epoch=note, tick=tick)
    weights.write(folder / WEIGHTS, model.weights())
    record: dict[str, Any] = {
        "aespec": __version__,
        "backend": built.backend,
        "dtype": built.dtype,
        "seed": spec.training.seed,
        "versions": {"python": platform.python_version(), **built.versions},
        "data": {
            "name": data.name,
            "path": data.path and str(data.path),
            "samples": len(data.inputs),
            "fingerprint": data.fingerprint,
            "notes": list(data.notes),
        },
        "seconds": {"build": round(built.seconds, 3), "training": round(sum(e.seconds for e in epochs), 3)},
        "final": {"training": epochs[-1].losses, "validation": epochs[-1].validation},
    }
    _write(folder / RECORD, json.dumps(record, indent=2) + "\n")
    (folder / UNFINISHED).unlink()
    return Run(folder, spec, model.graph, record)


def open_run(folder: Path) -> Run:
    """Read a run folder.

    Raises:
        AespecError: It is not one, or it is damaged or unfinished.
    """
    missing = [name for name in (SPEC, WEIGHTS, RECORD) if not (folder / name).is_file()]
    if missing:
        raise AespecError(
            Diagnostic(
                RunUnreadable,
                f"{folder} is not the folder of a finished run",
                wanted=f"a folder with {SPEC}, {WEIGHTS} and {RECORD}",
                got=f"no {' and no '.join(missing)}" if folder.is_dir() else "no such folder",
                help="`aespec train SPEC --backend torch --data digits` makes one and prints its name",
            )
        )
    try:
        record = Record.model_validate_json((folder / RECORD).read_bytes()).model_dump()
    except (OSError, ValueError) as error:
        raise AespecError(
            Diagnostic(
                RunUnreadable,
                f"{folder / RECORD} cannot be read",
                wanted="the record of a run",
                got=_damage(error),
                help="train the run again, or restore the file",
            )
        ) from None
    spec = load(folder / SPEC)
    return Run(folder, spec, compile(spec, Limits(parameters=10**15, activations=10**15)), record)


def _damage(error: OSError | ValueError) -> str:
    """What is wrong with a record: every field that is missing or holds what it should not."""
    if not isinstance(error, ValidationError):
        return str(error)
    found = []
    for fault in error.errors(include_url=False):
        field = ".".join(map(str, fault["loc"])) or "the whole"
        match fault["type"]:
            case "missing":
                found.append(f"no `{field}`")
            case "json_invalid":
                found.append("text that is not JSON")
            case _:
                found.append(f"`{field}: {show(fault['input'])}`" if fault["loc"] else show(fault["input"]))
    return ", ".join(found)


def history(folder: Path) -> list[dict[str, float]]:
    """The rows of a run's history: epoch, seconds, each term of the loss, and each with ``val_`` before it."""
    with (folder / HISTORY).open(encoding="utf-8", newline="") as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def _history(epochs: Sequence[Epoch]) -> str:
    rows = [
        {
            "epoch": epoch.number,
            "seconds": f"{epoch.seconds:.3f}",
            **{name: repr(value) for name, value in epoch.losses.items()},
            **{f"val_{name}": repr(value) for name, value in epoch.validation.items()},
        }
        for epoch in epochs
    ]
    lines = [",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]
    return "\n".join(lines) + "\n"


def _write(path: Path, text: str) -> None:
    temporary = path.with_name(path.name + ".part")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
